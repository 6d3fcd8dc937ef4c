package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"failover/internal/api"
	"failover/internal/pause"
	"failover/internal/view"
)

// waitLook is how often drain --wait looks.
const waitLook = 500 * time.Millisecond

func (c *cli) drainCommand() *cobra.Command {
	var now, wait bool
	cmd := c.operatorCommand("drain VS RS", word{
		operator: "drain",
		short:    "Let a real server's connections end, then take it out",
		long: `Give a real server no new connections, wait until those it has have ended, and
take it out of the kernel's table; under the scheduler mh it stays with weight 0.
UDP has no end: each client's entry is kept for udp_timeout after its last packet.
Clients that persistence binds to the server go on to be served by it until they
have been away for that long; --now does not wait for them. drain.timeout of the
virtual server bounds the whole. The command returns at once, with --wait when the
server is out.`,
		example: `  failover drain web web1 --wait
  failover drain web 192.168.33.92 --now
  failover enable web web1`,
	}, 2, func([]string) (api.Operator, error) { return api.Operator{Now: now}, nil })
	cmd.Flags().BoolVar(&now, "now", false, "do not wait for clients that persistence binds to the server")
	cmd.Flags().BoolVar(&wait, "wait", false, "return when the server is drained, and show what is left on the way")
	drain := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !wait {
			return drain(cmd, args)
		}
		return c.drainAndWait(api.Operator{VirtualServer: args[0], RealServer: args[1], Operator: "drain", Now: now})
	}
	return cmd
}

// drainAndWait drains and follows it to its end. What is left is shown when it
// changes; with --json the end alone.
func (c *cli) drainAndWait(o api.Operator) error {
	ctx, stop := interruptible()
	defer stop()
	client := c.client()
	done, err := client.Operate(ctx, o)
	if err != nil {
		return asked(err)
	}
	last := ""
	for {
		s, err := client.Status(ctx)
		if err != nil {
			return asked(err)
		}
		now, over, found := followed(s, done)
		if !found {
			return &failure{code: exitFailed, err: fmt.Errorf("%s %s: it is not drained any more: somebody said something else", done.VirtualServer, done.RealServer)}
		}
		var text strings.Builder
		if err := view.Operated(&text, now); err != nil {
			return err
		}
		switch {
		case c.json && over:
			return c.writeJSON(now)
		case !c.json && text.String() != last:
			last = text.String()
			fmt.Fprint(c.out, last)
		}
		if over {
			return nil
		}
		if pause.For(ctx, waitLook) != nil {
			return &failure{code: exitFailed, err: errors.New("interrupted: the drain goes on"), hint: fmt.Sprintf("failover enable %s %s takes it back", done.VirtualServer, done.RealServer)}
		}
	}
}

// followed is how a real server that is drained stands now, and whether that is
// over in every service; not found: nobody drains it any more.
func followed(s api.Status, was api.Operated) (now api.Operated, over, found bool) {
	now, over = was, true
	now.Services = nil
	for _, d := range s.Directors {
		for _, vs := range d.VirtualServers {
			if !d.Self || vs.Name != was.VirtualServer {
				continue
			}
			now.Quorum = vs.Quorum
			for _, rs := range vs.RealServers {
				if rs.Name == was.RealServer && rs.Operator == "drain" {
					now.Services = append(now.Services, api.Served{Service: vs.Service(), RealServer: rs})
					// The table follows the word a moment later; mh keeps who leaves.
					over = over && rs.Drained && (rs.KernelWeight == nil || vs.Scheduler == "mh")
				}
			}
		}
	}
	return now, over, len(now.Services) > 0
}
