// Package e2e runs a pair of directors on a real kernel and takes its measure.
//
//	go test -exec "$PWD/bin/guest" ./e2e
//
// On a kernel without ip_vs the scenarios are skipped, unless FAILOVER_REQUIRE
// lists "lab": then that is a failure.
package e2e

import (
	"context"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/internal/testenv"
)

// newLab builds a lab that ends with the test, and shows its logs if that
// failed.
func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	testenv.Need(t, "lab", lab.HasIPVS())
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
