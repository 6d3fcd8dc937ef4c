package vrrp_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
	"failover/vrrp/vrrptest"
)

// again is a state after a round trip through JSON.
func again(t testing.TB, s vrrp.EngineState) (next vrrp.EngineState) {
	t.Helper()
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &next)
	}
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// restart lets another engine go on in the place of the node's, and tells why not.
func (n *node) restart(w wires, change ...func(*vrrp.EngineState)) error {
	n.t.Helper()
	heir := &node{t: n.t, last: n.last, name: n.name, host: n.host, log: n.log, records: n.records}
	heir.conn = vrrptest.NewConn(n.name)
	heir.plug(w)
	ctx, stop := context.WithCancel(context.Background())
	heir.stop, heir.ended = stop, make(chan struct{})
	heir.engine = vrrp.NewEngine(vrrp.EngineConfig{Conn: heir.conn, Host: n.host, Recorder: n, Log: n.log, OnTransition: n.heard})
	go func() {
		defer close(heir.ended)
		heir.err = heir.engine.Run(ctx)
	}()
	patience, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := n.engine.HandOver(patience, func(s vrrp.EngineState) error {
		s = again(n.t, s)
		for _, f := range change {
			f(&s)
		}
		return heir.engine.Inherit(ctx, s)
	})
	if err != nil {
		heir.kill()
		return err
	}
	<-n.ended
	if !errors.Is(n.err, vrrp.ErrHandedOver) {
		n.t.Errorf("%s ended with %v", n.name, n.err)
	}
	then, err := n.engine.Status(ctx)
	if now, missed := heir.engine.Status(ctx); err != nil || missed != nil || len(then) != len(now) {
		n.t.Errorf("%s had %d routers (%v), and has %d (%v)", n.name, len(then), err, len(now), missed)
	}
	n.conn, n.engine, n.stop, n.ended = heir.conn, heir.engine, heir.stop, heir.ended
	return nil
}

// without is a router's status without what only tells of the process.
func without(s vrrp.RouterStatus) vrrp.RouterStatus {
	s.LateWakeups = 0
	return s
}

// A restart in place is not seen by anybody: not by the neighbour, not on the
// machine, not in the status.
func TestEngineGoesOnInAnotherOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, groupOf(5, 150))
		b.run(nil, groupOf(6, 100))
		wait(5*time.Second + 300*time.Millisecond)
		a.moved()
		b.moved()
		a.host.Announced()
		seen := b.status("outside").AdvertsReceived
		for _, n := range []*node{a, b, a, a, b} {
			before := n.status("outside")
			if err := n.restart(w); err != nil {
				t.Fatal(err)
			}
			if after := n.status("outside"); !same(without(after), without(before)) {
				t.Errorf("%s was\n%+v\nand is\n%+v", n.name, before, after)
			}
			wait(2 * time.Second)
		}
		a.wantMoved()
		b.wantMoved()
		a.holds(true)
		if n := b.status("outside").AdvertsReceived - seen; n != 10 {
			t.Errorf("the backup heard %d adverts in ten seconds", n)
		}
		if more := a.host.Announced(); len(more) > 0 {
			t.Errorf("announced once more: %v", more)
		}
		wait(time.Minute) // the lease is renewed
		a.holds(true)
		b.wantMoved()
		a.engine.Stop()
		<-a.ended
		wait(time.Second)
		a.holds(false)
		b.holds(true)
		b.kill()
	})
}

func same(a, b vrrp.RouterStatus) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && slices.Equal(x, y)
}

// What a take-over has begun goes on: announcements that are due later, and a
// backup's timer.
func TestEngineGoesOnInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.run(nil, groupOf(5, 150))
		wait(3 * time.Second) // Master_Down_Interval is 3.41 s
		if err := a.restart(w); err != nil {
			t.Fatal(err)
		}
		wait(500 * time.Millisecond)
		a.holds(true)
		a.host.Announced()
		if err := a.restart(w); err != nil {
			t.Fatal(err)
		}
		wait(2 * time.Second) // the round of one second
		if len(a.host.Announced()) == 0 {
			t.Error("what was to be announced later was not")
		}
		a.wantMoved("init>backup started", "backup>master timeout")
		a.kill()
	})
}

