package engine

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRelease: it refuses while the engine runs, does nothing after a crash where
// only a cut stop counts, and else removes the addresses.
func TestRelease(t *testing.T) {
	p := newPair(t, spec{once: true})
	p.start(p.LB1)
	p.holder(p.LB1)
	_, err := p.LB1.Run(p.within(10*time.Second), program, "release")
	if err == nil || !strings.Contains(err.Error(), "another engine is running") || !strings.Contains(err.Error(), "failover: hint: ") {
		t.Errorf("release beside an engine: %v", err)
	}
	if _, err := p.LB1.Run(p.within(10*time.Second), program, "release", "--if-dead"); err != nil {
		t.Errorf("release --if-dead beside an engine: %v", err)
	}
	if !p.holds(p.LB1, outside) {
		t.Fatal("the address is gone")
	}
	book := p.ledger(p.LB1)
	begin := time.Now()
	p.must(p.units[p.LB1].Kill9(false)) // its ExecStopPost is release --if-dead
	if gone := book.lost(outside, begin); len(gone) > 0 {
		t.Errorf("after a crash the address went %v after the kill", gone[0].Sub(begin))
	}
	out, err := p.LB1.Run(p.within(10*time.Second), program, "release")
	if err != nil || !strings.Contains(out, "2 addresses taken off") {
		t.Errorf("release after a crash: %q, %v", out, err)
	}
	if p.holds(p.LB1, outside) || p.holds(p.LB1, inside) {
		t.Error("an address is left")
	}
	if out, err = p.LB1.Run(p.within(10*time.Second), program, "release"); err != nil || !strings.Contains(out, "0 addresses taken off") {
		t.Errorf("a second release: %q, %v", out, err)
	}
}

// TestReleaseAfterCutStop: an engine that was killed in the middle of its
// hand-over will not be followed by one that adopts, so the addresses go at once.
func TestReleaseAfterCutStop(t *testing.T) {
	p := newPair(t, spec{interval: time.Second, once: true})
	wire := p.tap(p.LB2, "eth2")
	p.start(p.LB1)
	p.holder(p.LB1)
	book := p.ledger(p.LB1)
	begin := time.Now()
	p.must(p.units[p.LB1].Signal(syscall.SIGTERM))
	wire.first(begin, 5*time.Second, "the resignation", advertFrom(speaks["lb1"][0], 0))
	if !p.holds(p.LB1, outside) {
		t.Fatal("it let go at once, with nobody there to take over")
	}
	killed := time.Now()
	p.must(p.units[p.LB1].Kill9(false))
	for _, a := range p.addresses() {
		if d := book.gone(p, a, begin).Sub(killed); d > 1500*time.Millisecond {
			t.Errorf("%s went %v after the kill", a, d)
		}
	}
	if !p.said(p.LB1, "2 addresses taken off") {
		t.Error("that was not release")
	}
	if _, err := p.LB1.ReadFile("/run/failover/stopping"); err == nil {
		t.Error("the mark of the stop is left")
	}
}

// TestSecondEngine: one runtime directory has one engine.
func TestSecondEngine(t *testing.T) {
	p := newPair(t, spec{})
	p.start(p.LB1)
	p.holder(p.LB1)
	_, err := p.LB1.Run(p.within(10*time.Second), program, "run", "--node", "lb1")
	for _, want := range []string{"exit status 1", "failover: error: runtime directory /run/failover: another engine is running", "failover: hint: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a second engine: %v, want %q", err, want)
		}
	}
	if got := p.router(p.LB1, "outside"); got.State != "master" || !p.holds(p.LB1, outside) {
		t.Errorf("the first engine is %s", got.State)
	}
}
