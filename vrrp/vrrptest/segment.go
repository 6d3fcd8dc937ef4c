package vrrptest

import (
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"failover/vrrp"
)

// Faults is what a [Segment] does to each copy of each packet.
type Faults struct {
	Loss      float64 // probability
	Duplicate float64 // probability of a second copy, with a delay of its own
	Delay     time.Duration
	Jitter    time.Duration // at most this much more than Delay
}

// Segment is one layer 2 segment. Sending never blocks: a receiver whose queue is
// full loses the packet.
type Segment struct {
	mu     sync.Mutex
	rng    *rand.Rand
	faults map[string]Faults // by sender; "" for all others
	parts  map[string]int    // which part of a partition a node is in
	cut    map[string]bool
	taps   []*tap

	sources map[string][]vrrp.MAC // by node
}

// tap is a node's connection to a segment.
type tap struct {
	conn  *Conn
	seg   *Segment
	iface string
	addrs []netip.Addr
	open  map[bool]vrrp.Port // by whether it is for IPv6
}

// NewSegment returns a perfect segment; seed decides what Faults do later.
func NewSegment(seed uint64) *Segment {
	return &Segment{
		rng:    rand.New(rand.NewPCG(seed, 0x5e6)),
		faults: map[string]Faults{}, parts: map[string]int{}, cut: map[string]bool{}, sources: map[string][]vrrp.MAC{},
	}
}

// Disturb sets the faults of the packets a node sends; node "" stands for all
// that have none of their own.
func (s *Segment) Disturb(node string, f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[node] = f
}

// Partition splits the segment: nodes in different parts do not hear each other.
// Nodes that are not named make one more part; no parts at all heals it.
func (s *Segment) Partition(parts ...[]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.parts)
	for i, part := range parts {
		for _, node := range part {
			s.parts[node] = i + 1
		}
	}
}

// Cut takes a node off the segment, or puts it back.
func (s *Segment) Cut(node string, off bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut[node] = off
}

// Sources are the MAC addresses that each node has sent from; the zero one stands
// for its interface's own.
func (s *Segment) Sources() map[string][]vrrp.MAC {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.sources)
}

// send delivers one packet to everybody it reaches; false: the sender's port is
// not open.
func (s *Segment) send(from *tap, t vrrp.Transmission) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := from.open[t.Dst.Is6()]; !open {
		return false
	}
	node := from.conn.node
	if !slices.Contains(s.sources[node], t.MAC) {
		s.sources[node] = append(s.sources[node], t.MAC)
	}
	f, own := s.faults[node]
	if !own {
		f = s.faults[""]
	}
	for _, to := range s.taps {
		if to == from || !s.connected(node, to.conn.node) || !to.wants(t.Dst) {
			continue
		}
		copies := 1
		if s.rng.Float64() < f.Duplicate {
			copies = 2
		}
		for range copies {
			if s.rng.Float64() < f.Loss {
				continue
			}
			delay := f.Delay
			if f.Jitter > 0 {
				delay += time.Duration(s.rng.Int64N(int64(f.Jitter)))
			}
			p := vrrp.Packet{Interface: to.iface, Src: t.Src, Dst: t.Dst, TTL: 255, Payload: slices.Clone(t.Payload)}
			if delay == 0 {
				to.conn.deliver(p)
			} else {
				time.AfterFunc(delay, func() { to.conn.deliver(p) })
			}
		}
	}
	return true
}

// set opens or closes the port.
func (t *tap) set(p vrrp.Port, open bool) {
	t.seg.mu.Lock()
	defer t.seg.mu.Unlock()
	if open {
		t.open[p.IPv6] = p
	} else {
		delete(t.open, p.IPv6)
	}
}

func (s *Segment) connected(a, b string) bool {
	return !s.cut[a] && !s.cut[b] && s.parts[a] == s.parts[b]
}

func (t *tap) wants(dst netip.Addr) bool {
	port, open := t.open[dst.Is6()]
	return open && (slices.Contains(t.addrs, dst) || dst.IsMulticast() && port.Multicast)
}
