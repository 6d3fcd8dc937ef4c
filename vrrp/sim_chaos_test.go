package vrrp

import (
	"encoding/json"
	"testing"
	"time"
)

// TestSimulation runs machines through loss, delay, duplication, partition, links
// that work one way, stalls, crash, restart with and without adoption, faults and
// reloads, then ends the faults and holds the groups to their promises. After that
// one thing happens at a time, and more is promised of each.
func TestSimulation(t *testing.T) {
	seeds(t, func(w *world) {
		w.chaos()
		w.heal()
		w.promises()
		w.life(3)
	})
}

// chaos is some twenty to forty troubles, close upon each other.
func (w *world) chaos() {
	w.stage = stageTrouble
	for _, n := range w.nodes {
		if w.rng.IntN(4) > 0 {
			w.boot(n, false)
		}
	}
	pace := 3 * w.unit
	if w.oneIn(2) {
		pace = 3 * w.slowest()
	}
	for range 20 + w.rng.IntN(20) {
		w.wait(w.below(pace))
		w.trouble(w.nodes[w.rng.IntN(len(w.nodes))])
	}
}

// slowest is the longest interval of all routers, as configured or learned.
func (w *world) slowest() (d time.Duration) {
	w.members(func(m *member) {
		d = max(d, w.longest(m))
		for i := range m.g.Routers {
			d = max(d, m.g.Routers[i].MasterInterval)
		}
	})
	return d
}

// trouble is one thing that happens, mostly to node n.
func (w *world) trouble(n *simNode) {
	switch w.rng.IntN(20) {
	case 0:
		w.count("loss and duplicates")
		w.loss, w.double = w.rng.Float64()/2, w.rng.Float64()/2
	case 1:
		w.count("delay, disorder")
		w.delay, w.disorder = w.below(2*w.unit), w.oneIn(2)
	case 2:
		w.count("late timers")
		w.late = w.below(2 * w.unit)
	case 3:
		w.count("clean again")
		w.loss, w.double, w.delay, w.late, w.disorder = 0, 0, 0, 0, false
	case 4, 5:
		w.partition(w.rng.IntN(len(w.deaf)))
	case 6:
		w.oneWay(n)
	case 7:
		w.count("segments whole again")
		w.note("segments whole")
		w.whole()
	case 8, 9:
		w.crashOrBoot(n)
	case 10, 11:
		w.shakeHealth(n.groups[w.rng.IntN(len(n.groups))])
	case 12:
		w.count("links down")
		w.relink(n, w.rng.IntN(1<<len(n.usable)))
	case 13:
		w.count("links up")
		w.relink(n, -1)
	case 14:
		w.reload(n.groups[w.rng.IntN(len(n.groups))])
	case 15:
		w.restartInPlace(n)
	default:
		if n.runs() {
			w.stall(n)
		}
	}
}

// stall freezes a node, for less or for more than a Master_Down_Interval.
func (w *world) stall(n *simNode) {
	paused := w.oneIn(2)
	d := w.below(6 * []time.Duration{w.unit, w.slowest()}[w.rng.IntN(2)])
	w.count(map[bool]string{false: "process frozen", true: "machine paused"}[paused])
	w.note("node %d stalls for %v, paused %v", n.id, d, paused)
	w.sleep(n, d, paused)
}

func (w *world) partition(segment int) {
	w.count("partition")
	part := make([]int, len(w.nodes))
	for i := range part {
		part[i] = w.rng.IntN(2)
	}
	w.note("segment %d in parts %v", segment, part)
	w.split(segment, part)
}

// oneWay makes some not hear what node n sends on a segment, though it hears them.
func (w *world) oneWay(n *simNode) {
	w.count("link that works one way")
	s := w.rng.IntN(len(w.deaf))
	w.deaf[s][n.id] |= uint8(w.rng.IntN(1 << len(w.nodes)))
	w.note("segment %d: what node %d sends is not heard by %0*b", s, n.id, len(w.nodes), w.deaf[s][n.id])
}

