package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// simNode is one machine of the world.
type simNode struct {
	id     int
	groups []*member
	usable []bool // per segment
	up     bool   // its process runs, or would if it were not asleep
	// asleep: the process does not run. What comes waits in its socket, unless the
	// whole machine is paused.
	asleep, paused bool
	queue          []frame
	last           []Instant // when the last packet of each node on each segment comes
}

// member is one group on one node.
type member struct {
	node   *simNode
	group  int
	config GroupConfig
	g      Group
	health Health
	tracks []track
	missed bool // something was told while the node slept
	record Record
	holds  bool
	lease  Instant // where the process does not run: until when the kernel keeps the addresses
}

// track is something that is looked at: weight 0 is a fault when it fails, a
// positive weight counts while it is well, a negative one while it fails.
type track struct {
	weight int
	failed bool
}

func (m *member) String() string { return fmt.Sprintf("node %d group %d", m.node.id, m.group) }

func (n *simNode) condition(now Instant) string {
	switch {
	case !n.up:
		return "down"
	case n.asleep:
		return "asleep"
	}
	return "up"
}

// timers are those of the routers, from now.
func (m *member) timers(now Instant) (s []string) {
	for i := range m.g.Routers {
		switch r := &m.g.Routers[i]; {
		case r.AdvertAt != Never:
			s = append(s, fmt.Sprintf("advert %v", r.AdvertAt.Sub(now)))
		case r.DownAt != Never:
			s = append(s, fmt.Sprintf("down %v", r.DownAt.Sub(now)))
		default:
			s = append(s, fmt.Sprintf("out %v", r.Out))
		}
	}
	return s
}

// runs tells whether the node's process does anything.
func (n *simNode) runs() bool { return n.up && !n.asleep }

// holding tells whether the machine has the group's addresses.
func (m *member) holding(now Instant) bool {
	return m.holds && (m.node.runs() || now < m.lease)
}

// weigh computes the health that the tracks make.
func (m *member) weigh() {
	m.health.Fault, m.health.Delta = false, 0
	for _, t := range m.tracks {
		switch {
		case t.weight == 0:
			m.health.Fault = m.health.Fault || t.failed
		case t.failed == (t.weight < 0):
			m.health.Delta += t.weight
		}
	}
}

func (w *world) members(visit func(*member)) {
	for _, n := range w.nodes {
		for _, m := range n.groups {
			visit(m)
		}
	}
}

// boot starts a node's process; adopt: with what the one before it left.
func (w *world) boot(n *simNode, adopt bool) {
	n.up, n.asleep = true, false
	for _, m := range n.groups {
		m.missed = false
		r := Record{}
		if adopt {
			r = m.record
		} else {
			m.holds = m.holds && w.now < m.lease
		}
		m.g = NewGroup(m.config)
		w.step(m, Input{Kind: InputLinks, Links: w.linksOf(m)})
		w.step(m, Input{Kind: InputHealth, Health: m.health})
		w.step(m, Input{Kind: InputStart, Record: r})
	}
}

func (w *world) linksOf(m *member) []RouterLink {
	links := make([]RouterLink, len(m.config.Routers))
	for i, s := range w.plans[m.group].segments {
		links[i] = RouterLink{Exists: true, Usable: m.node.usable[s]}
	}
	return links
}

// crash ends a process without a word. The kernel keeps its addresses until their
// lease is over.
func (w *world) crash(n *simNode) {
	n.up, n.queue = false, n.queue[:0]
	w.halt(n, Never)
}

// sleep takes the processor from a node for a time; paused: from the whole machine.
func (w *world) sleep(n *simNode, d time.Duration, paused bool) {
	n.asleep, n.paused = true, paused
	w.halt(n, w.now.Add(d))
}

func (w *world) halt(n *simNode, until Instant) {
	renewed := w.now.Add(-w.below(renewEvery))
	for _, m := range n.groups {
		m.lease = renewed.Add(max(5*time.Second, 4*w.longest(m)))
		w.wakes[n.id*len(w.plans)+m.group] = Never
	}
	w.wakes[len(w.nodes)*len(w.plans)+n.id] = until
}

// longest is the longest interval of a group's routers.
func (w *world) longest(m *member) (d time.Duration) {
	for i := range m.config.Routers {
		d = max(d, m.config.Routers[i].Interval)
	}
	return d
}

// thaw lets a node run again: it reads what waits before it believes a timer.
func (w *world) thaw(n *simNode) {
	w.wakes[len(w.nodes)*len(w.plans)+n.id] = Never
	if !n.runs() && n.up {
		n.asleep = false
		w.note("node %d runs again, %d packets wait", n.id, len(n.queue))
		w.brief(n)
		for i := range n.queue {
			w.hear(n, &n.queue[i])
		}
		n.queue = n.queue[:0]
		for _, m := range n.groups {
			w.arm(m)
		}
	}
}

