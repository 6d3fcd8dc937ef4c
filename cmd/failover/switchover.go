package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"failover/internal/api"
	"failover/internal/view"
)

func (c *cli) switchoverCommand() *cobra.Command {
	var want api.Switchover
	cmd := &cobra.Command{
		Use:   "switchover [GROUP]",
		Short: "Hand the mastership over without losing a request",
		Long: `Make another director master, of one group or of all: the one of --to, in a pair the
one that is not master now. It takes over while the old master still answers, and
stays preferred while it is healthy, over restart and reboot, until --clear or
another switchover. It is refused, with the reason, where that director is not ready,
or where masqueraded connections would break; --force does it all the same.`,
		Example: `  failover switchover
  failover switchover nat --to lb2
  failover switchover --clear`,
		Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if want.Clear && (want.To != "" || want.Force) {
				return wrongUsage(cmd, fmt.Errorf("--clear goes with neither --to nor --force"))
			}
			if len(args) > 0 {
				want.Group = args[0]
			}
			return c.switchover(want)
		},
	}
	cmd.Flags().StringVar(&want.To, "to", "", "the director that is to be master, by its `name`")
	cmd.Flags().BoolVar(&want.Force, "force", false, "also where it is not ready, or connections break")
	cmd.Flags().BoolVar(&want.Clear, "clear", false, "nobody is preferred any more")
	c.socketFlag(cmd)
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) switchover(want api.Switchover) error {
	ctx, stop := interruptible()
	defer stop()
	done, err := c.client().Switchover(ctx, want)
	if err != nil {
		return asked(err)
	}
	if c.json {
		err = c.writeJSON(done)
	} else {
		err = view.Switched(c.out, done)
	}
	for _, g := range done.Groups {
		if err == nil && g.Preferred != "" && g.Master != g.Preferred {
			return &failure{exitFailed, fmt.Errorf("%s: %s is preferred and not master yet", g.Group, g.Preferred), "failover status tells why; failover switchover --clear takes it back"}
		}
	}
	return err
}
