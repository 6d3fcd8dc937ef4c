package vrrp

import (
	"slices"
	"testing"
)

// TestSimulationTie lets several masters of equal priority meet: the highest
// address of the first router wins, at once, whatever the other segments say.
func TestSimulationTie(t *testing.T) {
	seeds(t, func(w *world) {
		for s := range w.deaf {
			for a := range w.nodes {
				w.deaf[s][a] = 0xff // everybody alone
			}
		}
		for _, n := range w.nodes {
			for _, m := range n.groups {
				m.config.Priority, m.config.Full, m.config.PreemptDelay = 100, 100, 0
				m.tracks = nil
				m.weigh()
			}
			w.boot(n, false)
		}
		w.wait(w.down())
		for k := range w.plans {
			if len(w.masters(k)) != len(w.nodes) {
				w.fatalf("group %d: alone, %d of %d are master", k, len(w.masters(k)), len(w.nodes))
			}
		}
		w.delay = w.jitter()
		w.whole()
		w.oneMaster("a life alone")
		w.settled()
		for k := range w.plans {
			all := w.everyone(k)
			best := slices.MaxFunc(all, func(a, b *member) int { return sourceOf(a).Compare(sourceOf(b)) })
			if m := w.masters(k); w.plain(k) && (len(m) != 1 || m[0] != best) {
				w.fatalf("group %d: %v won, %v has the highest address", k, m, best)
			}
		}
	})
}

// everyone is what the nodes have of group k.
func (w *world) everyone(k int) (all []*member) {
	for _, n := range w.nodes {
		all = append(all, n.groups[k])
	}
	return all
}

// TestSimulationIsDeterministic runs seeds twice: the state machine reads nothing
// but its input.
func TestSimulationIsDeterministic(t *testing.T) {
	for seed := range uint64(50) {
		run := func() []string {
			w, failure := simulate(seed, true, func(w *world) { w.chaos(); w.heal(); w.promises(); w.life(2) })
			if failure != "" {
				t.Fatalf("seed %d: %s", seed, failure)
			}
			return w.log
		}
		a, b := run(), run()
		if len(a) < 20 || !slices.Equal(a, b) {
			t.Fatalf("seed %d: %d lines, then %d, and not the same", seed, len(a), len(b))
		}
	}
}
