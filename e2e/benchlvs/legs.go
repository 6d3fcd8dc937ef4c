package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"failover/e2e/compare"
	"failover/e2e/lab"
	"failover/internal/pause"
	"failover/lvs"
)

// Events, the rows of the table.
const (
	eventStart  = "from empty: start of the program to the whole table"
	eventWeight = "one weight changed: signal to the kernel"
	eventParse  = "one weight changed: parsing the file"
	eventDecide = "one weight changed: from the parsed file to the kernel"
	eventRight  = "the table is right already: dump and difference"
	eventAgain  = "the table is right already: operations of a start"
	eventMemory = "resident memory, all processes, shared pages counted once"
	eventEach   = "resident memory, all processes, shared pages counted in each"
)

const (
	figure = "value"
	// patience bounds the wait for a table of a thousand services.
	patience = 5 * time.Minute
	// settled is how long a program is left alone between two events.
	settled = 3 * time.Second
	// reloads is how many weights are changed in a leg, looks how often what takes
	// little is done.
	reloads, looks = 5, 5
)

// system is one of the programs.
type system struct {
	lab.System
	file   string
	config func(shape) []byte
}

func failover(f lab.Failover) system {
	return system{System: f, file: "/etc/failover/failover.toml", config: shape.failover}
}

func keepalived() system {
	return system{System: lab.Keepalived{}, file: "/etc/keepalived/keepalived.conf", config: shape.keepalived}
}

// bed is a director to measure on.
type bed struct {
	lab   *lab.Lab
	node  *lab.Node
	probe *probe
}

func withBed(f func(*bed) error) (err error) {
	l, err := lab.New()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, l.Logs(15))
		}
		err = errors.Join(err, l.Close())
	}()
	b := &bed{lab: l, node: l.LB1}
	if b.probe, err = newProbe(b.node); err != nil {
		return err
	}
	defer b.probe.close()
	return f(b)
}

// row is one value.
func row(event string, value float64) compare.Row {
	return compare.Row{Event: event, Values: map[string]float64{figure: value}}
}

// program measures a system with a table of n virtual servers: its start, changes
// of one weight, its memory.
func (b *bed) program(ctx context.Context, sys system, n int, changes int) (rows []compare.Row, unit *lab.Unit, err error) {
	s := shape{services: n, weight: 1}
	write := func() error { return b.node.WriteFile(sys.file, sys.config(s), 0o644) }
	if err := errors.Join(write(), sys.Prepare(b.node)); err != nil {
		return nil, nil, err
	}
	if unit, err = b.node.Supervise(sys.Unit(b.node)); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience*time.Duration(1+n/1000))
	defer cancel()
	begin := time.Now()
	started := make(chan error, 1)
	go func() { started <- unit.Start(ctx) }()
	full, err := b.probe.await(ctx, s)
	if err = errors.Join(err, <-started); err != nil {
		return nil, nil, err
	}
	rows = append(rows, row(eventStart, full.Sub(begin).Seconds()))
	if err := errors.Join(b.probe.complete(s), pause.For(ctx, settled)); err != nil {
		return nil, nil, err
	}
	used, err := unit.Usage()
	if err != nil {
		return nil, nil, err
	}
	rows = append(rows, row(eventMemory, float64(used.Proportional)/(1<<20)), row(eventEach, float64(used.Resident)/(1<<20)))
	for range changes {
		s.weight = 3 - s.weight
		if err := write(); err != nil {
			return nil, nil, err
		}
		begin := time.Now()
		if err := unit.Reload(); err != nil {
			return nil, nil, err
		}
		changed, err := b.probe.await(ctx, s)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, row(eventWeight, changed.Sub(begin).Seconds()))
		if err := pause.For(ctx, settled); err != nil {
			return nil, nil, err
		}
	}
	return rows, unit, errors.Join(b.probe.complete(s), unit.Stop(ctx))
}

// again starts failover on the table that it has left, and counts what it does.
func (b *bed) again(ctx context.Context, unit *lab.Unit) ([]compare.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := errors.Join(unit.Start(ctx), pause.For(ctx, settled)); err != nil {
		return nil, err
	}
	text, err := b.node.Run(ctx, "curl", "--silent", "--fail", "http://127.0.0.1:9650/metrics")
	if err != nil {
		return nil, err
	}
	operations, kinds := 0.0, 0
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "failover_reconcile_operations_total{"); ok {
			_, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return nil, err
			}
			operations += n
			kinds++
		}
	}
	if kinds == 0 {
		return nil, errors.New("/metrics does not count operations")
	}
	return []compare.Row{row(eventAgain, operations)}, unit.Stop(ctx)
}

// ipvsadm measures the tool: it restores a table from empty and prints it.
func (b *bed) ipvsadm(ctx context.Context, n int) ([]compare.Row, error) {
	s := shape{services: n, weight: 1}
	rules := lvs.Format(s.table())
	begin := time.Now()
	err := b.node.Do(func() error {
		cmd := exec.CommandContext(ctx, "ipvsadm", "-R")
		cmd.Stdin = strings.NewReader(rules)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("ipvsadm -R: %w: %s", err, out)
		}
		return nil
	})
	rows := []compare.Row{row(eventStart, time.Since(begin).Seconds())}
	if err := errors.Join(err, b.probe.complete(s)); err != nil {
		return nil, err
	}
	for range looks {
		begin := time.Now()
		err := b.node.Do(func() error {
			cmd := exec.CommandContext(ctx, "ipvsadm", "-Sn")
			null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer null.Close()
			cmd.Stdout = null
			return cmd.Run()
		})
		if err != nil {
			return nil, fmt.Errorf("ipvsadm -Sn: %w", err)
		}
		rows = append(rows, row(eventRight, time.Since(begin).Seconds()))
	}
	return rows, nil
}
