package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"failover/conf"
)

// shells are what completion writes for, and where each looks for it.
var shells = []struct {
	name, file string
	write      func(root *cobra.Command, w io.Writer) error
}{
	{"bash", "/etc/bash_completion.d/failover", func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) }},
	{"zsh", "/usr/local/share/zsh/site-functions/_failover", (*cobra.Command).GenZshCompletion},
	{"fish", "/etc/fish/completions/failover.fish", func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) }},
}

func (c *cli) completionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion bash | zsh | fish",
		Short: "Write what completes failover's commands in a shell",
		Long: `Write what completes failover's commands in a shell: commands, flags, and the names
that the configuration has. The Debian package brings it along.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, s := range shells {
				if len(args) == 1 && args[0] == s.name {
					return s.write(cmd.Root(), c.out)
				}
			}
			return wrongUsage(cmd, fmt.Errorf("completion takes bash, zsh or fish, got %q", strings.Join(args, " ")))
		},
	}
	var examples []string
	for _, s := range shells {
		cmd.ValidArgs = append(cmd.ValidArgs, s.name)
		examples = append(examples, "  failover completion "+s.name+" > "+s.file)
	}
	cmd.Example = strings.Join(examples, "\n")
	return cmd
}

// names are names that a configuration has, after the arguments that stand already.
type names func(d conf.Deployment, args []string) []string

// completions gives each command the names that it takes. They are the file's: to
// complete a word no daemon is asked. Where nothing is known, files are not what is
// meant, but for the commands that read one.
func (c *cli) completions(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	arguments := map[string][]names{
		"failover status":     {servers},
		"failover drain":      {servers, realServers},
		"failover disable":    {servers, realServers},
		"failover enable":     {servers, realServers},
		"failover weight":     {servers, realServers},
		"failover switchover": {groups},
	}
	flags := map[string]cobra.CompletionFunc{
		"to": c.flagOf(directors), "node": c.flagOf(directors),
		"config": asFile, "socket": asFile, "key": asFile,
		"against": cobra.FixedCompletions([]string{"daemon", "kernel"}, cobra.ShellCompDirectiveNoFileComp),
	}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		switch path := cmd.CommandPath(); path {
		case "failover validate", "failover import ipvsadm":
			cmd.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
		default:
			if arguments[path] != nil {
				cmd.ValidArgsFunction = c.argumentsOf(arguments[path])
			}
		}
		own := cmd.LocalNonPersistentFlags()
		if cmd == root {
			own = cmd.PersistentFlags()
		}
		for flag, complete := range flags {
			if own.Lookup(flag) != nil {
				// An error would be a flag that is not there, or has one already.
				_ = cmd.RegisterFlagCompletionFunc(flag, complete)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// argumentsOf completes each argument by names of its own.
func (c *cli) argumentsOf(lists []names) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		d, err := conf.Peek(c.file)
		if err != nil || len(args) >= len(lists) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return lists[len(args)](d, args), cobra.ShellCompDirectiveNoFileComp
	}
}

// flagOf completes the value of a flag, whatever arguments there are.
func (c *cli) flagOf(list names) cobra.CompletionFunc {
	complete := c.argumentsOf([]names{list})
	return func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return complete(cmd, nil, word)
	}
}

// asFile completes the name of a file.
func asFile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func directors(d conf.Deployment, _ []string) (list []string) {
	for _, one := range d.Directors {
		list = append(list, one.Name)
	}
	return list
}

func groups(d conf.Deployment, _ []string) (list []string) {
	for _, r := range d.VirtualRouters {
		if !slices.Contains(list, r.Group) {
			list = append(list, r.Group)
		}
	}
	return list
}

func servers(d conf.Deployment, _ []string) (list []string) {
	for _, s := range d.VirtualServers {
		list = append(list, s.Name)
	}
	return list
}

// realServers are those of the virtual server that is the first argument.
func realServers(d conf.Deployment, args []string) (list []string) {
	for _, s := range d.VirtualServers {
		if len(args) == 0 || s.Name != args[0] {
			continue
		}
		for _, r := range s.Servers {
			list = append(list, cobra.CompletionWithDesc(r.Name, r.Address.String()))
		}
	}
	return list
}