// brief tells a node's groups what they missed while it slept.
func (w *world) brief(n *simNode) {
	for _, m := range n.groups {
		if m.missed {
			m.missed = false
			w.step(m, Input{Kind: InputConfigure, Config: m.config, Links: w.linksOf(m)})
			w.step(m, Input{Kind: InputHealth, Health: m.health})
		}
	}
}

// step feeds one input to a group and carries out what it asks for.
func (w *world) step(m *member, in Input) {
	before := m.g.State
	w.out = m.g.Step(w.now, in, w.out[:0])
	for i := range w.out {
		o := &w.out[i]
		switch o.Kind {
		case OutputAdvert:
			w.allowed(m, o)
			w.send(m, o.Router, o.Priority)
		case OutputTransition:
			if o.Transition.From != before {
				w.fatalf("%v: transition from %s, was %s", m, o.Transition.From, before)
			}
			before = o.Transition.To
			w.tally.Moves++
			if before == Master {
				w.tally.Elections++
				w.plans[m.group].elections++
				if !m.g.Health.Ready && o.Transition.Cause.Kind != CauseAdopted {
					w.fatalf("%v becomes master and is not ready", m)
				}
			}
			if w.trace {
				w.note("%v %s>%s %s %s", m, o.Transition.From, o.Transition.To, o.Transition.Cause.Kind, o.Transition.Cause.Detail)
			}
		case OutputAddresses:
			m.holds = o.Hold
		case OutputRecord:
			m.record = o.Record
		case OutputContested:
			w.tally.Contested++
		}
	}
	w.sound(m, in.Kind)
	w.arm(m)
}

// arm sets a group's timer, late by what the machine is late.
func (w *world) arm(m *member) {
	wake := m.g.Deadline()
	if w.late > 0 && wake != Never {
		wake = wake.Add(w.below(w.late))
	}
	w.wakes[m.node.id*len(w.plans)+m.group] = wake
}

// allowed checks an advert against the state that it is sent in: a master says
// its priority, one that resigns 0, one that takes leave 1.
func (w *world) allowed(m *member, o *Output) {
	switch {
	case o.Priority == m.g.Priority && m.g.State == Master:
	case o.Priority == priorityResign && m.g.State != Backup:
	case o.Priority == priorityLowest:
	default:
		w.fatalf("%v sends priority %d as %s of %d", m, o.Priority, m.g.State, m.g.Priority)
	}
}

// sound checks what is true of a group after every step.
func (w *world) sound(m *member, kind InputKind) {
	g := &m.g
	if wrong := unsound(g); wrong != "" {
		w.fatalf("%v: %s", m, wrong)
	}
	if kind == InputTimer && g.Deadline() <= w.now {
		w.fatalf("%v: deadline %v not after %v", m, g.Deadline(), w.now)
	}
	if g.Started && g.AdoptBy == 0 && m.holds != g.Hold {
		w.fatalf("%v: holds %v, wanted %v", m, m.holds, g.Hold)
	}
	if g.Started && g.Health.Fault && (g.State == Master || g.State == Backup) {
		w.fatalf("%v: %s with a fault", m, g.State)
	}
	if g.State != Master {
		return
	}
	// A master is never silent: its next advert is at most an interval away, or half as much again
	// where a neighbour may discard it.
	for i := range g.Routers {
		r := &g.Routers[i]
		if limit := max(w.now, r.SentAt).Add(g.interval(i) * 3 / 2); r.AdvertAt > limit || r.SentAt == 0 {
			w.fatalf("%v: master and silent: last advert %v, next %v", m, r.SentAt, r.AdvertAt)
		}
	}
}

// hears tells whether adverts of b get to a, on any router; on the
// first one where first is set.
func (w *world) hears(a, b *member, first bool) bool {
	for i := range a.config.Routers {
		if (i == 0 || !first) && w.hearsOn(a, b, i) {
			return true
		}
	}
	return false
}

// hearsOn is hears on router i. That an advert does not count does not matter: it
// is heard that its sender is master.
func (w *world) hearsOn(a, b *member, i int) bool {
	return w.reaches(w.plans[a.group].segments[i], b.node.id, a.node.id)
}

// fitOf is how the adverts of b on router i fit m.
func (m *member) fitOf(b *member, i int) Fit {
	c := &b.config.Routers[i]
	advert := Advert{Version: c.version(), Interval: c.Interval, Auth: c.Auth.auth()}
	if c.version() == Version3 && !c.IPv6() {
		advert.Checksum = c.Checksum
	}
	return m.fit(i, &advert)
}

// sourceOf is the address that decides ties.
func sourceOf(m *member) netip.Addr { return m.config.Routers[0].Source }
