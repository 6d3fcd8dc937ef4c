package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/engine"
	"failover/internal/ipc"
	"failover/internal/logs"
)

func (c *cli) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon of this director, in the foreground",
		Long: `Run the daemon of this director, in the foreground.

SIGHUP reads the file again. SIGTERM hands the masterships over and stops: the
neighbour takes over while this director still answers. The IPVS table stays.`,
		Example: `  failover run
  failover run --node lb1 -c ./failover.toml`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return c.run() },
	}
	c.nodeFlag(cmd)
	return cmd
}

// run is both stages of a start: the first checks the file and sets the
// scheduling policy, the second, the same binary executed again, is the engine.
func (c *cli) run() error {
	dir := engine.RuntimeDir()
	stage, entered := engine.CurrentStage()
	if !entered {
		prepare := c.prepare
		if engine.IsHeir() {
			prepare = c.prepareHeir
		}
		first, err := prepare(dir)
		if err != nil {
			return err
		}
		return &failure{code: exitFailed, err: engine.Enter(first)}
	}
	log, flush := daemonLogger("engine", stage.LogFormat, slog.LevelInfo)
	defer flush()
	o := engine.Options{
		RuntimeDir: dir, Realtime: stage.Realtime, Warnings: stage.Warnings, Log: log, Director: c.directorProcess,
		Self: sameProcess, Version: buildVersion(),
	}
	if engine.IsHeir() {
		var err error
		if o.Holder, err = engine.HeirLine(); err != nil {
			return &failure{code: exitFailed, err: err}
		}
	}
	err := engine.Run(context.Background(), o)
	var refused *engine.RefusedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return c.refused(refused)
	case errors.Is(err, engine.ErrRunning):
		return &failure{exitFailed, err, "stop it first: systemctl stop failover"}
	default:
		return &failure{exitFailed, err, runHint(err)}
	}
}

// refused words what the director says of a start that cannot succeed. What is wrong
// in a file is told as validate does.
func (c *cli) refused(why *engine.RefusedError) error {
	if _, wrong := conf.Load(c.file); wrong != nil {
		return c.invalid(wrong)
	}
	return &failure{code: why.ExitCode, err: why, hint: why.Hint}
}

// prepare finds out how the engine is to be executed. Of a large file it reads only
// what that takes; the director will say what is wrong in the rest. After a crash it
// does not read the file: the restart must be quick, and must go on with what was in
// force even if the file is broken now.
func (c *cli) prepare(dir string) (engine.Stage, error) {
	last, ok, lost := engine.Remembered(dir)
	if ok {
		return engine.Stage{Realtime: last.Realtime, LogFormat: last.LogFormat}, nil
	}
	d, err := conf.Glance(c.file)
	if err != nil {
		return engine.Stage{}, c.invalid(err)
	}
	s := engine.Stage{Realtime: d.Daemon.Realtime, LogFormat: d.Daemon.LogFormat}
	if lost != nil {
		s.Warnings = append(s.Warnings, "the configuration of the process before is not known: "+lost.Error())
	}
	return s, c.knowsThisHost(d)
}

// prepareHeir finds out how the engine is to be executed that goes on in the place of
// one that runs. It reads the file, as any start does that is not after a crash, and
// tells that engine what is wrong with it.
func (c *cli) prepareHeir(string) (engine.Stage, error) {
	d, unread := conf.Load(c.file)
	var err error
	if unread != nil {
		err = c.invalid(unread)
	} else {
		err = c.knowsThisHost(d)
	}
	if err == nil {
		return engine.Stage{Realtime: d.Daemon.Realtime, LogFormat: d.Daemon.LogFormat}, nil
	}
	r := ipc.Refuse{ExitCode: exitUsage, Reason: strings.TrimPrefix(err.Error(), "conf: "), Hint: "failover validate checks the file"}
	var list conf.Errors
	if errors.As(unread, &list) {
		for _, e := range list {
			r.Details = append(r.Details, e.Error())
		}
	}
	if told := engine.RefuseHolder(r); told != nil {
		return engine.Stage{}, &failure{code: exitFailed, err: errors.Join(err, told)}
	}
	return engine.Stage{}, err
}

// sameProcess is the command of another process like this one: the program that has
// its path now, with its arguments.
func sameProcess() *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0] // starting it will say what is wrong
	}
	cmd := exec.Command(exe, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// knowsThisHost tells whether the file has a director for this machine.
func (c *cli) knowsThisHost(d conf.Deployment) error {
	hostname, err := os.Hostname()
	if err == nil || c.node != "" {
		_, err = d.NodeFor(c.node, hostname)
	}
	if err != nil {
		return &failure{code: exitUsage, err: err}
	}
	return nil
}

func runHint(err error) string {
	if errors.Is(err, os.ErrPermission) {
		return "the daemon needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE"
	}
	return ""
}

// directorProcess is the command of the second process: of the program that runs, also
// where an upgrade has put another one in its place. The two speak one language, and
// change together (failover restart).
func (c *cli) directorProcess() *exec.Cmd {
	args := []string{"director", "--config", c.file}
	if c.node != "" {
		args = append(args, "--node", c.node)
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// daemonLogger is the logger of one of the two processes. Neither waits for its
// log to be read, nor dies of nobody reading it: SIGPIPE is taken and forgotten.
// (Ignored, it would be ignored by every program that a check or a hook runs.)
func daemonLogger(process, format string, level slog.Leveler) (log *slog.Logger, flush func()) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	h, flush := logs.Patient(newLogger(os.Stderr, format, level).Handler())
	return slog.New(h).With("process", process), flush
}

// newLogger writes text or JSON lines; where systemd's journal reads them it adds
// the time itself.
func newLogger(w *os.File, format string, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if underJournal() {
		o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// underJournal tells whether stderr is a stream of systemd's journal
// (systemd.exec(5), $JOURNAL_STREAM).
func underJournal() bool {
	ok, err := journal.StderrIsJournalStream()
	return ok && err == nil
}
