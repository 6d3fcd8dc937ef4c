package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/view"
)

// word is a command that says something about one real server.
type word struct {
	operator, short, long, example string
}

// operatorCommand makes the command of a word with that many arguments; ask reads
// what it is told beside the two names.
func (c *cli) operatorCommand(use string, w word, names int, ask func(args []string) (api.Operator, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: w.short, Example: w.example,
		Long: w.long + `

VS is the name of a virtual server: all services of its table are meant. RS is the
name of one of its real servers, or its address. The word is kept on this director,
over reload, restart and reboot, until enable; a reload that takes the real server
out of the file ends it, and says so.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != names {
				return wrongUsage(cmd, fmt.Errorf("%s takes %d arguments, got %d", cmd.Name(), names, len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := ask(args)
			if err != nil {
				return wrongUsage(cmd, err)
			}
			o.VirtualServer, o.RealServer, o.Operator = args[0], args[1], w.operator
			return c.operate(o)
		},
	}
	c.socketFlag(cmd)
	c.jsonFlag(cmd)
	return cmd
}

// plain is a word without anything beside it.
func plain([]string) (api.Operator, error) { return api.Operator{}, nil }

// operate tells the daemon and shows what came of it.
func (c *cli) operate(o api.Operator) error {
	ctx, stop := interruptible()
	defer stop()
	done, err := c.client().Operate(ctx, o)
	if err != nil {
		return asked(err)
	}
	if c.json {
		err = c.writeJSON(done)
	} else {
		err = view.Operated(c.out, done)
	}
	if err == nil && len(done.Problems) > 0 {
		return &failure{exitFailed, errors.New(strings.Join(done.Problems, "; ")), "it is kept and tried again; failover status shows the whole"}
	}
	return err
}

func (c *cli) enableCommand() *cobra.Command {
	return c.operatorCommand("enable VS RS", word{
		short: "Let a real server take connections again",
		long: `Take back what was said of a real server by drain, disable or weight. It takes
connections again, with its configured weight, as soon as its checks say up.`,
		example: "  failover enable web web1",
	}, 2, plain)
}

func (c *cli) disableCommand() *cobra.Command {
	return c.operatorCommand("disable VS RS", word{
		operator: "disable",
		short:    "Take a real server out at once",
		long: `Take a real server out of the kernel's table at once. Its connections are not
waited for: they stall. Under the scheduler mh it stays with weight 0.`,
		example: "  failover disable web web1",
	}, 2, plain)
}

// negative finds a number in what the flags are said not to be.
var negative = regexp.MustCompile(` in (-\d+)$`)

func (c *cli) weightCommand() *cobra.Command {
	cmd := c.operatorCommand("weight VS RS N", word{
		operator: "weight",
		short:    "Give a real server another weight",
		long: `Give a real server a weight, 0 to 2147483647, instead of the configured one. 0
takes no new connections and keeps those there are, for as long as it is said.`,
		example: `  failover weight web web1 5
  failover enable web web1      # back to the configured weight`,
	}, 3, func(args []string) (api.Operator, error) {
		n, err := strconv.ParseUint(args[2], 10, 32)
		if err != nil || n > conf.MaxWeight {
			return api.Operator{}, fmt.Errorf("weight %q: a number from 0 to %d is expected", args[2], conf.MaxWeight)
		}
		return api.Operator{Weight: int(n)}, nil
	})
	// A number below 0 looks like a flag.
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		if m := negative.FindStringSubmatch(err.Error()); m != nil {
			return fmt.Errorf("weight %q: a number from 0 to %d is expected", m[1], conf.MaxWeight)
		}
		return err
	})
	return cmd
}
