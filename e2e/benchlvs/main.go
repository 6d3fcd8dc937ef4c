// Command benchlvs measures how failover keeps large IPVS tables, beside the
// installed keepalived and ipvsadm. scripts/bench-lvs starts it: in the lab's guest
// to measure,
//
//	benchlvs -measure -results FOLDER -n ROUNDS
//
// and outside of it to write the tables,
//
//	benchlvs -results FOLDER -write docs/bench-lvs.md
//
// What has been measured stays in the folder and is not measured again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"failover/e2e/compare"
	"failover/e2e/lab"
)

// The sizes that are compared: everything at the first, failover alone at the
// second.
const (
	normal = 1000
	large  = 10_000
)

func main() {
	results := flag.String("results", "", "`folder` of the results")
	write := flag.String("write", "", "`file` for the tables; none: standard output only")
	measure := flag.Bool("measure", false, "measure; without it, report")
	n := flag.Int("n", 3, "how often everything is done")
	only := flag.String("only", "", "measure just the `table` and program, as in \"1000 × 10, failover\"; for a look, not for the document")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *results, *write, *measure, *n, *only); err != nil {
		fmt.Fprintln(os.Stderr, "benchlvs: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, results, write string, measure bool, n int, only string) error {
	rows, err := compare.Open(results)
	if err != nil {
		return err
	}
	if !measure {
		return report(rows, write)
	}
	ours, err := lab.FindFailover()
	if err != nil {
		return err
	}
	if err := errors.Join(lab.FindKeepalived(), lab.HasIPVS()); err != nil {
		return err
	}
	for round := 1; round <= n; round++ {
		for _, l := range legs(ours) {
			l.Round = round
			if rows.Has(l.Leg) || only != "" && only != l.Part+", "+l.System {
				continue
			}
			fmt.Fprintf(os.Stderr, "benchlvs: %s: %s, %s, round %d\n", time.Now().Format(time.TimeOnly), l.Part, l.System, round)
			got, err := l.run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", l.Part, l.System, err)
			}
			for i := range got {
				got[i].Leg = l.Leg
			}
			if err := rows.Add(got); err != nil {
				return err
			}
		}
	}
	return nil
}

// leg is what is measured in one piece.
type leg struct {
	compare.Leg
	run func(context.Context) ([]compare.Row, error)
}

// toolName is the third program.
const toolName = "ipvsadm"

func legs(ours lab.Failover) []leg {
	small, big := shape{services: normal}.String(), shape{services: large}.String()
	on := func(part, system string, f func(context.Context, *bed) ([]compare.Row, error)) leg {
		return leg{compare.Leg{Part: part, System: system}, func(ctx context.Context) (rows []compare.Row, err error) {
			err = withBed(func(b *bed) (err error) { rows, err = f(ctx, b); return err })
			return rows, err
		}}
	}
	return []leg{
		on(small, ours.Name(), func(ctx context.Context, b *bed) ([]compare.Row, error) { return b.ours(ctx, ours, normal, reloads) }),
		on(small, lab.Keepalived{}.Name(), func(ctx context.Context, b *bed) ([]compare.Row, error) {
			rows, _, err := b.program(ctx, keepalived(), normal, reloads)
			return rows, err
		}),
		on(small, toolName, func(ctx context.Context, b *bed) ([]compare.Row, error) { return b.ipvsadm(ctx, normal) }),
		on(big, ours.Name(), func(ctx context.Context, b *bed) ([]compare.Row, error) {
			rows, _, err := b.program(ctx, failover(ours), large, 0)
			return rows, err
		}),
	}
}

// ours is everything that is measured of failover with n virtual servers.
func (b *bed) ours(ctx context.Context, f lab.Failover, n, changes int) ([]compare.Row, error) {
	rows, unit, err := b.program(ctx, failover(f), n, changes)
	if err != nil {
		return nil, err
	}
	again, err := b.again(ctx, unit)
	if err != nil {
		return nil, err
	}
	s := shape{services: n, weight: 1}
	if changes%2 == 1 {
		s.weight = 2
	}
	parts, err := b.parts(ctx, s)
	return append(append(rows, again...), parts...), err
}
