package vrrp

import (
	"net/netip"
	"time"
)

// air is the packets under way: a heap of flights, and the frames that they
// carry. One frame serves every receiver.
type air struct {
	heap   []flight
	order  uint32 // of sending, where the times are equal
	frames []frame
	free   []int32
}

// flight is one packet on its way to one node.
type flight struct {
	at    Instant
	order uint32
	frame int32
	to    uint8
}

// frame is what a packet is made of.
type frame struct {
	payload [64]byte
	length  uint8
	segment uint8
	refs    uint8
	src     netip.Addr
}

func (a *air) next() *flight {
	if len(a.heap) == 0 {
		return nil
	}
	return &a.heap[0]
}

func (a flight) before(b flight) bool { return a.at < b.at || a.at == b.at && a.order < b.order }

func (a *air) push(f flight) {
	a.order++
	f.order = a.order
	h := append(a.heap, f)
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
	a.heap = h
}

func (a *air) pop() flight {
	h := a.heap
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(h[i]) {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	a.heap = h
	return first
}

// take returns a frame to fill.
func (a *air) take() int32 {
	if n := len(a.free); n > 0 {
		i := a.free[n-1]
		a.free = a.free[:n-1]
		return i
	}
	a.frames = append(a.frames, frame{})
	return int32(len(a.frames) - 1)
}

// drop gives a frame back after its last receiver.
func (a *air) drop(i int32) {
	if a.frames[i].refs--; a.frames[i].refs == 0 {
		a.free = append(a.free, i)
	}
}

// send puts one advert in the air, as bytes, to everybody who is in reach.
func (w *world) send(m *member, i int, priority uint8) {
	c, p := &m.config.Routers[i], w.plans[m.group]
	segment := p.segments[i]
	if !m.node.usable[segment] {
		w.fatalf("%v sends on a dead link", m)
	}
	w.tally.Sent++
	if w.trace {
		w.note("%v sends %d on %s", m, priority, c.Name)
	}
	index := w.air.take()
	f := &w.air.frames[index]
	a := Advert{
		Version: c.version(), VRID: c.VRID, Priority: priority, Interval: c.Interval,
		Addresses: p.hosts[i], Checksum: c.Checksum, Auth: c.Auth.auth(),
	}
	f.src = m.g.Source(i)
	f.length = uint8(len(a.Append(f.payload[:0], f.src, groupOf(f.src.Is6()))))
	f.segment, f.refs = uint8(segment), 1
	deaf := w.deaf[segment][m.node.id]
	for to := range w.nodes {
		if to == m.node.id || deaf>>to&1 != 0 {
			continue
		}
		w.launch(index, m.node, to)
		if w.double > 0 && w.rng.Float64() < w.double {
			w.launch(index, m.node, to)
		}
	}
	w.air.drop(index)
}

// launch sends a frame of from to one node.
func (w *world) launch(frame int32, from *simNode, to int) {
	if w.loss > 0 && w.rng.Float64() < w.loss {
		w.tally.Lost++
		return
	}
	w.air.frames[frame].refs++
	at := w.now.Add(time.Microsecond + w.below(w.delay))
	if !w.disorder {
		// A segment hands on what one sends in the order that it was sent.
		last := &w.nodes[to].last[from.id*len(w.deaf)+int(w.air.frames[frame].segment)]
		at = max(at, *last)
		*last = at
	}
	w.air.push(flight{at: at, frame: frame, to: uint8(to)})
}

// arrive brings a packet to a node.
func (w *world) arrive(f flight) {
	n := w.nodes[f.to]
	frame := &w.air.frames[f.frame]
	switch {
	case !n.up || !n.usable[frame.segment]:
	case n.asleep && n.paused:
		// A machine that does not run receives nothing.
	case n.asleep:
		if len(n.queue) < socketHolds {
			n.queue = append(n.queue, *frame)
		}
	default:
		w.hear(n, frame)
	}
	w.air.drop(f.frame)
}

// socketHolds is how many packets wait for a process that does not read.
const socketHolds = 256

// hear is what the engine does with a packet: read it, find its router by VRID,
// discard what cannot count, and tell the group of the rest.
func (w *world) hear(n *simNode, f *frame) {
	w.tally.Heard++
	if _, r := w.advert.parse(f.payload[:f.length], f.src, groupOf(f.src.Is6())); r != "" {
		w.fatalf("node %d cannot read a packet of %v: %s", n.id, f.src, r)
	}
	m := n.groups[w.advert.VRID-1]
	i := w.plans[m.group].routerOn[f.segment]
	h := Heard{Src: f.src, Priority: w.advert.Priority, Interval: w.advert.Interval, Fit: m.fit(i, &w.advert)}
	if h.Fit == FitDiscarded {
		w.tally.Discarded++
	}
	w.step(m, Input{Kind: InputAdvert, Router: i, Heard: h})
}

// fit is how an advert of one who shares the addresses fits.
func (m *member) fit(i int, a *Advert) Fit {
	c := &m.config.Routers[i]
	switch n := (neighbour{checksum: a.Checksum}); {
	case c.incompatible(a) != "":
		return FitDiscarded
	case n.otherForm(c):
		return FitDiffers
	}
	return FitSame
}

// reaches tells whether adverts of a on segment get to b.
func (w *world) reaches(segment, a, b int) bool {
	return w.deaf[segment][a]>>b&1 == 0 && w.nodes[a].usable[segment] && w.nodes[b].usable[segment]
}

// whole ends partitions and one-way links.
func (w *world) whole() {
	for s := range w.deaf {
		clear(w.deaf[s])
	}
}

// split makes each node of a segment hear those of its own part only.
func (w *world) split(segment int, part []int) {
	for a := range w.nodes {
		w.deaf[segment][a] = 0
		for b := range w.nodes {
			if part[a] != part[b] {
				w.deaf[segment][a] |= 1 << b
			}
		}
	}
}
