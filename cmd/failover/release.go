package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/director"
	"failover/internal/engine"
	"failover/lvs"
	"failover/lvs/ipvs"
	"failover/vrrp/linux"
)

func (c *cli) releaseCommand() *cobra.Command {
	var table, sysctl, ifDead bool
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Remove what is ours from this machine",
		Long: `Remove what is ours from this machine: the virtual addresses, their routes,
rules and devices, the guard, and, asked for, the entries of the IPVS table and the
settings. What is not ours stays. It refuses while the daemon runs.

With --if-dead only addresses, routes, rules and devices go, and only where a
stop was cut short. After a crash it does nothing: the restarted daemon adopts what is
there, or the lease of the addresses ends. That is for ExecStopPost.`,
		Example: `  failover release
  failover release --ipvs --sysctl`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			ctx, stop := interruptible()
			defer stop()
			if ifDead {
				return c.releaseIfDead(ctx)
			}
			return c.release(ctx, table, sysctl)
		},
	}
	cmd.Flags().BoolVar(&table, "ipvs", false, "also our entries of the IPVS table")
	cmd.Flags().BoolVar(&sysctl, "sysctl", false, "also put settings back that still have our value")
	cmd.Flags().BoolVar(&ifDead, "if-dead", false, "only addresses, routes and rules, only after a stop that was cut short")
	cmd.MarkFlagsMutuallyExclusive("if-dead", "ipvs")
	cmd.MarkFlagsMutuallyExclusive("if-dead", "sysctl")
	return cmd
}

func (c *cli) releaseIfDead(ctx context.Context) error {
	n, err := engine.Release(ctx, engine.RuntimeDir(), true, c.plainLogger())
	switch {
	case errors.Is(err, engine.ErrNotStopping), errors.Is(err, engine.ErrRunning):
		return nil
	case err != nil:
		return &failure{code: exitFailed, err: err}
	}
	c.takenOff(n)
	return nil
}

func (c *cli) release(ctx context.Context, table, sysctl bool) error {
	log := c.plainLogger()
	n, err := engine.Release(ctx, engine.RuntimeDir(), false, log)
	if errors.Is(err, engine.ErrRunning) {
		return &failure{exitFailed, err, "stop it first: systemctl stop failover"}
	}
	c.takenOff(n)

	dir := conf.DefaultDaemon().StateDir
	if d, loadErr := conf.Peek(c.file); loadErr == nil {
		dir = d.Daemon.StateDir
	}
	if table {
		err = errors.Join(err, c.releaseTable(ctx, dir, log))
	}
	h, hostErr := director.OpenHost(dir, log)
	if hostErr != nil {
		return &failure{code: exitFailed, err: errors.Join(err, hostErr)}
	}
	// The guard goes last: while a service is still reachable it keeps the machine
	// from answering in its place.
	report, guardErr := h.Remove(ctx)
	for _, what := range report.Added {
		fmt.Fprintln(c.out, what)
	}
	if guardErr != nil {
		err = errors.Join(err, guardErr)
	} else {
		fmt.Fprintln(c.out, "guard removed")
	}
	if sysctl {
		report, restoreErr := h.Restore(ctx)
		err = errors.Join(err, restoreErr)
		for _, s := range report.Sysctls {
			fmt.Fprintf(c.out, "%s = %s\n", s.Name, s.To)
		}
	}
	if err != nil {
		return &failure{code: exitFailed, err: err}
	}
	return nil
}

// takenOff says what has been removed.
func (c *cli) takenOff(n linux.Purged) {
	fmt.Fprintf(c.out, "%d addresses taken off\n", n.Addresses)
	if n.Routes+n.Rules > 0 {
		fmt.Fprintf(c.out, "%s and %s taken off\n", counted(n.Routes, "route"), counted(n.Rules, "rule"))
	}
	if n.Devices > 0 {
		fmt.Fprintf(c.out, "%s of virtual MAC addresses removed\n", counted(n.Devices, "device"))
	}
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// releaseTable removes every entry of the owned set from the kernel's table.
func (c *cli) releaseTable(ctx context.Context, stateDir string, log *slog.Logger) error {
	kernel, err := ipvs.Open(ctx, log)
	if errors.Is(err, lvs.ErrNoIPVS) {
		return nil // without IPVS there is no table
	}
	if err != nil {
		return err
	}
	defer kernel.Close()
	store := director.OwnedEntries(stateDir)
	owned, err := store.Load(ctx)
	if err != nil {
		return err
	}
	actual, err := kernel.Dump(ctx)
	if err != nil {
		return err
	}
	ops := lvs.Diff(actual, lvs.Table{}, owned)
	if err := c.tellTheYoungest(ctx, kernel, ops); err != nil {
		return err
	}
	for _, op := range ops {
		if doErr := kernel.Do(ctx, op); doErr != nil && !errors.Is(doErr, lvs.ErrNotFound) {
			err = errors.Join(err, doErr)
			continue
		}
		fmt.Fprintln(c.out, op.String())
	}
	if err != nil {
		return err
	}
	return store.Save(ctx, lvs.Owned{})
}

// tellTheYoungest waits, where a sync master is to be stopped that may not have told
// the neighbour of all connections yet.
func (c *cli) tellTheYoungest(ctx context.Context, kernel lvs.Kernel, ops []lvs.Op) error {
	if !slices.ContainsFunc(ops, func(op lvs.Op) bool { return op.Kind == lvs.StopSync && op.Sync.Role == lvs.SyncMaster }) {
		return nil
	}
	stats, err := kernel.Stats(ctx)
	if err != nil {
		return err
	}
	for _, op := range ops {
		for _, has := range stats.Servers[op.Service.Key] {
			if has.Active+has.Inactive == 0 {
				continue
			}
			fmt.Fprintf(c.out, "waiting %v: the neighbour is still told of the youngest connections\n", lvs.SyncFlush)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(lvs.SyncFlush):
				return nil
			}
		}
	}
	return nil
}

// plainLogger is for commands that run once: warnings only.
func (c *cli) plainLogger() *slog.Logger {
	return newLogger(os.Stderr, "text", slog.LevelWarn)
}
