package vrrp

import (
	"container/heap"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var (
	simSeed  = flag.Uint64("seed", 0, "run this seed of a simulation only; 0: the first -sim.seeds")
	simSeeds = flag.Int("sim.seeds", 4000, "how many seeds each simulation runs")
)

// seeds calls run with each seed in a subtest-free loop; run names the seed.
func seeds(run func(seed uint64)) {
	if *simSeed != 0 {
		run(*simSeed)
		return
	}
	for seed := range uint64(*simSeeds / raceFactor) {
		run(seed + 1)
	}
}

// world is some routers that run the same group on one or two segments, in
// virtual time: no goroutine, no clock, a queue of packets.
type world struct {
	t        testing.TB
	seed     uint64
	rng      *rand.Rand
	now      Instant
	unit     time.Duration // the usual interval
	segments int
	nodes    []*simNode
	air      packets
	sequence int

	loss, double float64
	delay        time.Duration // at most
	late         time.Duration // at most, of timers
	parts        [][]int       // per segment: which part each node is in
	kinds        []kind        // per segment: what its routers speak
	log          []string      // what happened, for a failure
}

// kind is what the routers of a segment speak.
type kind struct {
	version uint8
	address netip.Prefix
}

// kinds are what there is; version 3 for IPv4 stands for most segments.
var kinds = []kind{
	{Version3, netip.MustParsePrefix("192.0.2.1/24")}, {Version3, netip.MustParsePrefix("192.0.2.1/24")},
	{Version3, netip.MustParsePrefix("fe80::1/64")}, {Version2, netip.MustParsePrefix("192.0.2.1/24")},
}

// simNode is one router of the world.
type simNode struct {
	id     int
	g      Group
	up     bool
	links  []RouterLink
	health Health
	config GroupConfig
	record Record
	wake   Instant // when its timer fires, which may be later than its deadline
	holds  bool
}

// flight is one packet in the air.
type flight struct {
	at       Instant
	sequence int
	to       int
	segment  int
	heard    Heard
}

type packets []flight

func (p packets) Len() int      { return len(p) }
func (p packets) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p packets) Less(i, j int) bool {
	return p[i].at < p[j].at || p[i].at == p[j].at && p[i].sequence < p[j].sequence
}
func (p *packets) Push(x any) { *p = append(*p, x.(flight)) }
func (p *packets) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// newWorld draws routers and their configuration from the seed.
func newWorld(t testing.TB, seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 9568))
	units := []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second}
	w := &world{
		t: t, seed: seed, rng: rng, now: Instant(time.Hour), unit: units[rng.IntN(len(units))],
		segments: 1 + rng.IntN(2),
	}
	count := 2 + rng.IntN(4)
	equal, preempt, mixed := rng.IntN(3) == 0, rng.IntN(3) > 0, rng.IntN(3) == 0
	for range w.segments {
		w.parts = append(w.parts, make([]int, count))
		w.kinds = append(w.kinds, kinds[rng.IntN(len(kinds))])
		if w.kinds[len(w.kinds)-1].version == Version2 {
			w.unit = time.Second // whole seconds, the same for all
		}
	}
	for id := range count {
		c := GroupConfig{Name: "g", Priority: 100, Preempt: preempt}
		if !equal {
			c.Priority = uint8(1 + rng.IntN(254))
		}
		if rng.IntN(4) == 0 {
			c.PreemptDelay = time.Duration(rng.IntN(8)) * w.unit
		}
		for s := range w.segments {
			rc := RouterConfig{Name: fmt.Sprintf("r%d", s), Interface: fmt.Sprintf("eth%d", s), VRID: 7, Interval: w.unit}
			rc.Version, rc.Addresses = w.kinds[s].version, []Address{{Prefix: w.kinds[s].address}}
			if mixed && rc.Version != Version2 {
				rc.Interval *= time.Duration(1 + rng.IntN(3))
			}
			// The order of the addresses differs from segment to segment.
			rc.Source = netip.AddrFrom4([4]byte{10, byte(s), byte(rng.IntN(256)), byte(id)})
			if rc.IPv6() {
				rc.Source = netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: byte(rng.IntN(256)), 15: byte(id)})
			}
			c.Routers = append(c.Routers, rc)
		}
		n := &simNode{id: id, config: c, links: up(w.segments), health: Health{Ready: true}, wake: Never}
		w.nodes = append(w.nodes, n)
	}
	w.introduce()
	return w
}

