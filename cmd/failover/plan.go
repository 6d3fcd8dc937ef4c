package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/director"
	"failover/internal/view"
)

func (c *cli) planCommand() *cobra.Command {
	var against string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Tell what a reload would change, and change nothing",
		Long: `Tell what a reload of the daemon's file would change, in the configuration, in
the kernel's IPVS table and in the machine's settings, and change nothing. The exit
code is 1 when it would change something.

With --against kernel no daemon is asked: the file is compared with the table and
the settings that this machine has, as if every real server were up.`,
		Example: `  failover plan
  failover plan --against kernel -c ./failover.toml --node lb1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case against != "daemon" && against != "kernel":
				return wrongUsage(cmd, fmt.Errorf("--against %q: daemon or kernel expected", against))
			case against == "daemon" && c.node != "":
				return wrongUsage(cmd, errors.New("--node goes with --against kernel: the daemon knows who it is"))
			}
			p, err := c.plan(against)
			if err != nil {
				return err
			}
			return c.showPlan(p)
		},
	}
	cmd.Flags().StringVar(&against, "against", "daemon", "what to compare the file with: the `daemon` or the kernel")
	c.nodeFlag(cmd)
	c.socketFlag(cmd)
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) plan(against string) (api.Plan, error) {
	ctx, stop := interruptible()
	defer stop()
	if against == "daemon" {
		p, err := c.client().Plan(ctx)
		if err != nil {
			c.details(err)
		}
		return p, asked(err)
	}
	log := c.plainLogger()
	p, err := director.PlanKernel(ctx, director.Options{File: c.file, Node: c.node, Parts: director.MachineParts(log)})
	var invalid conf.Errors
	switch {
	case errors.As(err, &invalid), errors.Is(err, os.ErrNotExist):
		return p, c.invalid(err)
	case errors.Is(err, os.ErrPermission):
		return p, &failure{exitFailed, err, "to read the kernel's table takes root, or CAP_NET_ADMIN"}
	case err != nil:
		return p, &failure{code: exitFailed, err: err}
	}
	return p, nil
}

func (c *cli) showPlan(p api.Plan) error {
	var err error
	switch {
	case c.json:
		err = c.writeJSON(p)
	case len(p.Changes) == 0:
		fmt.Fprintln(c.out, "nothing would change")
	default:
		err = view.Changes(c.out, p.Changes)
	}
	if err == nil && len(p.Changes) > 0 {
		return quiet()
	}
	return err
}
