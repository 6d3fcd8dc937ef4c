package vrrp

import (
	"encoding/json"
	"testing"
	"time"
)

// TestSimulation runs routers through loss, delay, duplication, partition, crash,
// restart with and without adoption, faults and reloads, then ends the faults and
// holds the group to its promises.
func TestSimulation(t *testing.T) {
	seeds(func(seed uint64) {
		w := newWorld(t, seed)
		w.chaos()
		w.heal()
		w.promises()
	})
}

// chaos is forty intervals of trouble.
func (w *world) chaos() {
	for _, n := range w.nodes {
		if w.rng.IntN(4) > 0 {
			w.boot(n, Record{})
		}
	}
	for range 20 + w.rng.IntN(20) {
		w.run(w.now.Add(time.Duration(w.rng.Int64N(int64(3*w.unit)))), nil)
		w.trouble(w.nodes[w.rng.IntN(len(w.nodes))])
	}
}

// trouble is one thing that happens, mostly to node n.
func (w *world) trouble(n *simNode) {
	switch w.rng.IntN(14) {
	case 0:
		w.loss, w.double = w.rng.Float64()/2, w.rng.Float64()/2
	case 1:
		w.delay = time.Duration(w.rng.Int64N(int64(2 * w.unit)))
	case 2:
		w.late = time.Duration(w.rng.Int64N(int64(2 * w.unit)))
	case 3:
		w.loss, w.double, w.delay, w.late = 0, 0, 0, 0
	case 4, 5:
		segment := w.rng.IntN(w.segments)
		for i := range w.parts[segment] {
			w.parts[segment][i] = w.rng.IntN(2)
		}
		w.note("segment %d in parts %v", segment, w.parts[segment])
	case 6:
		for s := range w.parts {
			clear(w.parts[s])
		}
		w.note("segments whole")
	case 7, 8:
		w.crashOrBoot(n)
	case 9:
		n.health = Health{Ready: w.rng.IntN(5) > 0, Fault: w.rng.IntN(3) == 0, Lowest: w.rng.IntN(4) == 0, Delta: w.rng.IntN(100) - 50}
		w.note("node %d health %+v", n.id, n.health)
		w.feed(n, Input{Kind: InputHealth, Health: n.health})
	case 10:
		links := up(w.segments)
		for i := range links {
			links[i].Usable = w.rng.IntN(2) == 0
		}
		w.relink(n, links)
	case 11:
		w.relink(n, up(w.segments))
	case 12:
		w.reload(n)
	case 13:
		w.restartInPlace(n)
	}
}

func (w *world) feed(n *simNode, in Input) {
	if n.up {
		w.step(n, in)
	}
}

func (w *world) relink(n *simNode, links []RouterLink) {
	w.note("node %d links %v", n.id, links)
	n.links = links
	w.feed(n, Input{Kind: InputLinks, Links: links})
}

