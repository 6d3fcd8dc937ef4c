package vrrp

import (
	"testing"
	"time"
)

// TestSimulationIncompatible puts routers of different settings on one segment:
// each discards the adverts of the others' kind. Through loss, partition, crash
// and restart they must end with one master, as if they were alike.
func TestSimulationIncompatible(t *testing.T) {
	seeds(func(seed uint64) {
		w := newWorld(t, seed)
		for _, n := range w.nodes {
			n.form = w.rng.IntN(2)
			n.config.PreemptDelay = 0
			if w.rng.IntN(4) == 0 {
				w.incompatible(n, Hold)
			}
		}
		w.chaos()
		w.heal()
		w.oneMaster()
	})
}

// TestSimulationStranger has one router that knows nothing but the RFC and
// discards what is of another kind: with yield there is one master, with hold
// whoever of us has the highest priority is one.
func TestSimulationStranger(t *testing.T) {
	seeds(func(seed uint64) {
		w := newWorld(t, seed)
		policy := []Incompatible{Yield, Hold}[seed%2]
		for _, n := range w.nodes {
			n.config.PreemptDelay = 0
			w.incompatible(n, policy)
		}
		stranger := w.nodes[w.rng.IntN(len(w.nodes))]
		stranger.form, stranger.deaf = 1, true
		for _, n := range w.nodes {
			for s := range n.config.Routers {
				n.config.Routers[s].Fellows = nil // it is in nobody's file
			}
		}
		w.chaos()
		w.heal()
		if policy == Yield {
			// Of who asks to be relieved each of us tries once to take over.
			for range w.nodes {
				w.run(w.now.Add(w.settling()), nil)
			}
			w.oneMaster()
			return
		}
		w.run(w.now.Add(w.settling()), nil)
		for _, m := range w.masters() {
			if m != stranger {
				return
			}
		}
		best, rank := stranger, func(n *simNode) int { return int(n.g.Priority)<<8 + n.id }
		for _, n := range w.nodes {
			if n.up && rank(n) > rank(best) {
				best = n
			}
		}
		if best != stranger && best.g.Priority > stranger.g.Priority && best.config.Preempt {
			w.fatalf("node %d does not hold against the stranger %d", best.id, stranger.id)
		}
	})
}

func (w *world) incompatible(n *simNode, policy Incompatible) {
	for s := range n.config.Routers {
		n.config.Routers[s].Incompatible = policy
	}
}

// oneMaster: once the faults are over there is one, it stays, and it alone holds
// the addresses.
func (w *world) oneMaster() {
	w.run(w.now.Add(w.settling()), nil)
	before := len(w.log)
	first := w.masters()
	if len(first) != 1 {
		w.fatalf("%d masters", len(first))
	}
	w.run(w.now.Add(w.settling()), nil)
	if len(w.log) != before {
		w.fatalf("it flaps: %s", w.log[before])
	}
	for _, n := range w.nodes {
		if n.up && n.holds != (n == first[0]) {
			w.fatalf("node %d: holds %v, the master is %d", n.id, n.holds, first[0].id)
		}
	}
}

// settling is longer than a take-over, a neighbour that goes on and the way back.
func (w *world) settling() (d time.Duration) {
	for _, n := range w.nodes {
		for i := range n.config.Routers {
			d = max(d, n.config.Routers[i].Interval, n.learned(i))
		}
	}
	return 4 * MasterDownInterval(d, 1)
}
