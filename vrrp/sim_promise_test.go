package vrrp

import (
	"slices"
	"time"
)

// heal ends every fault of the network, lets the last packets of the bad time
// arrive, and starts whoever is down, or leaves it down for good. Some machines
// stay unfit.
func (w *world) heal() {
	w.loss, w.double, w.late, w.disorder = 0, 0, 0, false
	w.whole()
	for _, n := range w.nodes {
		w.thaw(n)
	}
	before := w.delay
	w.delay = w.jitter()
	w.wait(before + time.Microsecond)
	sick := w.oneIn(2)
	for i, n := range w.nodes {
		for s := range n.usable {
			n.usable[s] = !sick || w.rng.IntN(12) > 0
		}
		for _, m := range n.groups {
			m.health = Health{Ready: !sick || w.rng.IntN(8) > 0, Lowest: sick && w.oneIn(12)}
			for t := range m.tracks {
				m.tracks[t].failed = sick && w.oneIn(3)
			}
			m.weigh()
		}
		switch {
		case n.up && n.groups[0].g.Started:
			for _, m := range n.groups {
				w.arm(m) // no longer late
				w.step(m, Input{Kind: InputLinks, Links: w.linksOf(m)})
				w.step(m, Input{Kind: InputHealth, Health: m.health})
			}
		case i == 0 || w.oneIn(2):
			w.boot(n, false)
		default:
			w.crash(n)
		}
	}
	w.note("faults end")
}

// jitter is how far the delays of a healthy segment differ at most: less than any
// Skew_Time, so that who loses two adverts still hears the third in time.
func (w *world) jitter() time.Duration { return min(w.unit, time.Second) / 512 }

// down bounds Master_Down_Interval, and delay what preempt_delay adds to it.
func (w *world) down() time.Duration { return MasterDownInterval(w.slowest(), 1) }

func (w *world) patience() (delay time.Duration) {
	w.members(func(m *member) { delay = max(delay, m.config.PreemptDelay) })
	return delay
}

// promises checks what the groups owe once the faults are over: a master within
// Master_Down_Interval plus one advert, the right one once everybody who has to
// give way has been waited for, and then quiet.
func (w *world) promises() {
	w.stage = stageSettling
	w.inTime("the faults ended")
	w.watch = w.always(func(k int) bool { return !w.plain(k) || w.served(k) }, "no master any more")
	w.settle()
	w.quiet(3 * w.down())
	w.watch = nil
}

// inTime: there is a master within Master_Down_Interval plus one advert of what
// happened. Beside a neighbour that does not fit the mastership may be left to one
// that has just gone, for as long again.
func (w *world) inTime(since string) {
	w.wait(w.down() + w.slowest())
	for k := range w.plans {
		if w.plain(k) && !w.served(k) {
			w.fatalf("group %d: no master %v after %s", k, w.down()+w.slowest(), since)
		}
	}
}

// settle gives everybody the time that the promises allow: for a preemption, and
// where health decides for another one, by who is healthier than the one that
// preempted. Where somebody does not fit there is time to be left the mastership,
// and for its silence.
func (w *world) settle() {
	w.wait(w.down() + w.patience() + w.slowest())
	keeps := false
	w.members(func(m *member) { keeps = keeps || !m.config.Preempt })
	if keeps {
		w.wait(2 * (w.down() + w.patience() + w.slowest()))
	}
	if !w.allPlain() {
		w.wait(3 * (w.down() + w.slowest()))
	}
	w.settled()
}

// plain tells whether everybody's adverts count for everybody in group k.
func (w *world) plain(k int) bool { return !w.plans[k].strange }

func (w *world) allPlain() bool {
	return !slices.ContainsFunc(w.plans, func(p *plan) bool { return p.strange })
}

// quiet lets time pass in which nothing may move.
func (w *world) quiet(d time.Duration) {
	before := w.tally.Moves
	w.wait(d)
	if w.tally.Moves != before {
		w.fatalf("it flaps: %d moves in %v", w.tally.Moves-before, d)
	}
	w.settled()
}

