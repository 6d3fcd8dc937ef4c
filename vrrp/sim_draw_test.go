package vrrp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// plan is one group of the world: what its nodes have in common.
type plan struct {
	segments  []int // of its routers
	routerOn  []int // per segment: which router is there; −1: none
	hosts     [][]netip.Addr
	kinds     []kind
	strange   bool // one node speaks something else somewhere
	mixed     bool // the nodes' intervals differ
	policy    Incompatible
	base      GroupConfig
	elections uint64
}

// kind is what the routers of a group speak on a segment.
type kind struct {
	version  uint8
	prefix   netip.Prefix
	auth     Password
	interval time.Duration
	checksum ChecksumForm
}

// kinds are what there is; version 3 for IPv4 stands for most segments.
var kinds = []kind{
	{version: Version3, prefix: netip.MustParsePrefix("192.0.2.1/24")},
	{version: Version3, prefix: netip.MustParsePrefix("192.0.2.1/24")},
	{version: Version3, prefix: netip.MustParsePrefix("192.0.2.1/24")},
	{version: Version3, prefix: netip.MustParsePrefix("fe80::1/64")},
	{version: Version3, prefix: netip.MustParsePrefix("fe80::1/64")},
	{version: Version2, prefix: netip.MustParsePrefix("192.0.2.1/24")},
	{version: Version2, prefix: netip.MustParsePrefix("192.0.2.1/24"), auth: "secret"},
}

// units are the intervals of worlds.
var units = []time.Duration{
	10 * time.Millisecond, 100 * time.Millisecond, time.Second, time.Second, time.Second, 10 * time.Second, 40 * time.Second,
}

// newWorld draws segments, groups, machines and their configuration.
func newWorld(seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 9568))
	w := &world{seed: seed, rng: rng, now: simStart, unit: units[rng.IntN(len(units))]}
	segments, count, groups := 1+rng.IntN(3), 2+rng.IntN(4), 1
	if w.oneIn(3) {
		groups += 1 + rng.IntN(2)
	}
	for range segments {
		w.deaf = append(w.deaf, make([]uint8, count))
	}
	for k := range groups {
		w.plans = append(w.plans, w.drawPlan(k, segments))
	}
	for id := range count {
		n := &simNode{id: id, usable: make([]bool, segments), last: make([]Instant, segments*count)}
		for s := range n.usable {
			n.usable[s] = true
		}
		for k := range w.plans {
			n.groups = append(n.groups, w.drawMember(n, k))
		}
		w.nodes = append(w.nodes, n)
	}
	for k, p := range w.plans {
		if w.oneIn(4) {
			w.estrange(k, p)
		}
		if w.oneIn(12) {
			owner := w.nodes[rng.IntN(count)].groups[k]
			owner.config.Priority, owner.config.Full = priorityOwner, priorityOwner
		}
	}
	w.wakes = make([]Instant, count*groups+count)
	for i := range w.wakes {
		w.wakes[i] = Never
	}
	return w
}

func (w *world) drawPlan(k, segments int) *plan {
	p := &plan{mixed: w.oneIn(3), routerOn: make([]int, segments)}
	for s := range p.routerOn {
		p.routerOn[s] = -1
	}
	p.base = GroupConfig{Name: fmt.Sprintf("g%d", k), Priority: 100, Preempt: w.rng.IntN(3) > 0}
	if !w.oneIn(3) {
		p.base.Priority = 0 // each node has its own
	}
	if w.oneIn(3) {
		p.policy = Hold
	}
	// The order differs from group to group: the first router decides ties.
	for _, s := range w.rng.Perm(segments)[:1+w.rng.IntN(segments)] {
		kind := kinds[w.rng.IntN(len(kinds))]
		kind.interval, kind.checksum = w.unit, ChecksumRFC5798
		if w.oneIn(3) {
			kind.checksum = ChecksumRFC9568
		}
		if kind.version == Version2 {
			kind.interval = max(w.unit, time.Second) // whole seconds, the same for all
		}
		p.routerOn[s] = len(p.segments)
		p.segments = append(p.segments, s)
		p.kinds = append(p.kinds, kind)
		p.hosts = append(p.hosts, []netip.Addr{kind.prefix.Addr(), kind.prefix.Addr().Next()}[:1+w.rng.IntN(2)])
	}
	return p
}

