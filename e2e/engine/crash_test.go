package engine

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lease is the lifetime of the addresses in these tests.
const lease = 3 * time.Second

// TestAdoption: everything killed and started again at once goes on as if
// nothing had been: nobody else becomes master and no address goes.
func TestAdoption(t *testing.T) {
	p := newPair(t, spec{interval: time.Second})
	taps := [2]*tap{p.tap(p.LB2, wires[0]), p.tap(p.LB2, wires[1])}
	p.settled()
	book, probe := p.ledger(p.LB1), p.ping(p.Client, outside)
	was := p.router(p.LB2, "outside").Transitions
	begin := time.Now()
	if err := p.units[p.LB1].Kill9(true); err != nil {
		t.Fatal(err)
	}
	p.await(10*time.Second, "lb1 is master again and ready", func() bool {
		return p.director(p.LB1) != 0 && p.units[p.LB1].WaitReady(p.within(10*time.Second)) == nil &&
			p.router(p.LB1, "outside").State == "master"
	})
	r := p.router(p.LB1, "outside")
	t.Logf("adopted: %s", r.Cause)
	// Longer than the lease of the process before, and than a Master_Down_Interval.
	p.await(10*time.Second, "adverts for longer than a lease", func() bool {
		all := taps[0].adverts(speaks["lb1"][0], begin)
		return len(all) > 0 && all[len(all)-1].at.Sub(begin) > lease+time.Second
	})
	for i, a := range p.addresses() {
		if gone := book.lost(a, begin); len(gone) > 0 {
			t.Errorf("%s went at %v after the kill", a, gone[0].Sub(begin))
		}
		if gap := longest(taps[i].adverts(speaks["lb1"][i], begin.Add(-time.Second))); gap >= p.spec.downAfter() {
			t.Errorf("%s: adverts %v apart", wires[i], gap)
		} else {
			figure(t, wires[i]+" longest time without an advert", gap.Seconds(), "s")
		}
		if others := taps[i].adverts(speaks["lb2"][i], begin); len(others) > 0 {
			t.Errorf("lb2 spoke: %v", others)
		}
	}
	if now := p.router(p.LB2, "outside").Transitions; now != was {
		t.Errorf("lb2 has changed its role %d times", now-was)
	}
	if o := probe.end(); o.lost > 0 {
		t.Errorf("%v", o)
	}
}

// TestLateRestart: after more than two intervals the successor starts as backup,
// and takes off first what its predecessor has left.
func TestLateRestart(t *testing.T) {
	p := newPair(t, spec{})
	wire := p.tap(p.LB2, "eth2")
	p.settled()
	begin := time.Now()
	if err := p.units[p.LB1].Kill9(false); err != nil {
		t.Fatal(err)
	}
	wire.first(begin, 5*time.Second, "the first advert of lb2", advertFrom(speaks["lb2"][0], 100))
	if !p.holds(p.LB1, outside) {
		t.Fatal("the address is gone before its lease, so this proves nothing")
	}
	book := p.ledger(p.LB1)
	again := time.Now()
	p.start(p.LB1)
	gone := book.gone(p, outside, again)
	p.holder(p.LB1) // it preempts in the end
	back := wire.first(again, 5*time.Second, "the first advert of lb1", advertFrom(speaks["lb1"][0], 150))
	if back.at.Before(gone) {
		t.Errorf("lb1 spoke %v before it had let go", gone.Sub(back.at))
	}
	if gone.Sub(begin) > lease-500*time.Millisecond {
		t.Errorf("the address went %v after the kill: that was its lease", gone.Sub(begin))
	}
	if wait := back.at.Sub(again); wait < 3*p.spec.every() {
		t.Errorf("lb1 spoke %v after its start, before a Master_Down_Interval was over", wait)
	}
}

// TestCrash: killed for good, the addresses go by themselves and one holder is
// left.
func TestCrash(t *testing.T) {
	p := newPair(t, spec{})
	p.settled()
	book := p.ledger(p.LB1)
	begin := time.Now()
	if err := p.units[p.LB1].Kill9(false); err != nil {
		t.Fatal(err)
	}
	if !p.holds(p.LB1, outside) {
		t.Error("release --if-dead has removed the address after a crash")
	}
	p.holder(p.LB2)
	for _, a := range p.addresses() {
		d := book.gone(p, a, begin).Sub(begin)
		figure(t, a.String()+" gone after", d.Seconds(), "s")
		if d > lease+500*time.Millisecond {
			t.Errorf("%s went %v after the kill, the lease is %v", a, d, lease)
		}
	}
}

