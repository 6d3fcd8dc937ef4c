package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"failover/internal/view"
)

func (c *cli) restartCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restart",
		Short: "Replace the running program in place",
		Long: `Replace the running program in place, after an upgrade for one. The installed program
is started beside the running one, reads the file, and goes on where that one stands:
no advert is missed, no address, connection or check's history is lost, and the service
manager is told of the new main process. Where it cannot go on, because it does not
start, the file is invalid, or it takes longer than 5 s, the running program stays as
it is, and the command tells why.`,
		Example: `  failover restart
  failover version && failover restart`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return c.restart() },
	}
	c.socketFlag(cmd)
	c.jsonFlag(cmd)
	return cmd
}

// restart returns when the new process answers.
func (c *cli) restart() error {
	ctx, stop := interruptible()
	defer stop()
	done, err := c.client().Restart(ctx)
	if err != nil {
		c.details(err)
		return asked(err)
	}
	// Whoever asks now waits in the socket's queue until the new process takes it up.
	if _, err := c.client().Status(ctx); err != nil {
		return &failure{exitFailed, fmt.Errorf("process %d goes on, and does not answer yet: %w", done.PID, err), "its log tells more; failover status asks again"}
	}
	if c.json {
		return c.writeJSON(done)
	}
	return view.Restarted(c.out, done)
}