// drawMember draws one group of one node.
func (w *world) drawMember(n *simNode, k int) *member {
	p := w.plans[k]
	m := &member{node: n, group: k, config: p.base, health: Health{Ready: true}}
	c := &m.config
	if c.Priority == 0 {
		c.Priority = uint8(1 + w.rng.IntN(254))
	}
	if w.oneIn(6) {
		c.Preempt = !c.Preempt
	}
	if w.oneIn(4) {
		c.PreemptDelay = time.Duration(w.rng.IntN(8)) * w.unit
	}
	for range w.rng.IntN(3) {
		m.tracks = append(m.tracks, track{weight: []int{0, -20, -60, 10, 30}[w.rng.IntN(5)]})
	}
	c.Full = full(c.Priority, m.tracks)
	m.weigh()
	for i, s := range p.segments {
		kind := p.kinds[i]
		rc := RouterConfig{
			Name: fmt.Sprintf("r%d", s), Interface: fmt.Sprintf("eth%d", s), VRID: uint8(k + 1), Interval: kind.interval,
			Version: kind.version, Auth: kind.auth, Transport: Multicast, Incompatible: p.policy, Lease: 5 * time.Second,
			Checksum: kind.checksum,
		}
		for _, h := range p.hosts[i] {
			rc.Addresses = append(rc.Addresses, Address{Prefix: netip.PrefixFrom(h, kind.prefix.Bits())})
		}
		if p.mixed && kind.version == Version3 {
			rc.Interval = w.drawInterval()
		}
		// The order of the addresses differs from segment to segment.
		rc.Source = netip.AddrFrom4([4]byte{10, byte(s), byte(w.rng.IntN(256)), byte(n.id)})
		if rc.IPv6() {
			rc.Source = netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: byte(w.rng.IntN(256)), 14: byte(s), 15: byte(n.id)})
		}
		c.Routers = append(c.Routers, rc)
	}
	return m
}

// full is the priority in full health.
func full(priority uint8, tracks []track) uint8 {
	sum := int(priority)
	for _, t := range tracks {
		sum += max(t.weight, 0)
	}
	return uint8(min(sum, 254))
}

// drawInterval is the unit, or a multiple that the wire can tell.
func (w *world) drawInterval() time.Duration {
	return min(w.unit*time.Duration(1+w.rng.IntN(3)), maxInterval)
}

// estrange makes one node's router speak what does not fit the others: another
// version, another password, another interval of version 2, or what counts all the
// same, the other form of checksum. It does so on every segment of the group, or on
// one.
func (w *world) estrange(k int, p *plan) {
	m := w.nodes[w.rng.IntN(len(w.nodes))].groups[k]
	only, differ := -1, w.oneIn(3)
	if w.oneIn(2) {
		only = w.rng.IntN(len(p.segments))
	}
	for i := range m.config.Routers {
		rc := &m.config.Routers[i]
		switch {
		case only >= 0 && only != i:
		case rc.IPv6(): // has one version only, and nothing else to differ in
		case rc.Version == Version3 && differ:
			p.strange = true
			rc.Checksum = map[ChecksumForm]ChecksumForm{ChecksumRFC5798: ChecksumRFC9568, ChecksumRFC9568: ChecksumRFC5798}[rc.Checksum]
		case rc.Version == Version3:
			p.strange = true
			rc.Version, rc.Interval = Version2, max(w.unit, time.Second)
		default:
			p.strange = true
			switch w.rng.IntN(3) {
			case 0:
				rc.Version, rc.Auth = Version3, ""
			case 1:
				rc.Auth = "other"
			default:
				rc.Interval += time.Second
			}
		}
	}
}

// introduce tells every router of the others' priorities, as the file would.
func (w *world) introduce() {
	w.members(func(m *member) {
		for i := range m.config.Routers {
			for _, other := range w.nodes {
				if o := other.groups[m.group]; o != m && w.rng.IntN(8) > 0 { // a source may be unknown
					m.config.Routers[i].Fellows = append(m.config.Routers[i].Fellows,
						Fellow{Source: o.config.Routers[i].Source, Full: o.config.Full})
				}
			}
		}
		if w.trace {
			w.note("%v: priority %d (full %d), preempt %v after %v, tracks %v", m, m.config.Priority, m.config.Full,
				m.config.Preempt, m.config.PreemptDelay, m.tracks)
			for i := range m.config.Routers {
				rc := &m.config.Routers[i]
				w.note("    %s: version %d every %v from %v, %s", rc.Name, rc.version(), rc.Interval, rc.Source, rc.Auth)
			}
		}
	})
}
