package vrrp

import "time"

// life is one thing after another happening to settled groups, on clean
// segments. Each ends in a settled world again.
func (w *world) life(events int) {
	ordinary := []func(*simNode){
		w.lifeStop, w.lifeStop, w.lifeAdopt, w.lifeCrash, w.lifeStall, w.lifeStall, w.lifeSilence, w.lifeReload, w.lifeReload,
		w.lifeHealth, w.lifeHealth, w.lifeDirector, w.lifeLink, w.lifePartition, w.lifePartition, w.lifePowerCut, w.lifeDisorder, w.lifeLoss,
	}
	for range events {
		w.stage = stageOrdinary
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		if m := w.masters(w.rng.IntN(len(w.plans))); len(m) > 0 && !w.oneIn(4) {
			n = m[0].node // what happens to a master is more interesting
		}
		ordinary[w.rng.IntN(len(ordinary))](n)
		w.watch = nil
		w.stage = stageCalm
		w.quiet(w.down() + w.below(w.calm))
	}
}

// others tells whether group k has somebody but node n who can take over.
func (w *world) others(k int, n *simNode) bool {
	for _, o := range w.nodes {
		if o != n && o.groups[k].eligible() {
			return true
		}
	}
	return false
}

// guard watches that the addresses of each group are never on no machine at all,
// as far as the group has a master, and another to follow where it is node n.
func (w *world) guard(n *simNode) {
	var guarded []int
	for k := range w.plans {
		if m := w.masters(k); w.plain(k) && len(m) > 0 && (m[0].node != n || w.others(k, n)) {
			guarded = append(guarded, k)
		}
	}
	w.watch = func() {
		for _, k := range guarded {
			if !w.held(k) {
				w.fatalf("group %d: nobody holds the addresses", k)
			}
		}
	}
}

// held tells whether any machine has the addresses of group k.
func (w *world) held(k int) bool {
	for _, n := range w.nodes {
		if n.groups[k].holding(w.now) {
			return true
		}
	}
	return false
}

// lifeStop stops a node, and starts it again: the addresses are always somewhere,
// and whoever follows is there when the leaver lets go.
func (w *world) lifeStop(n *simNode) {
	if !n.runs() {
		w.lifeStart(n)
		return
	}
	w.count("stop")
	w.note("node %d stops", n.id)
	w.guard(n)
	w.stop(n)
	w.settle()
	for _, m := range n.groups {
		if !m.g.Done() || m.holds {
			w.fatalf("%v stopped and did not let go", m)
		}
	}
	w.crash(n) // the process ends
	w.quiet(w.down())
	w.lifeStart(n)
}

// lifeStart starts a node that was down: who is preempted lets go of nothing that
// nobody else holds.
func (w *world) lifeStart(n *simNode) {
	if n.up {
		return
	}
	w.count("cold start")
	w.note("node %d starts", n.id)
	w.guard(n)
	w.boot(n, w.oneIn(2))
	w.electing(n)
	w.patient(n)
	w.settle()
}

// patient: who has just started keeps a master for preempt_delay at least.
func (w *world) patient(n *simNode) {
	least, waiting := time.Duration(Never), []*member{}
	for k, m := range n.groups {
		masters := w.masters(k)
		if w.plain(k) && len(masters) == 1 && masters[0].g.Priority > priorityLowest && !m.g.owner() {
			least, waiting = min(least, m.config.PreemptDelay), append(waiting, m)
		}
	}
	if len(waiting) == 0 {
		return
	}
	w.wait(least)
	for _, m := range waiting {
		if m.g.State == Master {
			w.fatalf("%v is master before its preempt_delay of %v is over", m, m.config.PreemptDelay)
		}
	}
}

// electing: who starts too late to adopt takes part in an election first.
func (w *world) electing(n *simNode) {
	for _, m := range n.groups {
		if m.g.State == Master && !m.g.owner() {
			w.fatalf("%v started as master, its last advert is %v old", m, w.now.Sub(m.record.LastAdvert))
		}
	}
}

// lifeAdopt kills a node's process and starts it again within two intervals:
// nobody changes role, and no address is ever away. Later it is an election.
func (w *world) lifeAdopt(n *simNode) {
	window := time.Duration(Never)
	for _, m := range n.groups {
		if m.g.State == Master {
			window = min(window, m.g.LastAdvert.Add(2*m.g.shortest()).Sub(w.now))
		}
	}
	if !n.runs() || window <= 1 || window > time.Hour {
		return
	}
	w.count("crash, start within two intervals")
	var masters []int
	before := make([]uint64, len(w.plans))
	for k, m := range n.groups {
		if before[k] = w.plans[k].elections; m.g.State == Master {
			masters = append(masters, k)
			before[k]++ // it goes on
		}
	}
	w.guard(nil)
	w.note("node %d crashes", n.id)
	w.crash(n)
	if w.oneIn(3) { // too late
		w.watch = nil
		for _, k := range masters {
			window = max(window, n.groups[k].g.LastAdvert.Add(2*n.groups[k].g.shortest()).Sub(w.now))
		}
		w.wait(window + w.below(w.slowest()))
		w.boot(n, true)
		w.electing(n)
		w.inTime("the restart")
		w.settle()
		return
	}
	w.wait(w.below(window))
	w.note("node %d starts again", n.id)
	w.boot(n, true)
	for _, k := range masters {
		if n.groups[k].g.State != Master {
			w.fatalf("%v did not go on as master", n.groups[k])
		}
	}
	w.wait(w.down())
	for k, p := range w.plans {
		if w.plain(k) && p.elections != before[k] {
			w.fatalf("group %d: an adopting restart changed %d roles", k, p.elections-before[k])
		}
	}
	w.settle()
}

// lifeCrash kills a node: its groups have another master within
// Master_Down_Interval plus one advert.
func (w *world) lifeCrash(n *simNode) {
	if !n.runs() {
		w.lifeStart(n)
		return
	}
	w.count("crash")
	w.note("node %d crashes", n.id)
	w.crash(n)
	w.inTime("the crash")
	w.settle()
	w.quiet(w.down())
	w.lifeStart(n)
}
