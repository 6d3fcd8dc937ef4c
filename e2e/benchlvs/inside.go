package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"failover/conf"
	"failover/e2e/compare"
	"failover/internal/policy"
	"failover/lvs"
	"failover/lvs/ipvs"
	"failover/lvs/lvstest"
)

// parts measures what a reload consists of, with the packages that the director
// is made of: the file parsed, and what comes after until the kernel has it. It
// begins with the table in the kernel.
func (b *bed) parts(ctx context.Context, s shape) (rows []compare.Row, err error) {
	var kernel *ipvs.Kernel
	err = b.node.Do(func() (err error) {
		kernel, err = ipvs.Open(ctx, slog.New(slog.DiscardHandler))
		return err
	})
	if err != nil {
		return nil, err
	}
	defer kernel.Close()
	right, err := dumps(ctx, kernel, s.table())
	if err != nil {
		return nil, err
	}
	rows = append(rows, right...)
	dir, err := os.MkdirTemp("", "benchlvs")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	results := make(chan lvs.Result, 64)
	loop := lvs.New(lvs.Config{
		Kernel: kernel, Store: &lvstest.Store{}, Log: slog.New(slog.DiscardHandler), OnResult: func(r lvs.Result) { results <- r },
	})
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- loop.Run(running) }()
	defer func() { cancel(); err = errors.Join(err, <-ended) }()
	var before conf.Node
	var known conf.File
	for i := range 1 + reloads {
		parsed, decided, node, err := b.change(ctx, loop, s, before, &known, filepath.Join(dir, "failover.toml"))
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first one takes the table over
			rows = append(rows, row(eventParse, parsed.Seconds()), row(eventDecide, decided.Seconds()))
		}
		if err := converged(ctx, results); err != nil {
			return nil, err
		}
		before = node
		s.weight = 3 - s.weight
	}
	return rows, nil
}

// change does what a reload does, up to the kernel.
func (b *bed) change(ctx context.Context, loop *lvs.Reconciler, s shape, before conf.Node, known *conf.File, file string) (parsed, decided time.Duration, node conf.Node, err error) {
	if err := os.WriteFile(file, s.failover(), 0o644); err != nil {
		return 0, 0, node, err
	}
	begin := time.Now()
	d, err := known.Load(file)
	if err != nil {
		return 0, 0, node, err
	}
	parsed = time.Since(begin)
	begin = time.Now()
	if node, err = d.Node("lb1"); err != nil {
		return 0, 0, node, err
	}
	loop.Set(policy.Desired(policy.World{Node: node}).Table)
	conf.Diff(before, node) // which is what the answer to a reload says
	at, err := b.probe.await(ctx, s)
	return parsed, at.Sub(begin), node, err
}

func converged(ctx context.Context, results <-chan lvs.Result) error {
	for {
		select {
		case r := <-results:
			if r.Converged {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dumps times dump and difference of the table as it should be.
func dumps(ctx context.Context, kernel lvs.Kernel, want lvs.Table) (rows []compare.Row, err error) {
	for range looks {
		begin := time.Now()
		table, err := kernel.Dump(ctx)
		if err != nil {
			return nil, err
		}
		ops := lvs.Diff(table, want, lvs.Owned{})
		rows = append(rows, row(eventRight, time.Since(begin).Seconds()))
		if len(ops) > 0 {
			return nil, fmt.Errorf("%d operations on the right table, the first: %s (%s)", len(ops), ops[0], ops[0].Reason)
		}
	}
	return rows, nil
}
