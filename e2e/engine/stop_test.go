package engine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"failover/e2e/lab"
)

// handOver is the longest time a stop may take: Skew_Time of the slowest
// neighbour, of priority 1, and one interval.
func (s spec) handOver() time.Duration { return s.every()*255/256 + s.every() }

// TestStop: a stop resigns once on each router and goes on answering until the
// successor has spoken.
func TestStop(t *testing.T) {
	for _, interval := range []time.Duration{100 * time.Millisecond, time.Second} {
		t.Run(interval.String(), func(t *testing.T) { stop(t, spec{interval: interval, once: true}) })
	}
}

func stop(t *testing.T, s spec) {
	p := newPair(t, s)
	taps := [2]*tap{p.tap(p.LB2, wires[0]), p.tap(p.LB2, wires[1])}
	book := p.ledger(p.LB1)
	p.settled()
	probes := [2]*pinger{p.ping(p.Client, outside), p.ping(p.Node("web1"), inside)}
	begin := time.Now()
	if err := p.units[p.LB1].Stop(p.within(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	p.holder(p.LB2)
	for i, a := range p.addresses() {
		resigned := taps[i].frames(advertFrom(speaks["lb1"][i], 0))
		if len(resigned) != 1 {
			t.Fatalf("%s: resigned %d times, want once: %v", wires[i], len(resigned), resigned)
		}
		successor := taps[i].adverts(speaks["lb2"][i], begin)
		if len(successor) == 0 {
			t.Fatalf("%s: no advert of the successor", wires[i])
		}
		after := book.gone(p, a, begin).Sub(successor[0].at)
		t.Logf("%s: successor spoke %v after the resignation, the address went %v later",
			wires[i], successor[0].at.Sub(resigned[0].at), after)
		if after < 0 || after > 500*time.Millisecond {
			t.Errorf("%s: the address went %v after the successor's first advert", wires[i], after)
		}
		o := probes[i].end()
		t.Log(wires[i], o)
		figure(t, wires[i]+" longest gap", float64(o.gap)/1e6, "ms")
		// The field's best loses 9 ms here; a loaded machine is given more.
		if o.gap > 300*time.Millisecond {
			t.Errorf("%s: %v", wires[i], o)
		}
	}
	figure(t, "stopped after", float64(took)/1e6, "ms")
	p.clean(p.LB1)
}

// clean tells that a stopped director has left nothing to adopt.
func (p *pair) clean(n *lab.Node) {
	p.t.Helper()
	for _, file := range []string{"engine.json", "stopping"} {
		if _, err := n.ReadFile("/run/failover/" + file); err == nil {
			p.t.Errorf("%s: /run/failover/%s is left", n.Name, file)
		}
	}
	if pids := p.units[n].PIDs(); len(pids) > 0 {
		p.t.Errorf("%s: processes %v are left", n.Name, pids)
	}
}

// TestStopAlone: where nobody takes over, the addresses go all the same.
func TestStopAlone(t *testing.T) {
	p := newPair(t, spec{once: true})
	book := p.ledger(p.LB1)
	p.start(p.LB1)
	p.holder(p.LB1)
	begin := time.Now()
	if err := p.units[p.LB1].Stop(p.within(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	kept, limit := book.gone(p, outside, begin).Sub(begin), p.spec.handOver()
	if kept < limit-20*time.Millisecond || kept > limit+500*time.Millisecond || took > limit+time.Second {
		t.Errorf("kept the address for %v, ended after %v; want %v and at most a second more", kept, took, limit)
	}
	p.clean(p.LB1)
}

// TestStopBoth: both directors stopped in the same moment end in time, whatever
// their roles. Each round has its own interval and its own delay between the
// two. FAILOVER_ROUNDS asks for more rounds, FAILOVER_SEED for those of a log.
func TestStopBoth(t *testing.T) {
	seed, rounds := number("FAILOVER_SEED", uint64(time.Now().UnixNano())), number("FAILOVER_ROUNDS", 5)
	t.Logf("FAILOVER_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	p := newPair(t, spec{once: true})
	for round := range rounds {
		s := spec{interval: time.Duration(1+r.IntN(10)) * 10 * time.Millisecond, once: true}
		p.spec = s
		for _, n := range p.Directors() {
			p.configure(n, s)
		}
		p.start(p.Directors()...)
		early := r.IntN(3) == 0 // at any time of the election
		if !early {
			p.holder(p.LB1)
		}
		apart := time.Duration(r.IntN(4)) * time.Millisecond
		p.stopBoth(fmt.Sprintf("round %d, interval %v, %v apart, early %t", round, s.interval, apart, early), apart)
		if t.Failed() {
			return
		}
	}
}

func number(variable string, otherwise uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(variable), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// stopBoth stops both and complains, with the stacks of its goroutines, about one
// that takes too long.
func (p *pair) stopBoth(what string, apart time.Duration) {
	p.t.Helper()
	limit := p.spec.handOver() + time.Second
	var stopping sync.WaitGroup
	for i, n := range p.Directors() {
		stopping.Go(func() {
			time.Sleep(time.Duration(i) * apart)
			begin, done := time.Now(), make(chan error, 1)
			go func() { done <- p.units[n].Stop(p.within(20 * time.Second)) }()
			select {
			case err := <-done:
				if took := time.Since(begin); err != nil || took > limit {
					p.t.Errorf("%s: %s ended after %v: %v", what, n.Name, took, err)
				}
			case <-time.After(3*limit + 2*time.Second):
				_ = p.units[n].Signal(syscall.SIGQUIT)
				err := <-done
				p.t.Errorf("%s: %s hung, then %v:\n%s", what, n.Name, err, p.units[n].LogTail(400))
			}
		})
	}
	stopping.Wait()
	for _, n := range p.Directors() {
		if strings.Contains(p.ip(n, "addr"), outside.String()+"/") {
			p.t.Errorf("%s: %s still has %s", what, n.Name, outside)
		}
		p.clean(n)
	}
}
