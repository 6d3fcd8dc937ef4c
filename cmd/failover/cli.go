package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/control"
)

// The exit codes of every command.
const (
	exitFine     = 0
	exitFailed   = 1 // also: something is wrong, or differs
	exitUsage    = 2 // wrong usage or an invalid configuration
	exitNoDaemon = 3
)

// defaultFile is the configuration where no other is named.
const defaultFile = "/etc/failover/failover.toml"

// cli is one invocation: where it writes, and the flags that many commands share.
type cli struct {
	out, err io.Writer
	file     string
	fileSet  bool
	node     string
	socket   string
	json     bool
}

// failure is an error with an exit code and advice.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// quiet ends a command whose output has said everything already.
func quiet() error { return &failure{code: exitFailed} }

// run carries one command line out and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	c := &cli{out: stdout, err: stderr}
	root := c.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteC()
	if err == nil {
		return exitFine
	}
	var f *failure
	if !errors.As(err, &f) {
		// Only cobra's own errors come without a code: wrong flags.
		f = wrongUsage(cmd, err)
	}
	if f.err != nil {
		// The package is ours to know; a user has one program.
		text := strings.TrimPrefix(strings.TrimPrefix(f.err.Error(), "conf: "), "peer: ")
		fmt.Fprintf(stderr, "failover: error: %s\n", text)
	}
	if f.hint != "" {
		fmt.Fprintf(stderr, "failover: hint: %s\n", f.hint)
	}
	return f.code
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "failover",
		Short: "A pair of LVS directors: one master by VRRP, the same IPVS table on both",
		Long: `failover runs on two machines with the same file. One of them is master by VRRP
and has the virtual addresses; both check the real servers and keep the same
IPVS table, so that a take-over finds everything in place.`,
		Example: `  failover validate ./failover.toml
  failover run --node lb1 -c ./failover.toml
  failover status`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SuggestionsMinimumDistance = 2
	root.PersistentFlags().StringVarP(&c.file, "config", "c", defaultFile, "the configuration `file`")
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		c.fileSet = cmd.Flags().Changed("config")
	}
	root.AddCommand(c.runCommand(), c.directorCommand(), c.validateCommand(), c.planCommand(),
		c.reloadCommand(), c.restartCommand(), c.statusCommand(), c.realserverCommand(),
		c.drainCommand(), c.disableCommand(), c.enableCommand(), c.weightCommand(), c.maintenanceCommand(), c.switchoverCommand(),
		c.exportCommand(), c.importCommand(), c.releaseCommand(), c.keygenCommand(), c.completionCommand(), c.versionCommand())
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help"})
	c.completions(root)
	return root
}

// wrongUsage is a command line that cannot be understood.
func wrongUsage(cmd *cobra.Command, err error) *failure {
	return &failure{code: exitUsage, err: err, hint: "see " + cmd.CommandPath() + " --help"}
}

// knownCommand refuses what is left over where a command was expected.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	f := wrongUsage(root, fmt.Errorf("unknown command %q", args[0]))
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		f.hint = "did you mean " + strings.Join(near, " or ") + "? " + f.hint
	}
	return f
}

// noArguments refuses every argument.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return wrongUsage(cmd, fmt.Errorf("%s takes no argument, got %q", cmd.Name(), args[0]))
}

// oneArgument refuses a second argument.
func oneArgument(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return wrongUsage(cmd, fmt.Errorf("%s takes one argument at most, got a second, %q", cmd.Name(), args[1]))
}

func (c *cli) nodeFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.node, "node", "", "this director's `name` in the file; default: the host name")
}

func (c *cli) jsonFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.json, "json", false, "write JSON")
}

func (c *cli) socketFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.socket, "socket", "", "the daemon's control `socket`; default: daemon.socket of the file")
}

// client is the way to the daemon.
func (c *cli) client() *control.Client { return control.NewClient(c.socketPath()) }

// socketPath is the socket of the flag, else of the file. The file is not read
// where the default socket is there: status must be quick, and must work while
// the file is broken.
func (c *cli) socketPath() string {
	if c.socket != "" {
		return c.socket
	}
	standard := conf.DefaultDaemon().Socket
	if _, err := os.Stat(standard); err == nil && !c.fileSet {
		return standard
	}
	if d, err := conf.Peek(c.file); err == nil {
		return d.Daemon.Socket
	}
	return standard
}

// asked words the error of a question to the daemon.
func asked(err error) error {
	var told *api.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, control.ErrNoDaemon):
		return &failure{exitNoDaemon, err, "is it running? systemctl status failover, or: failover run"}
	case errors.As(err, &told) && told.Invalid:
		return &failure{exitUsage, told, told.Hint}
	case errors.As(err, &told):
		return &failure{exitFailed, told, told.Hint}
	default:
		return &failure{code: exitFailed, err: err}
	}
}

// details prints the lines an error brings along.
func (c *cli) details(err error) {
	var told *api.Error
	if errors.As(err, &told) {
		for _, line := range told.Details {
			fmt.Fprintln(c.err, line)
		}
	}
}

// interruptible is a context that ends with Ctrl-C.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// buildVersion is the version of this binary.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