// always is a watch that holds something of every group.
func (w *world) always(holds func(k int) bool, otherwise string) func() {
	return func() {
		for k := range w.plans {
			if !holds(k) {
				w.fatalf("group %d: %s", k, otherwise)
			}
		}
	}
}

// eligible tells whether a member may become master.
func (m *member) eligible() bool {
	return m.node.runs() && m.g.Started && m.health.Ready && !m.health.Fault && m.g.State != Fault && m.g.State != Init
}

// masters returns the members of group k that are master and run.
func (w *world) masters(k int) (list []*member) {
	for _, n := range w.nodes {
		if n.runs() && n.groups[k].g.State == Master {
			list = append(list, n.groups[k])
		}
	}
	return list
}

// served tells whether group k has a master, or nobody who could be it.
func (w *world) served(k int) bool {
	able := false
	for _, n := range w.nodes {
		m := n.groups[k]
		if n.runs() && m.g.State == Master {
			return true
		}
		able = able || m.eligible()
	}
	return !able
}

// settled checks that each group's masters are those that the rules name.
func (w *world) settled() {
	if a, b := w.twoMasters(); a != nil {
		w.fatalf("two masters, %v and %v", a, b)
	}
	for k := range w.plans {
		masters := w.masters(k)
		for _, n := range w.nodes {
			m := n.groups[k]
			if n.runs() && m.holds != (m.g.State == Master) {
				w.fatalf("%v is %s, and holds %v", m, m.g.State, m.holds)
			}
			if m.eligible() && m.g.State != Master && !slices.ContainsFunc(masters, func(o *member) bool { return w.follows(m, o) }) {
				w.fatalf("%v follows none of %v", m, masters)
			}
		}
	}
}

// apart tells whether two masters cannot settle it between them, because the one
// that would have to yield does not hear the other, or not on the first router
// where that decides.
func (w *world) apart(a, b *member) bool {
	if a.outranks(b) {
		a, b = b, a
	}
	return !w.hears(a, b, a.g.Priority == b.g.Priority)
}

// outranks tells whether b has to yield to m where both are master.
func (m *member) outranks(b *member) bool {
	if m.g.Priority != b.g.Priority {
		return m.g.Priority > b.g.Priority
	}
	return sourceOf(b).Less(sourceOf(m))
}

// follows tells whether a backup leaves master o alone, by the tables of
// docs/preempt.md and docs/incompatible.md.
func (w *world) follows(m, o *member) bool {
	switch {
	case !w.hears(m, o, false):
		return false
	case o.g.Priority >= m.g.Priority || w.leaves(m, o):
		return true
	case m.g.owner() || m.config.Preempt || o.g.Priority == priorityLowest:
		return false
	case !w.knows(m, o):
		return true
	}
	return o.penalty() <= m.penalty()
}

// leaves tells whether m leaves the mastership to o because of what differs.
func (w *world) leaves(m, o *member) bool {
	for i := range m.config.Routers {
		rc, src, fit := &m.config.Routers[i], o.config.Routers[i].Source, m.fitOf(o, i)
		if !w.hearsOn(m, o, i) || fit == FitSame || m.g.owner() || rc.Incompatible == Hold {
			continue
		}
		if m.g.Routers[i].LeftTo == src || fit == FitDiscarded && o.g.Priority != priorityLowest && !rc.fellow(src) {
			return true
		}
	}
	return false
}

// knows tells whether m can tell from the file whose adverts those of o are.
func (w *world) knows(m, o *member) bool {
	for i := range m.config.Routers {
		for _, f := range m.config.Routers[i].Fellows {
			if f.Source == o.config.Routers[i].Source && w.hearsOn(m, o, i) {
				return true
			}
		}
	}
	return false
}

// penalty is what a member lacks of its full priority.
func (m *member) penalty() int { return max(0, int(m.config.Full)-int(m.g.Priority)) }