// feed gives an input to a group whose process runs.
func (w *world) feed(m *member, in Input) {
	if m.node.runs() {
		w.step(m, in)
	} else {
		m.missed = true
	}
}

// relink sets which links of a node are usable, one bit a segment.
func (w *world) relink(n *simNode, bits int) {
	for s := range n.usable {
		n.usable[s] = bits>>s&1 != 0
	}
	w.note("node %d links %v", n.id, n.usable)
	for _, m := range n.groups {
		w.feed(m, Input{Kind: InputLinks, Links: w.linksOf(m)})
	}
}

// shakeHealth fails or mends tracks, readiness, and the director process.
func (w *world) shakeHealth(m *member) {
	for i := range m.tracks {
		m.tracks[i].failed = w.oneIn(2)
	}
	m.weigh()
	m.health.Ready, m.health.Lowest = w.rng.IntN(5) > 0, w.oneIn(5)
	m.health.Fault = m.health.Fault || w.oneIn(6)
	w.count("tracks, readiness, director lost")
	w.note("%v health %+v", m, m.health)
	w.feed(m, Input{Kind: InputHealth, Health: m.health})
}

// crashOrBoot kills a process, stops it, or starts one.
func (w *world) crashOrBoot(n *simNode) {
	switch started := n.up && !n.asleep && n.groups[0].g.Started; {
	case !n.up:
		adopt := w.oneIn(2) // else it is another boot: nothing of the old process counts
		w.count(map[bool]string{true: "start after a crash, same boot", false: "cold start"}[adopt])
		w.note("node %d starts, adopts %v", n.id, adopt)
		w.boot(n, adopt)
	case w.oneIn(2):
		w.count("crash")
		w.note("node %d crashes", n.id)
		w.crash(n)
	case started:
		w.count("stop")
		w.note("node %d stops", n.id)
		w.stop(n)
	case !n.asleep:
		w.count("start while handing over")
		w.note("node %d starts again", n.id)
		for _, m := range n.groups {
			w.step(m, Input{Kind: InputStart})
		}
	}
}

func (w *world) stop(n *simNode) {
	for _, m := range n.groups {
		w.step(m, Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	}
}

// reload changes priority and interval. Version 2's stays: who has another one is
// not heard.
func (w *world) reload(m *member) {
	c := m.config
	c.Routers = append([]RouterConfig(nil), c.Routers...)
	if w.oneIn(2) && c.Priority != priorityOwner {
		c.Priority = uint8(1 + w.rng.IntN(254))
		c.Full = full(c.Priority, m.tracks)
	}
	for i := range c.Routers {
		if w.oneIn(3) && c.Routers[i].Version == Version3 {
			c.Routers[i].Interval = w.drawInterval()
		}
	}
	w.count("reload")
	w.note("%v reloads: priority %d", m, c.Priority)
	w.install(m, c)
}

// install gives a group another configuration; the others' file says so too.
func (w *world) install(m *member, c GroupConfig) {
	for _, n := range w.nodes {
		for i := range c.Routers {
			fellows := n.groups[m.group].config.Routers[i].Fellows
			for j := range fellows {
				if fellows[j].Source == c.Routers[i].Source {
					fellows[j].Full = c.Full
				}
			}
		}
	}
	m.config = c
	w.feed(m, Input{Kind: InputConfigure, Config: c, Links: w.linksOf(m)})
}

// restartInPlace hands a node's state to another process, as JSON.
func (w *world) restartInPlace(n *simNode) {
	if !n.runs() {
		return
	}
	w.count("restart in place")
	w.note("node %d restarts in place", n.id)
	for _, m := range n.groups {
		text, err := json.Marshal(m.g)
		if err != nil {
			w.fatalf("%v", err)
		}
		m.g = Group{}
		if err := json.Unmarshal(text, &m.g); err != nil {
			w.fatalf("%v", err)
		}
		m.config = m.g.Config
	}
}