// Whatever comes of it, there is one engine that goes on.
func TestEngineStaysWhereAnotherCannotGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, groupOf(5, 150))
		b.run(nil, groupOf(6, 100))
		wait(5 * time.Second)
		a.moved()
		b.moved()
		for _, c := range []struct {
			says   string
			change func(*vrrp.EngineState)
		}{
			{"version 2", func(s *vrrp.EngineState) { s.Version = 2 }},
			{"twice", func(s *vrrp.EngineState) { s.Groups = append(s.Groups, s.Groups[0]) }},
			{"no name", func(s *vrrp.EngineState) { s.Groups[0].Group.Config.Name = "" }},
			{"has 2 routers", func(s *vrrp.EngineState) { s.Groups[0].Group.Routers = nil }},
			{"has 2 routers", func(s *vrrp.EngineState) { s.Groups[0].Bursts = nil }},
			{`is "king"`, func(s *vrrp.EngineState) { s.Groups[0].Group.State = "king" }},
			{"not started", func(s *vrrp.EngineState) { s.Groups[0].Group.Started = false }},
		} {
			if err := a.restart(w, c.change); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.says, err)
			}
		}
		a.engine.Configure(nil, nil) // the group hands over, which takes a while
		b.conn.Freeze(true)
		if err := a.restart(w); err == nil || !strings.Contains(err.Error(), "group nat is on its way out") {
			t.Errorf("in the middle of a hand-over: %v", err)
		}
		b.conn.Freeze(false)
		wait(5 * time.Second)
		a.holds(false)
		b.holds(true)
		a.kill()
		if err := a.restart(w); !errors.Is(err, vrrp.ErrStopped) {
			t.Errorf("an engine that has ended: %v", err)
		}
		b.kill()
	})
}

// A slow host is waited for: what it is doing, nobody else can bring to its end.
func TestEngineWaitsForItsHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.host.Slow(700 * time.Millisecond)
		a.run(nil, groupOf(5, 150))
		wait(3700 * time.Millisecond) // it is putting the addresses up
		if a.host.Has(outsideVIP) {
			t.Fatal("too late to see anything")
		}
		if err := a.restart(w); err != nil {
			t.Fatal(err)
		}
		a.holds(true)
		a.host.Slow(time.Hour)
		wait(2 * time.Second)
		if err := a.restart(w); err == nil || !strings.Contains(err.Error(), "the addresses of group nat are being changed") {
			t.Errorf("with a host that hangs: %v", err)
		}
		a.kill()
	})
}

// The ports are open before the groups come, and one that cannot be is told.
func TestEngineExpects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.conn.Refuse("eth2", errors.New("no buffer space available"))
		a.engine = vrrp.NewEngine(vrrp.EngineConfig{Conn: a.conn, Host: a.host})
		ctx, stop := context.WithCancel(t.Context())
		a.stop, a.ended = stop, make(chan struct{})
		go func() { defer close(a.ended); a.err = a.engine.Run(ctx) }()
		expecting := func(want, fails string) {
			t.Helper()
			missing, err := a.engine.Expecting(ctx)
			if (missing == "") != (want == "") || !strings.Contains(want, missing) || (err == nil) != (fails == "") || err != nil && !strings.Contains(err.Error(), fails) {
				t.Errorf("missing %q, %v; want %q, %q", missing, err, want, fails)
			}
		}
		expecting("", "")
		a.engine.Expect([]vrrp.GroupConfig{groupOf(5, 150)})
		expecting("eth1 eth2", "")
		a.engine.SetLinks([]vrrp.Link{{Name: "eth1"}, {Name: "eth2", Index: 3, Up: true, Carrier: true}})
		expecting("", "no buffer space available")
		a.conn.Refuse("eth2", nil)
		wait(2 * time.Second)
		expecting("", "") // eth1 is not there
		a.kill()
	})
}
