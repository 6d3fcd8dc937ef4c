package engine

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestDirectorDies: the engine goes on, and a new director is there in a second.
func TestDirectorDies(t *testing.T) {
	p := newPair(t, spec{})
	wire := p.tap(p.LB2, "eth2")
	p.settled()
	book := p.ledger(p.LB1)
	engine, old := p.units[p.LB1].MainPID(), p.director(p.LB1)
	begin := time.Now()
	kill(t, old, syscall.SIGKILL)
	p.await(5*time.Second, "status answers again", func() bool {
		_, err := p.LB1.Run(p.within(5*time.Second), program, "status")
		return err == nil
	})
	took := time.Since(begin)
	figure(t, "status answers after", took.Seconds(), "s")
	if took > time.Second {
		t.Errorf("a new director answers after %v", took)
	}
	if now := p.director(p.LB1); now == old || now == 0 || p.units[p.LB1].MainPID() != engine {
		t.Errorf("director %d → %d, engine %d → %d", old, now, engine, p.units[p.LB1].MainPID())
	}
	p.await(5*time.Second, "adverts since", func() bool { return len(wire.adverts(speaks["lb1"][0], begin)) > 15 })
	all := wire.adverts(speaks["lb1"][0], begin.Add(-500*time.Millisecond))
	if gap := longest(all); gap >= 2*p.spec.every() {
		t.Errorf("adverts up to %v apart", gap)
	}
	for _, f := range all {
		if f.priority != 150 {
			t.Errorf("%s", f)
		}
	}
	if gone := book.lost(outside, begin); len(gone) > 0 {
		t.Errorf("the address went %v after the kill", gone[0].Sub(begin))
	}
	if got := p.router(p.LB1, "outside"); got.Transitions != 2 { // init → backup → master
		t.Errorf("%d changes of role", got.Transitions)
	}
}

// TestFrozenDirector: a director that is silent for too long makes its engine
// ask to be relieved, and all is as before when it runs again.
func TestFrozenDirector(t *testing.T) {
	p := newPair(t, spec{})
	wire := p.tap(p.LB2, "eth2")
	p.settled()
	director := p.director(p.LB1)
	begin := time.Now()
	kill(t, director, syscall.SIGSTOP)
	low := wire.first(begin, 10*time.Second, "priority 1", advertFrom(speaks["lb1"][0], 1))
	if after := low.at.Sub(begin); after < 1900*time.Millisecond || after > 4*time.Second {
		t.Errorf("priority 1 after %v, the lease is 3 s", after)
	}
	p.holder(p.LB2)
	kill(t, director, syscall.SIGCONT)
	p.holder(p.LB1)
	if now := p.director(p.LB1); now != director {
		t.Errorf("director %d → %d", director, now)
	}
	if got := p.router(p.LB1, "outside"); got.EffectivePriority != 150 {
		t.Errorf("lb1 takes part with priority %d", got.EffectivePriority)
	}
}

// TestNobodyToRelieve: where there is no neighbour, an engine without director
// stays master.
func TestNobodyToRelieve(t *testing.T) {
	p := newPair(t, spec{})
	wire := p.tap(p.LB2, "eth2")
	p.start(p.LB1)
	p.holder(p.LB1)
	book := p.ledger(p.LB1)
	director := p.director(p.LB1)
	begin := time.Now()
	kill(t, director, syscall.SIGSTOP)
	wire.first(begin, 10*time.Second, "priority 1", advertFrom(speaks["lb1"][0], 1))
	p.await(5*time.Second, "adverts of priority 1", func() bool {
		return len(wire.frames(advertFrom(speaks["lb1"][0], 1))) > 20
	})
	kill(t, director, syscall.SIGCONT)
	again := time.Now()
	wire.first(again, 5*time.Second, "priority 150", advertFrom(speaks["lb1"][0], 150))
	if gone := book.lost(outside, begin); len(gone) > 0 {
		t.Errorf("the address went")
	}
}

// TestDirectorsLeaveNothing: many directors later the engine has as many open
// files and as much memory as before.
func TestDirectorsLeaveNothing(t *testing.T) {
	p := newPair(t, spec{only: "outside"})
	p.start(p.LB1)
	p.holder(p.LB1)
	engine := p.units[p.LB1].MainPID()
	again := func() {
		old := p.director(p.LB1)
		kill(t, old, syscall.SIGKILL)
		p.await(5*time.Second, "a new director answers", func() bool {
			now := p.director(p.LB1)
			if now == 0 || now == old {
				return false
			}
			_, err := p.LB1.Run(p.within(5*time.Second), program, "status")
			return err == nil
		})
	}
	again()
	files := open(t, engine)
	threads := count(t, engine, "task")
	for range 20 {
		again()
	}
	if now := open(t, engine); now > files+1 {
		t.Errorf("%d open files after 20 directors, %d before", now, files)
	}
	if now := count(t, engine, "task"); now > threads+4 {
		t.Errorf("%d threads after 20 directors, %d before", now, threads)
	}
	if p.units[p.LB1].MainPID() != engine {
		t.Error("the engine is another one")
	}
}

func open(t *testing.T, pid int) int { return count(t, pid, "fd") }

// count is the number of entries of a folder of a process.
func count(t *testing.T, pid int, dir string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/" + dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
