package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"failover/internal/api"
	"failover/internal/view"
)

func (c *cli) maintenanceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "maintenance on | off",
		Short: "Keep this director from being master, while somebody works on it",
		Long: `With on, this director does not become master of any group, over restart, reload
and reboot, until off is said. Where it is master it goes on serving until another
director has taken over, which loses no request; where there is none it stays
master, and the exit code is 1. Checks and the IPVS table go on as before.`,
		Example: `  failover maintenance on
  failover maintenance off`,
		ValidArgs: []string{"on", "off"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != "on" && args[0] != "off" {
				return wrongUsage(cmd, fmt.Errorf("maintenance takes on or off, got %q", strings.Join(args, " ")))
			}
			return c.maintain(args[0] == "on")
		},
	}
	c.socketFlag(cmd)
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) maintain(on bool) error {
	ctx, stop := interruptible()
	defer stop()
	done, err := c.client().Maintain(ctx, api.Maintenance{On: on})
	if err != nil {
		return asked(err)
	}
	if c.json {
		err = c.writeJSON(done)
	} else {
		err = view.Maintained(c.out, done)
	}
	if err == nil && on && len(done.MasterOf) > 0 {
		return &failure{exitFailed, fmt.Errorf("still master of %s: no other director has taken over", strings.Join(done.MasterOf, ", ")),
			"it will step back when one does; failover maintenance off takes it back"}
	}
	return err
}
