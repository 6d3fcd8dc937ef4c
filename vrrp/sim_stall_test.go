package vrrp

import (
	"slices"
	"time"
)

// still is how long a machine or all adverts may be away without anybody noticing:
// who has lost two adverts of the slowest router waits for the third.
func (w *world) still() time.Duration {
	d := time.Duration(Never)
	w.members(func(m *member) {
		if w.plain(m.group) {
			d = min(d, w.longest(m))
		} else {
			d = min(d, w.unit)
		}
	})
	return 19 * d / 10
}

// unmoved runs for a time in which nobody may change role.
func (w *world) unmoved(d time.Duration, what string) {
	before := w.tally.Moves
	w.wait(d)
	if w.tally.Moves != before {
		w.fatalf("%s: %d moves", what, w.tally.Moves-before)
	}
}

// lifeStall freezes a process or a whole machine. A short stall is not noticed. A
// long one ends with one master, at once; who is outranked by then does not say
// a word as master.
func (w *world) lifeStall(n *simNode) {
	if !n.runs() {
		return
	}
	paused, short := w.oneIn(2), w.oneIn(2)
	w.count(map[bool]string{false: "process frozen", true: "machine paused"}[paused])
	if short {
		d := w.below(w.still())
		w.note("node %d stalls for %v, paused %v", n.id, d, paused)
		w.sleep(n, d, paused)
		w.unmoved(d+w.slowest(), "a short stall")
		w.settle()
		return
	}
	d := w.down() + 2*w.slowest() + w.patience() + w.below(w.down())
	w.note("node %d stalls for %v, paused %v", n.id, d, paused)
	elections := w.tally.Elections
	w.sleep(n, d, paused)
	w.wait(d)
	for k := range w.plans {
		if w.plain(k) && !w.served(k) {
			w.fatalf("group %d: no master while one sleeps", k)
		}
	}
	w.wake(n, w.tally.Elections-elections, paused)
	w.oneMaster("a stall")
	w.settle()
}

// wake lets the end of a long stall come, and looks at what the node does first.
// followed is how many became master meanwhile.
func (w *world) wake(n *simNode, followed uint64, paused bool) {
	wakes := w.now
	idle := !slices.ContainsFunc(n.groups, func(m *member) bool { return m.g.State == Master })
	moves := w.tally.Moves
	var outranked []*member
	heard := !paused && len(n.queue) < socketHolds // else what it missed may be what counts
	for k, m := range n.groups {
		if masters := w.masters(k); w.plain(k) && (heard || paused) && len(masters) == 1 && masters[0].outranks(m) {
			outranked = append(outranked, m)
		}
	}
	// Of several that followed, one it may outrank, and answers before it reads on.
	one := followed == uint64(len(outranked))
	w.run(wakes + 1)
	for _, m := range outranked {
		if heard && (m.g.State == Master || one && m.g.LastAdvert >= wakes) {
			w.fatalf("%v woke up outranked, and was master", m)
		}
	}
	// A paused machine heard nothing; it is answered as soon as it speaks.
	w.wait(4*w.delay + 2*answerGap)
	for _, m := range outranked {
		if m.g.State == Master {
			w.fatalf("%v woke up outranked, and was not told", m)
		}
	}
	if (heard || paused) && idle && w.tally.Moves != moves {
		w.fatalf("a backup woke up, and roles changed")
	}
}

// oneMaster: two masters that hear each other settle it within one advert of the
// winner, and at once where one of them has just spoken, as who preempts has.
func (w *world) oneMaster(after string) {
	atOnce := 4*w.delay + 2*answerGap
	w.wait(w.slowest() + atOnce)
	if a, _ := w.twoMasters(); a == nil {
		return
	}
	w.wait(atOnce)
	if a, b := w.twoMasters(); a != nil {
		w.fatalf("%s is over for an advert, and %v and %v are master", after, a, b)
	}
}

// twoMasters returns two masters of one group that ought to settle it.
func (w *world) twoMasters() (a, b *member) {
	for k := range w.plans {
		masters := w.masters(k)
		for i, a := range masters {
			for _, b := range masters[:i] {
				if !w.apart(a, b) {
					return a, b
				}
			}
		}
	}
	return nil, nil
}

// lifeSilence loses every advert for less than two of them.
func (w *world) lifeSilence(*simNode) {
	d := w.below(w.still())
	w.count("all adverts lost, for less than two intervals")
	w.note("all is lost for %v", d)
	w.loss = 1
	w.unmoved(d, "silence")
	w.loss = 0
	w.unmoved(w.slowest(), "silence")
	w.settle()
}
