//go:build linux

package ipvs_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/lvs"
	"failover/lvs/lvstest"
)

// mhTable is a service of eight servers under mh, with the weight of each. The
// configured ones are 1 to 4 and 1 to 4.
func mhTable(t *testing.T, weights ...int) lvs.Table {
	t.Helper()
	table := parse(t, "-A -u "+virtual.String()+" -s mh -b mh-fallback\n")
	for i, w := range weights {
		table.Services[0].Servers = append(table.Services[0].Servers, lvs.Server{
			Address: server(byte(i + 1)), Forward: lvs.NAT, Weight: w, ConfiguredWeight: 1 + i%4,
		})
	}
	return table
}

// reconcile brings the kernel from where it is to one table after the other, as a
// director does that lives all the time.
func (s *scene) reconcile(tables ...lvs.Table) {
	s.Helper()
	results := make(chan lvs.Result, 64)
	r := lvs.New(lvs.Config{
		Kernel: s.kernel, Store: &lvstest.Store{}, Log: slog.New(slog.DiscardHandler), OnResult: func(r lvs.Result) { results <- r },
	})
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	}()
	for _, table := range tables {
		generation := r.Set(table)
		for done := false; !done; {
			select {
			case res := <-results:
				done = res.Generation == generation && res.Converged
			case <-ctx.Done():
				s.Fatal("the table was not reached")
			}
		}
	}
}

// TestMHFlowsOfTwoDirectors: a thousand clients come to the same servers through
// two directors, one of which has seen servers go and come, and one that was
// started while two of them were down, after a stranger had been at its table.
func TestMHFlowsOfTwoDirectors(t *testing.T) {
	const flows = 1000
	all := []int{1, 2, 3, 4, 1, 2, 3, 4}
	down := []int{1, 0, 3, 4, 1, 2, 0, 4}
	long, short := newScene(t, len(all)), newScene(t, len(all))
	other := mhTable(t, 1, 2, 3, 4, 1, 2, 3, 4)
	slices.Reverse(other.Services[0].Servers)
	heavier := mhTable(t, 1, 9, 3, 4, 1, 2, 3, 4)
	long.reconcile(other, mhTable(t, all...), heavier, mhTable(t, 1, 0, 3, 4, 1, 2, 3, 4), mhTable(t, down...))
	text := lvs.Format(mhTable(t, down...))
	short.machine.Do(func() error { restore(t, strings.Replace(text, "-w 4", "-w 7", 1)); return nil })
	short.reconcile(mhTable(t, down...))
	differ := 0
	for i := range flows {
		a, err := long.ask(client(i))
		if err != nil {
			t.Fatalf("flow %d: %v", i, err)
		}
		b, err := short.ask(client(i))
		if err != nil {
			t.Fatalf("flow %d: %v", i, err)
		}
		if a == 2 || a == 7 {
			t.Fatalf("flow %d goes to server %d, which is down", i, a)
		}
		if a != b {
			differ++
		}
	}
	if differ != 0 {
		t.Errorf("%d of %d flows differ", differ, flows)
	}
}