// introduce tells every router of the others' priorities, as the file would.
func (w *world) introduce() {
	for _, n := range w.nodes {
		for s := range n.config.Routers {
			for _, other := range w.nodes {
				if other != n && w.rng.IntN(8) > 0 { // a source may be unknown
					n.config.Routers[s].Fellows = append(n.config.Routers[s].Fellows,
						Fellow{Source: other.config.Routers[s].Source, Full: other.config.Priority})
				}
			}
		}
	}
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%10v  ", w.now.Sub(Instant(time.Hour)))+fmt.Sprintf(format, args...))
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.log[max(0, len(w.log)-80):] {
		w.t.Log(line)
	}
	for _, n := range w.nodes {
		w.t.Logf("node %d up %v: %s priority %d preempt %v delay %v", n.id, n.up, n.g.State, n.g.Priority, n.config.Preempt, n.config.PreemptDelay)
	}
	w.t.Fatalf("seed %d: %s (again with -seed=%d)", w.seed, fmt.Sprintf(format, args...), w.seed)
}

// boot starts a node's process with what the one before it left.
func (w *world) boot(n *simNode, r Record) {
	n.g, n.up = NewGroup(n.config), true
	w.step(n, Input{Kind: InputLinks, Links: n.links})
	w.step(n, Input{Kind: InputHealth, Health: n.health})
	w.step(n, Input{Kind: InputStart, Record: r})
}

// step feeds one input to a node and carries out what it asks for.
func (w *world) step(n *simNode, in Input) {
	before := n.g.State
	out := n.g.Step(w.now, in, nil)
	checkGroup(w.t, &n.g)
	if in.Kind == InputTimer && n.g.Deadline() <= w.now {
		w.fatalf("node %d: deadline %v not after %v", n.id, n.g.Deadline(), w.now)
	}
	for _, o := range out {
		switch o.Kind {
		case OutputAdvert:
			if o.Gone == nil {
				w.send(n, o.Router, o.Priority)
			}
		case OutputTransition:
			if o.Transition.From != before {
				w.fatalf("node %d: transition from %s, was %s", n.id, o.Transition.From, before)
			}
			before = o.Transition.To
			w.note("node %d %s>%s %s %s", n.id, o.Transition.From, o.Transition.To, o.Transition.Cause.Kind, o.Transition.Cause.Detail)
		case OutputAddresses:
			n.holds = o.Hold
		case OutputRecord:
			n.record = o.Record
		}
	}
	if n.g.Started && n.g.AdoptBy == 0 && n.holds != n.g.Hold {
		w.fatalf("node %d: holds %v, wanted %v", n.id, n.holds, n.g.Hold)
	}
	w.arm(n)
}

// arm sets the node's timer, late by what the machine is late.
func (w *world) arm(n *simNode) {
	n.wake = n.g.Deadline()
	if w.late > 0 && n.wake != Never {
		n.wake = n.wake.Add(time.Duration(w.rng.Int64N(int64(w.late))))
	}
}

// send puts one advert in the air, to everybody who is in reach.
func (w *world) send(from *simNode, segment int, priority uint8) {
	c := &from.config.Routers[segment]
	if !from.links[segment].Usable {
		w.fatalf("node %d sends on a dead link", from.id)
	}
	for _, to := range w.nodes {
		if to == from || w.parts[segment][to.id] != w.parts[segment][from.id] {
			continue
		}
		copies := 1
		if w.rng.Float64() < w.double {
			copies++
		}
		for range copies {
			if w.rng.Float64() < w.loss {
				continue
			}
			w.sequence++
			at := w.now.Add(time.Microsecond + time.Duration(w.rng.Int64N(int64(w.delay)+1)))
			heap.Push(&w.air, flight{at, w.sequence, to.id, segment, Heard{Src: from.g.Source(segment), Priority: priority, Interval: c.Interval}})
		}
	}
}

// run lets time pass until end.
func (w *world) run(end Instant, watch func()) {
	for {
		next, node := end, -1
		for i, n := range w.nodes {
			if n.up && n.wake < next {
				next, node = n.wake, i
			}
		}
		// At the same moment the packet comes first: it is read before a timer is believed.
		if len(w.air) > 0 && w.air[0].at <= next && w.air[0].at < end {
			p := heap.Pop(&w.air).(flight)
			w.now = max(w.now, p.at)
			if to := w.nodes[p.to]; to.up && to.links[p.segment].Usable {
				w.step(to, Input{Kind: InputAdvert, Router: p.segment, Heard: p.heard})
			}
		} else if node >= 0 {
			w.now = max(w.now, next)
			w.step(w.nodes[node], Input{Kind: InputTimer})
		} else {
			w.now = end
			return
		}
		if watch != nil {
			watch()
		}
	}
}

// masters returns the nodes that are master.
func (w *world) masters() []*simNode {
	return slices.Collect(func(yield func(*simNode) bool) {
		for _, n := range w.nodes {
			if n.up && n.g.State == Master && !yield(n) {
				return
			}
		}
	})
}

// learned is the interval that router i goes by.
func (n *simNode) learned(i int) time.Duration {
	if i < len(n.g.Routers) {
		return n.g.Routers[i].MasterInterval
	}
	return 0
}