// TestFrozenEngine: an engine that does not run loses its addresses by their
// lease. When it runs again it is a backup, as the other one was right to take
// over; it is the better one still, and takes them back as one that preempts does:
// by adverts, and never beside the other.
func TestFrozenEngine(t *testing.T) {
	p := newPair(t, spec{})
	wire := p.tap(p.LB2, "eth2")
	p.settled()
	engine := p.units[p.LB1].MainPID()
	frozen := time.Now()
	kill(t, engine, syscall.SIGSTOP)
	p.holder(p.LB2)
	figure(t, "one holder after", time.Since(frozen).Seconds(), "s")
	thaw := time.Now()
	kill(t, engine, syscall.SIGCONT)
	p.holder(p.LB1)
	p.await(10*time.Second, "lb1 answers", func() bool { return p.director(p.LB1) != 0 })
	for i, f := range wire.adverts(speaks["lb1"][0], thaw) {
		if word := i == 0 && f.priority == 1; !word && f.priority != 150 {
			t.Errorf("after it had been frozen lb1 said %v later: %s", f.at.Sub(thaw), f)
		}
	}
	if !p.said(p.LB1, "cause=stalled") {
		t.Error("lb1 does not say that it stood still")
	}
	settled := time.Now()
	for time.Since(settled) < 5*p.spec.downAfter() { // nobody gets another idea later
		if got := p.holders(outside); !slices.Equal(got, []string{"lb1"}) {
			t.Fatalf("holders %v", got)
		}
	}
	if late := wire.adverts(speaks["lb2"][0], settled); len(late) > 0 {
		t.Errorf("lb2 still speaks: %v", late)
	}
}

// TestFrozenEngineLeavesIt: with preempt = false the one that took over keeps the
// role when the other one runs again, whether the addresses were still up or not.
func TestFrozenEngineLeavesIt(t *testing.T) {
	for name, frozen := range map[string]time.Duration{"before the lease ends": 0, "after": lease} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, spec{router: "preempt = false"})
			p.settled()
			wire := p.tap(p.LB2, "eth2")
			engine := p.units[p.LB1].MainPID()
			kill(t, engine, syscall.SIGSTOP)
			p.await(10*time.Second, "lb2 holds", func() bool { return p.holds(p.LB2, outside) && p.holds(p.LB2, inside) })
			time.Sleep(frozen)
			thaw := time.Now()
			kill(t, engine, syscall.SIGCONT)
			p.holder(p.LB2)
			p.never(5*p.spec.downAfter(), "lb1 takes it back", func() bool { return p.holds(p.LB1, outside) || p.holds(p.LB1, inside) })
			if got := p.router(p.LB1, "outside"); got.State != "backup" || !strings.Contains(got.Cause, "it stood still") {
				t.Errorf("lb1: %s, %s", got.State, got.Cause)
			}
			if p.router(p.LB2, "outside").Transitions != 2 {
				t.Errorf("lb2: %+v", p.router(p.LB2, "outside"))
			}
			said := wire.adverts(speaks["lb1"][0], thaw)
			if len(said) != 1 || said[0].priority != 1 {
				t.Errorf("lb1 said after it ran again: %v, want the one word that makes lb2 announce again", said)
			}
			// Whoever took lb1 for the holder in between learns better.
			mac := p.mac(p.LB2, "eth2")
			p.await(5*time.Second, "lb2 announces again", func() bool {
				return slices.ContainsFunc(wire.frames(func(f frame) bool { return f.op == 1 && f.src == outside }), func(f frame) bool {
					return f.from.String() == mac && f.at.After(thaw)
				})
			})
		})
	}
}

// TestShortFreeze: an engine that stood still for little more than a lease is
// master again where nobody took over, once it has listened, and does not believe
// its director to be lost.
func TestShortFreeze(t *testing.T) {
	p := newPair(t, spec{})
	wire := p.tap(p.LB2, "eth2")
	p.start(p.LB1)
	p.holder(p.LB1)
	engine, director := p.units[p.LB1].MainPID(), p.director(p.LB1)
	kill(t, engine, syscall.SIGSTOP)
	time.Sleep(lease + 500*time.Millisecond)
	thaw := time.Now()
	kill(t, engine, syscall.SIGCONT)
	p.await(10*time.Second, "lb1 has its addresses again", func() bool {
		return p.holds(p.LB1, outside) && p.holds(p.LB1, inside)
	})
	p.await(5*time.Second, "adverts of lb1", func() bool { return len(wire.adverts(speaks["lb1"][0], thaw)) > 10 })
	for _, f := range wire.adverts(speaks["lb1"][0], thaw) {
		if f.priority != 150 {
			t.Errorf("after it had been frozen lb1 said %v later: %s", f.at.Sub(thaw), f)
		}
	}
	if now := p.director(p.LB1); now != director {
		t.Errorf("the director is another one")
	}
}
