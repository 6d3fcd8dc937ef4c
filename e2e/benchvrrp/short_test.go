package main

import (
	"slices"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/internal/testenv"
)

// program is the failover to look at.
func program(t *testing.T) lab.Failover {
	t.Helper()
	f, err := lab.BuiltFailover(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestShortLook takes both systems through every event once. What failover
// promises is held: with the link cut the gap is the protocol's own, and nothing
// is lost where a director goes or comes in good order.
func TestShortLook(t *testing.T) {
	testenv.Need(t, "netns", lab.Usable())
	const interval = 200 * time.Millisecond
	rows, err := gapLeg(t.Context(), program(t), interval, 1, events())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Logf("%s: %v", r.Event, r.Values)
		switch lost := r.Values[figureLost]; {
		case r.Event == eventCut && !within(r.Values[figureGap], interval):
			t.Errorf("%s: %g ms without an answer", r.Event, r.Values[figureGap])
		case lost > 0 && slices.Contains(lossless, r.Event):
			t.Errorf("%s: %g of the client's datagrams lost, want none", r.Event, lost)
		}
	}
	testenv.Need(t, "peers", lab.FindKeepalived())
	if rows, err = gapLeg(t.Context(), lab.Keepalived{}, interval, 1, events()); err != nil || len(rows) != len(events()) {
		t.Errorf("keepalived went through %d events: %v", len(rows), err)
	}
}

// TestBusyLook watches adverts for two seconds.
func TestBusyLook(t *testing.T) {
	testenv.Need(t, "netns", lab.Usable())
	rows, err := busyLeg(t.Context(), program(t), busyCase{event: "a look", length: 2 * time.Second, hogs: 1, reload: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := rows[0].Values[figureAdverts]; n < 100 || n > 201 {
		t.Errorf("%g adverts in 2 s", n)
	}
}
