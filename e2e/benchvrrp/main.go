// Command benchvrrp measures the election of failover beside the installed
// keepalived, on the running kernel, in network namespaces: what a client loses
// when the master changes, false take-overs and late adverts on a busy machine,
// and what a thousand virtual routers cost. scripts/bench-vrrp starts it.
//
//	benchvrrp -results FOLDER -write docs/bench-vrrp.md
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
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"failover/e2e/compare"
	"failover/e2e/lab"
)

// options are what the command line says.
type options struct {
	results, write string
	only           string // a part; empty: all
	n              int
	minutes        float64
}

// bench is one run of the program.
type bench struct {
	options
	systems [2]lab.System
	rows    *compare.Results
}

func main() {
	var o options
	flag.StringVar(&o.results, "results", "", "`folder` of the results")
	flag.StringVar(&o.write, "write", "", "`file` for the tables; none: standard output only")
	flag.StringVar(&o.only, "only", "", "measure one `part`: "+strings.Join(partNames(), ", "))
	flag.IntVar(&o.n, "n", 20, "how often each event is done")
	flag.Float64Var(&o.minutes, "minutes", 10, "how long the false take-overs are counted; the other measurements take a fifth of it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchvrrp: error:", err)
		os.Exit(1)
	}
}

// part is one measurement.
type part struct {
	name string
	run  func(*bench, context.Context) error
}

func parts() []part {
	return []part{
		{partGap, (*bench).gaps},
		{partFalse, (*bench).falseTakeOvers},
		{partLate, (*bench).lateAdverts},
		{partLoad, (*bench).load},
	}
}

func partNames() (names []string) {
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

func run(ctx context.Context, o options) error {
	ours, err := lab.FindFailover()
	if err != nil {
		return err
	}
	if err := lab.FindKeepalived(); err != nil {
		return err
	}
	if err := lab.Usable(); err != nil {
		return err
	}
	// The threads that send and answer datagrams must not wait for a processor of
	// the Go runtime; those of the machine they get by their priority.
	// Nor may the collector stop them; it runs where nothing is measured.
	runtime.GOMAXPROCS(max(8, runtime.NumCPU()))
	debug.SetGCPercent(-1)
	b := &bench{options: o, systems: [2]lab.System{ours, lab.Keepalived{}}}
	if b.rows, err = compare.Open(o.results); err != nil {
		return err
	}
	var errs []error
	for _, p := range parts() {
		if o.only != "" && o.only != p.name {
			continue
		}
		errs = append(errs, p.run(b, ctx))
	}
	return errors.Join(append(errs, b.report())...) // of what there is
}

// say tells people how far it is.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "benchvrrp: %s: %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// tries is how often a leg is begun again that could not be brought to its end.
const tries = 3

// leg takes one measurement in a lab of its own and keeps its rows. One that
// cannot be brought to its end counts for nothing and is begun again.
func (b *bench) leg(ctx context.Context, l compare.Leg, measure func(context.Context) ([]compare.Row, error)) error {
	for try := 1; ; try++ {
		say("%s: %s, adverts every %d ms, round %d", l.Part, l.System, l.IntervalMS, l.Round)
		rows, err := measure(ctx)
		if err == nil {
			for i := range rows {
				rows[i].Leg = l
			}
			return b.rows.Add(rows)
		}
		if ctx.Err() != nil || try == tries {
			return fmt.Errorf("%s: %s: %w", l.Part, l.System, err)
		}
		say("%s: %s: begun again: %v", l.Part, l.System, err)
	}
}

// pair builds a lab with a system configured on both directors, started one after
// the other: both at once is a story of its own, and one that keepalived 2.2.7 with
// fast adverts does not always get out of.
func pair(ctx context.Context, l *lab.Lab, sys lab.System, setup lab.Setup) (*lab.Pair, error) {
	setup.RoutersOnly = true
	p, err := lab.NewPair(l, sys, setup)
	if err != nil {
		return nil, err
	}
	for _, n := range l.Directors() {
		// A director that forwards would send on to the other one what comes for an
		// address that it has just lost, which hides the loss. The same for both.
		if err := n.Sysctl("net/ipv4/ip_forward", "0"); err != nil {
			return nil, err
		}
	}
	for _, n := range l.Directors() {
		if err := p.Unit(n).Start(ctx); err != nil {
			return nil, err
		}
		if err := p.WaitHolder(ctx, l.LB1); err != nil {
			return nil, err
		}
	}
	return p, nil
}
