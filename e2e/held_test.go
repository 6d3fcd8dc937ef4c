package e2e

import (
	"testing"
	"time"

	"failover/e2e/lab"
)

// manyHeld is how many connections live through everything.
const manyHeld = 200

// TestHeld: 200 connections that are older than five seconds survive a cut, a stop,
// the switch back and a kill -9 of the master, by every way of forwarding and with a
// scheduler of either kind: one that balances and one that hashes. Adverts go every
// 100 ms, for the sake of whoever waits for the tests.
func TestHeld(t *testing.T) {
	for _, c := range []struct{ forward, scheduler string }{
		{"nat", "wlc"}, {"nat", "mh"}, {"dr", "wlc"}, {"dr", "mh"},
	} {
		t.Run(c.forward+" "+c.scheduler, func(t *testing.T) {
			setup := lab.Setup{AdvertInterval: 100 * time.Millisecond, Check: "tcp", Forward: c.forward, Scheduler: c.scheduler}
			if c.scheduler == "mh" {
				setup.ServerLines = `scheduler_flags = ["mh-fallback", "mh-port"]`
			}
			if c.forward == "dr" {
				setup.Servers = lab.DirectServers()
			}
			s := failover(t, setup)
			if c.forward == "dr" {
				must(t, s.DirectRouting())
			}
			must(t, s.pair.Start(within(t, 60*time.Second)))
			s.heldLive(t)
		})
	}
}

// heldLive plays what happens to a master, with the same connections throughout.
func (s *scene) heldLive(t *testing.T) {
	var err error
	s.held, err = s.Client.Hold(within(t, 60*time.Second), lab.HeldSpec{
		Address: lab.Service, Count: manyHeld, Every: time.Second,
	})
	must(t, err)
	s.hold(t)
	unit := s.pair.Unit(s.LB1)
	for _, step := range []struct {
		name string
		do   func() error
		to   *lab.Node
	}{
		{"cut", func() error { return s.Cut(s.LB1) }, s.LB2},
		{"back", func() error { return s.Restore(s.LB1) }, s.LB1},
		{"stop", func() error { return unit.Stop(within(t, 30*time.Second)) }, s.LB2},
		{"start", func() error { return unit.Start(within(t, 30*time.Second)) }, s.LB1},
		{"kill", func() error { return unit.Kill9(false) }, s.LB2},
		{"start after the kill", func() error { return unit.Start(within(t, 30*time.Second)) }, s.LB1},
	} {
		t.Run(step.name, func(t *testing.T) {
			must(t, step.do())
			must(t, s.pair.WaitHolder(within(t, 40*time.Second), step.to))
			since := time.Now()
			eventually(t, 60*time.Second, "every held connection is used", func() (bool, error) {
				return s.held.Conns().Since(since), nil
			})
			o := s.held.Lap()
			t.Log(o)
			figure(t, "stall", o.Stall().Seconds(), "s")
			if broken := o.Broken(); broken > 0 {
				t.Errorf("%d of %d connections broke", broken, manyHeld)
			}
		})
	}
}
