// Package e2e runs a pair of directors on a real kernel and takes its measure.
//
//	go test -exec "$PWD/bin/guest" ./e2e
//
// On a kernel without ip_vs the scenarios are skipped, unless FAILOVER_REQUIRE
// lists "lab": then that is a failure.
package e2e

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// newLab builds a lab that ends with the test, and shows its logs if that
// failed.
func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	need(t, "lab", lab.HasIPVS())
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs:\n%s", l.Logs(40))
		}
		if err := l.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	return l
}

// need skips the test where a capability is missing, and fails it where
// FAILOVER_REQUIRE lists that capability.
func need(t *testing.T, capability string, missing error) {
	t.Helper()
	if missing == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("FAILOVER_REQUIRE"), ","), capability) {
		t.Fatalf("FAILOVER_REQUIRE has %q: %v", capability, missing)
	}
	t.Skip(missing)
}

// figure prints and records one measurement of the test.
func figure(t *testing.T, what string, value float64, unit string) {
	t.Helper()
	f, err := lab.Record(t.Name()+"/"+what, value, unit)
	if err != nil {
		t.Error(err)
	}
	t.Log(f)
}

// within is a context for a step of a scenario.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestEmpty is the price of the lab itself.
func TestEmpty(t *testing.T) {
	begin := time.Now()
	newLab(t)
	figure(t, "built", time.Since(begin).Seconds(), "s")
}

// systems runs a scenario with failover and with the program it is compared
// with.
func systems(t *testing.T, scenario func(*testing.T, lab.System)) {
	t.Helper()
	need(t, "lab", lab.HasIPVS())
	t.Run("failover", func(t *testing.T) {
		sys, err := lab.FindFailover()
		need(t, "lab", err)
		scenario(t, sys)
	})
	t.Run("keepalived", func(t *testing.T) {
		need(t, "peers", lab.FindKeepalived())
		scenario(t, lab.Keepalived{})
	})
}

// TestBalances: answers alternate, and both directors have the same table.
func TestBalances(t *testing.T) { systems(t, balances) }

func balances(t *testing.T, sys lab.System) {
	l := newLab(t)
	begin := time.Now()
	p, err := lab.NewPair(l, sys, lab.Setup{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	figure(t, "up", time.Since(begin).Seconds(), "s")
	counts := map[string]int{}
	for range 20 {
		r := l.Client.Get(within(t, 5*time.Second), "http://"+lab.Service+"/")
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		counts[r.Server]++
	}
	if counts["web1"] != 10 || counts["web2"] != 10 {
		t.Errorf("answers %v, want 10 of each", counts)
	}
	a, err := p.Table(t.Context(), l.LB1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Table(t.Context(), l.LB2)
	if err != nil {
		t.Fatal(err)
	}
	if len(a) != 3 || !slices.Equal(a, b) {
		t.Errorf("tables differ:\n%q\n%q", a, b)
	}
}
