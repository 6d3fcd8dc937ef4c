package vrrp

import "slices"

// lifeReload gives a node another priority or other intervals, or hands its state
// to another process.
func (w *world) lifeReload(n *simNode) {
	if w.oneIn(3) {
		before := w.tally.Moves
		w.restartInPlace(n)
		w.settle()
		if w.tally.Moves != before {
			w.fatalf("a restart in place is seen")
		}
		return
	}
	w.guard(n)
	w.reload(n.groups[w.rng.IntN(len(n.groups))])
	w.settle()
}

// lifeHealth fails or mends tracks: a master that is no longer fit hands over.
func (w *world) lifeHealth(n *simNode) {
	w.guard(n)
	w.shakeHealth(n.groups[w.rng.IntN(len(n.groups))])
	w.settle()
}

// lifeDirector takes the director process from a master: whoever can takes over
// within Master_Down_Interval, whatever its preempt_delay.
func (w *world) lifeDirector(n *simNode) {
	if !n.runs() {
		return
	}
	w.count("director lost")
	w.note("node %d has no director", n.id)
	w.guard(n)
	for _, m := range n.groups {
		m.health.Lowest = true
		w.feed(m, Input{Kind: InputHealth, Health: m.health})
	}
	w.wait(w.down() + w.slowest())
	for k, m := range n.groups {
		if m.g.State == Master && !m.g.owner() && w.plain(k) && w.relieves(k, n) {
			w.fatalf("%v is still master without a director", m)
		}
	}
	w.settle()
	w.quiet(w.down())
	w.guard(n)
	for _, m := range n.groups {
		m.health.Lowest = false
		w.feed(m, Input{Kind: InputHealth, Health: m.health})
	}
	w.settle()
}

// relieves tells whether somebody with more than priority 1 can take over.
func (w *world) relieves(k int, n *simNode) bool {
	return slices.ContainsFunc(w.everyone(k), func(m *member) bool {
		return m.node != n && m.eligible() && m.g.Priority > priorityLowest
	})
}

// lifeLink takes a link from a node and gives it back.
func (w *world) lifeLink(n *simNode) {
	w.count("links down")
	w.relink(n, w.rng.IntN(1<<len(n.usable)))
	w.inTime("links went down")
	w.settle()
	w.quiet(w.down())
	w.guard(n)
	w.count("links up")
	w.relink(n, -1)
	w.settle()
}

// lifePartition splits the segments, all alike or each its own way, or makes links
// work one way, and joins them again.
func (w *world) lifePartition(n *simNode) {
	switch w.rng.IntN(3) {
	case 0:
		w.count("partition")
		part := make([]int, len(w.nodes))
		for i := range part {
			part[i] = w.rng.IntN(2)
		}
		w.note("all segments in parts %v", part)
		for s := range w.deaf {
			w.split(s, part)
		}
	case 1:
		for s := range w.deaf {
			w.partition(s)
		}
	default:
		w.oneWay(n)
	}
	// Who hears nobody any more waits for its timers, and whom it outranks then for
	// its own, and so on.
	for range w.nodes {
		w.wait(w.down() + w.patience() + w.slowest())
	}
	if w.allPlain() { // else a link that works one way looks like a neighbour that discards
		w.settle()
		w.quiet(w.down())
	}
	w.note("segments whole")
	w.whole()
	w.oneMaster("the partition")
	w.settle()
}

// lifePowerCut takes the power from all, and starts them again nearly together:
// each becomes master once at most.
func (w *world) lifePowerCut(*simNode) {
	w.count("power cut")
	w.note("power cut")
	var on []*simNode
	for _, n := range w.nodes {
		if n.up {
			on = append(on, n)
			w.crash(n)
		}
	}
	w.wait(w.down() + w.below(w.down()))
	// The kernels begin anew as well.
	w.members(func(m *member) { m.holds = false })
	for _, n := range on {
		w.wait(w.below(2 * w.unit))
		w.note("node %d starts", n.id)
		w.boot(n, false)
	}
	w.inTime("the last start")
	w.settle()
	w.members(func(m *member) {
		// Init, Backup, Master, and Backup again where a better one was later.
		if m.node.up && m.g.Transitions > 3 {
			w.fatalf("%v changed role %d times at boot", m, m.g.Transitions)
		}
	})
}

// lifeDisorder doubles, delays and reorders adverts, and makes timers late, by
// less than an interval.
func (w *world) lifeDisorder(*simNode) {
	w.count("duplicates, delay and late timers below an interval")
	w.note("disorder")
	w.disorder = true
	w.double, w.delay, w.late = w.rng.Float64(), 1+w.below(w.unit/2), w.below(w.unit/2)
	w.unmoved(w.below(20*w.slowest()), "disorder")
	before := w.delay
	w.double, w.delay, w.late, w.disorder = 0, w.jitter(), 0, false
	w.unmoved(before, "disorder")
	w.settle()
}

// lifeLoss loses a tenth of the adverts for a while.
func (w *world) lifeLoss(*simNode) {
	w.count("a tenth of all adverts lost")
	w.note("a tenth is lost")
	w.loss = 0.1
	w.wait(w.below(60 * w.slowest()))
	w.note("nothing is lost")
	w.loss = 0
	w.settle()
}