// crashOrBoot kills a process, stops it, or starts one.
func (w *world) crashOrBoot(n *simNode) {
	switch {
	case !n.up:
		r := n.record
		if w.rng.IntN(2) == 0 {
			r = Record{} // another boot: nothing of the old process counts
		}
		w.note("node %d starts with %+v", n.id, r)
		w.boot(n, r)
	case w.rng.IntN(2) == 0:
		w.note("node %d crashes", n.id)
		n.up = false
	case n.g.Started:
		w.note("node %d stops", n.id)
		w.step(n, Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	default:
		w.note("node %d starts again", n.id)
		w.step(n, Input{Kind: InputStart})
	}
}

// reload changes priority and interval. Version 2's stays: who has another one is
// not heard.
func (w *world) reload(n *simNode) {
	c := n.config
	c.Routers = append([]RouterConfig(nil), c.Routers...)
	if w.rng.IntN(2) == 0 {
		c.Priority = uint8(1 + w.rng.IntN(254))
	}
	for i := range c.Routers {
		if w.rng.IntN(3) == 0 && c.Routers[i].Version != Version2 {
			c.Routers[i].Interval = w.unit * time.Duration(1+w.rng.IntN(3))
		}
	}
	n.config = c
	w.note("node %d priority %d", n.id, c.Priority)
	w.feed(n, Input{Kind: InputConfigure, Config: c, Links: n.links})
}

// restartInPlace hands the state to another process, as JSON.
func (w *world) restartInPlace(n *simNode) {
	text, err := json.Marshal(n.g)
	if err != nil {
		w.fatalf("%v", err)
	}
	n.g = Group{}
	if err := json.Unmarshal(text, &n.g); err != nil {
		w.fatalf("%v", err)
	}
}

// heal ends every fault, lets the last packets of the bad time arrive, and
// starts whoever is down, or leaves it down for good.
func (w *world) heal() {
	w.loss, w.double, w.late = 0, 0, 0
	for s := range w.parts {
		clear(w.parts[s])
	}
	w.run(w.now.Add(w.delay+time.Microsecond), nil)
	w.delay = w.unit / 100
	sick := w.rng.IntN(2) == 0
	for i, n := range w.nodes {
		n.links, n.health = up(w.segments), Health{Ready: true}
		if sick { // some tracks go on failing
			n.health.Delta = -w.rng.IntN(3) * 20
		}
		switch {
		case n.up && n.g.Started:
			w.arm(n) // no longer late
			w.step(n, Input{Kind: InputLinks, Links: n.links})
			w.step(n, Input{Kind: InputHealth, Health: n.health})
		case i == 0 || w.rng.IntN(2) == 0:
			w.boot(n, Record{})
		default:
			n.up = false
		}
	}
	w.note("faults end")
}

// promises checks what the group owes once the faults are over.
func (w *world) promises() {
	var interval, delay time.Duration
	for _, n := range w.nodes {
		delay = max(delay, n.config.PreemptDelay)
		for i := range n.config.Routers {
			interval = max(interval, n.config.Routers[i].Interval, n.learned(i))
		}
	}
	down := MasterDownInterval(interval, 1)

	// A master within Master_Down_Interval plus one advert.
	w.run(w.now.Add(down+interval), nil)
	if len(w.masters()) == 0 {
		w.fatalf("no master %v after the faults ended", down+interval)
	}
	never := func() {
		if len(w.masters()) == 0 {
			w.fatalf("no master any more")
		}
	}
	// Settled: whoever has to give way has been waited for, and preempted.
	w.run(w.now.Add(down+delay+interval), never)
	winner := w.winner()

	// From now on nothing moves.
	before := len(w.log)
	w.run(w.now.Add(3*down), never)
	if len(w.log) != before {
		w.fatalf("it flaps: %s", w.log[before])
	}
	if w.winner() != winner {
		w.fatalf("the master changed")
	}
}

// winner is the one master, which must be the one that the rules name.
func (w *world) winner() *simNode {
	masters := w.masters()
	if len(masters) != 1 {
		w.fatalf("%d masters", len(masters))
	}
	best := uint8(0)
	for _, n := range w.nodes {
		if n.holds != (n == masters[0]) && n.up {
			w.fatalf("node %d: holds %v, the master is %d", n.id, n.holds, masters[0].id)
		}
		if n.up {
			best = max(best, n.g.Priority)
		}
	}
	m := masters[0]
	if m.config.Preempt && m.g.Priority != best {
		w.fatalf("node %d is master with %d, there is %d", m.id, m.g.Priority, best)
	}
	for _, n := range w.nodes {
		if h := (Heard{Src: m.g.Source(0), Priority: m.g.Priority}); n.up && n != m && n.g.Priority > m.g.Priority && n.g.lessHealthy(0, h) {
			w.fatalf("node %d is master with %d, node %d has %d and is healthier", m.id, m.g.Priority, n.id, n.g.Priority)
		}
	}
	return m
}

// TestSimulationTie lets several masters of equal priority meet: the highest
// address of the first router wins, at once, whatever the other segments say.
func TestSimulationTie(t *testing.T) {
	seeds(func(seed uint64) {
		w := newWorld(t, seed)
		for i, n := range w.nodes {
			n.config.Priority, n.config.PreemptDelay = 100, 0
			for s := range w.parts {
				w.parts[s][i] = i // everybody alone
			}
			w.boot(n, Record{})
		}
		w.run(w.now.Add(MasterDownInterval(3*w.unit, 1)), nil)
		best := w.nodes[0]
		for _, n := range w.nodes {
			if n.g.State != Master {
				w.fatalf("node %d is %s", n.id, n.g.State)
			}
			if best.g.Source(0).Less(n.g.Source(0)) {
				best = n
			}
		}
		for s := range w.parts {
			clear(w.parts[s])
		}
		w.delay = w.unit / 100
		w.run(w.now.Add(4*w.unit), nil)
		if m := w.winner(); m != best {
			w.fatalf("node %d won, node %d has the highest address", m.id, best.id)
		}
	})
}

// TestSimulationIsDeterministic runs seeds twice: the state machine reads nothing
// but its input.
func TestSimulationIsDeterministic(t *testing.T) {
	for seed := range uint64(50) {
		run := func() []string {
			w := newWorld(t, seed)
			w.chaos()
			return w.log
		}
		a, b := run(), run()
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("seed %d: %q, then %q", seed, a[i], b[i])
			}
		}
	}
}
