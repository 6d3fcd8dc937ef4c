package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/director"
	"failover/internal/host"
	"failover/internal/realserver"
	"failover/internal/view"
)

func (c *cli) realserverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "realserver",
		Short: "Set this host up as a real server of the configuration",
		Long: `Set this host up as a real server of the configuration. Which one it is, or
which ones, is found by its addresses. The file is the directors' own; secrets in
it are not needed.

For dr and tun the addresses of the services come onto the loopback interface, and
ARP is kept from speaking of them; for tun also the far end of the tunnel; for nat
the default route by the address that moves with the service. "down" puts back what
was there before. Both may be repeated.`,
		Example: `  failover realserver up
  failover realserver status
  failover realserver down`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return wrongUsage(cmd, fmt.Errorf("realserver knows up, down and status, not %q", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, sub := range []struct {
		name, short string
		run         func(context.Context) error
	}{
		{"up", "Set this host up, or mend it", c.realserverUp},
		{"down", "Put back what was there before", c.realserverDown},
		{"status", "Compare this host with what it should be; exit code 1 where it is not", c.realserverStatus},
	} {
		one := &cobra.Command{
			Use: sub.name, Short: sub.short, Example: "  failover realserver " + sub.name, Args: noArguments,
			RunE: func(*cobra.Command, []string) error {
				ctx, stop := interruptible()
				defer stop()
				return sub.run(ctx)
			},
		}
		c.jsonFlag(one)
		cmd.AddCommand(one)
	}
	return cmd
}

// backend is this host as a real server.
type backend struct {
	plan realserver.Plan
	host *host.Reconciler
}

// realserver finds out what this host is to be.
func (c *cli) realserver() (backend, error) {
	d, err := conf.Peek(c.file)
	if err != nil {
		return backend{}, c.invalid(err)
	}
	machine, err := realserver.Machine()
	if err != nil {
		return backend{}, &failure{code: exitFailed, err: err}
	}
	p, err := realserver.For(d, machine)
	if err != nil {
		return backend{}, &failure{exitFailed, fmt.Errorf("%s: %w", c.file, err), realserverHint(d, machine, err)}
	}
	if !d.Daemon.ManageSysctl {
		p.Host.Assumed, p.Host.Sysctls = p.Host.Sysctls, nil
	}
	h, err := director.OpenHost(d.Daemon.StateDir, c.plainLogger())
	if err != nil {
		return backend{}, &failure{code: exitFailed, err: err}
	}
	return backend{p, h}, nil
}

func realserverHint(d conf.Deployment, machine []realserver.Interface, err error) string {
	if _, _, is := realserver.Director(d, machine); is {
		return "failover run sets up what a director needs, also for being a real server"
	}
	if errors.Is(err, realserver.ErrNone) {
		return "run it on the machine that has the address of a real_server"
	}
	return ""
}

func (c *cli) realserverUp(ctx context.Context) error {
	b, err := c.realserver()
	if err != nil {
		return err
	}
	report, err := b.host.Set(ctx, b.plan.Host)
	shown := c.showRealserver(b, report)
	if err != nil {
		// Several things may be wrong, each with its own name.
		lines := strings.Split(err.Error(), "\n")
		for _, line := range lines[:len(lines)-1] {
			fmt.Fprintf(c.err, "failover: error: %s\n", line)
		}
		return &failure{exitFailed, errors.New(lines[len(lines)-1]), "the rest is done; repeat it when that is mended"}
	}
	return shown
}

func (c *cli) realserverStatus(context.Context) error {
	b, err := c.realserver()
	if err != nil {
		return err
	}
	return c.showRealserver(b, host.Report{})
}

// showRealserver prints what this host is and how it is, after what was done.
func (c *cli) showRealserver(b backend, report host.Report) error {
	out := api.RealServerHost{Ready: true, Changes: changes(report), Roles: []api.RealServerRole{}, Settings: []api.MachineSetting{}, Notes: []string{}}
	out.Notes = append(out.Notes, b.plan.Notes...)
	for _, r := range b.plan.Roles {
		role := api.RealServerRole{
			VirtualServer: r.VirtualServer, RealServer: r.RealServer, Service: r.Service.String(),
			Address: r.Address.String(), Forward: string(r.Forward), Sorry: r.Sorry,
		}
		if r.Gateway.IsValid() {
			role.Gateway = r.Gateway.String()
		}
		out.Roles = append(out.Roles, role)
	}
	for _, i := range b.host.Look(b.plan.Host) {
		out.Settings = append(out.Settings, api.MachineSetting{Kind: i.Kind, Name: i.Name, Want: i.Want, Have: i.Have, OK: i.OK})
		out.Ready = out.Ready && i.OK
	}
	var err error
	if c.json {
		err = c.writeJSON(out)
	} else {
		for _, what := range out.Changes {
			fmt.Fprintln(c.out, what)
		}
		if len(out.Changes) > 0 {
			fmt.Fprintln(c.out)
		}
		err = view.RealServer(c.out, out)
	}
	if err == nil && !out.Ready {
		return &failure{code: exitFailed}
	}
	return err
}

// changes says in words what was done.
func changes(r host.Report) []string {
	list := []string{}
	for _, m := range r.Modules {
		list = append(list, "module "+m+" loaded")
	}
	for _, s := range r.Sysctls {
		list = append(list, fmt.Sprintf("%s = %s, was %s", s.Name, s.To, s.From))
	}
	list = append(list, r.Added...)
	if r.GuardWritten {
		list = append(list, "nftables table written")
	}
	return list
}

// realserverDown undoes what is on record, whatever the file says now: it may not
// have this host any more.
func (c *cli) realserverDown(ctx context.Context) error {
	dir := conf.DefaultDaemon().StateDir
	d, err := conf.Peek(c.file)
	if err == nil {
		dir = d.Daemon.StateDir
		machine, err := realserver.Machine()
		if err != nil {
			return &failure{code: exitFailed, err: err}
		}
		if name, by, is := realserver.Director(d, machine); is {
			return &failure{
				exitFailed, fmt.Errorf("%s: this host is director %s, by its address %s", c.file, name, by),
				"failover release removes what is ours from a director",
			}
		}
	} else {
		fmt.Fprintf(c.err, "failover: warning: %s cannot be used, so that the record is looked for in %s: %v\n", c.file, dir, err)
	}
	h, err := director.OpenHost(dir, c.plainLogger())
	if err != nil {
		return &failure{code: exitFailed, err: err}
	}
	report, err := h.Remove(ctx)
	restored, restoreErr := h.Restore(ctx)
	done := append(changes(report), changes(restored)...)
	if c.json {
		err = errors.Join(err, restoreErr, c.writeJSON(struct {
			Changes []string `json:"changes"`
		}{done}))
	} else {
		for _, what := range done {
			fmt.Fprintln(c.out, what)
		}
		if len(done) == 0 {
			fmt.Fprintln(c.out, "nothing of ours was there")
		}
		err = errors.Join(err, restoreErr)
	}
	if err != nil {
		return &failure{code: exitFailed, err: err}
	}
	return nil
}
