package engine

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"failover/e2e/lab"
	"failover/vrrp"
)

// frame is one advert or one ARP message on a wire.
type frame struct {
	at  time.Time // when the kernel saw it
	src netip.Addr
	// Of an advert:
	advert   bool
	dst      netip.Addr
	ttl      uint8
	vrid     uint8
	priority uint8
	bad      error // what the receiver's checks say
	// Of ARP:
	op       int // 1 request, 2 reply
	from     net.HardwareAddr
	to       net.HardwareAddr
	target   netip.Addr
	targetHW net.HardwareAddr
}

func (f frame) String() string {
	if f.advert {
		return fmt.Sprintf("%s advert %s>%s vrid %d prio %d", f.at.Format("05.000000"), f.src, f.dst, f.vrid, f.priority)
	}
	return fmt.Sprintf("%s arp op %d %s (%s) > %s (%s)", f.at.Format("05.000000"), f.op, f.src, f.from, f.target, f.targetHW)
}

// tap listens to one interface of a node.
type tap struct {
	p    *pair
	mu   sync.Mutex
	seen []frame
}

// tap starts to listen; it ends with the test.
func (p *pair) tap(n *lab.Node, link string) *tap {
	p.t.Helper()
	w := &tap{p: p}
	stop, err := n.Tap(link, func(at time.Time, b []byte) {
		if f, ok := dissect(b); ok {
			f.at = at
			w.mu.Lock()
			w.seen = append(w.seen, f)
			w.mu.Unlock()
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(stop)
	return w
}

func dissect(b []byte) (f frame, ok bool) {
	if len(b) < 42 {
		return f, false
	}
	f.to, f.from = slices.Clone(b[:6]), net.HardwareAddr(slices.Clone(b[6:12]))
	body := b[14:]
	switch binary.BigEndian.Uint16(b[12:]) {
	case unix.ETH_P_ARP:
		f.op = int(binary.BigEndian.Uint16(body[6:]))
		f.src, f.target = netip.AddrFrom4([4]byte(body[14:18])), netip.AddrFrom4([4]byte(body[24:28]))
		f.targetHW = slices.Clone(body[18:24])
		return f, true
	case unix.ETH_P_IP:
		head, total := int(body[0]&0xf)*4, int(binary.BigEndian.Uint16(body[2:]))
		if body[9] != 112 || total > len(body) || total < head+8 {
			return f, false
		}
		f.advert, f.ttl = true, body[8]
		f.src, f.dst = netip.AddrFrom4([4]byte(body[12:16])), netip.AddrFrom4([4]byte(body[16:20]))
		f.vrid, f.priority = body[head+1], body[head+2]
		var a vrrp.Advert
		var rest []byte
		if rest, f.bad = a.Parse(body[head:total], f.src, f.dst); f.bad == nil && len(rest) > 0 {
			f.bad = fmt.Errorf("%d bytes after the last address", len(rest))
		}
		return f, true
	}
	return f, false
}

// frames are those seen so far that match.
func (w *tap) frames(match func(frame) bool) (out []frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.seen {
		if match(f) {
			out = append(out, f)
		}
	}
	return out
}

// adverts are those from one address since a time.
func (w *tap) adverts(src string, since time.Time) []frame {
	a := netip.MustParseAddr(src)
	return w.frames(func(f frame) bool { return f.advert && f.src == a && !f.at.Before(since) })
}

// first waits for the first frame since a time that matches.
func (w *tap) first(since time.Time, d time.Duration, what string, match func(frame) bool) frame {
	w.p.t.Helper()
	var found []frame
	w.p.await(d, what, func() bool {
		found = w.frames(func(f frame) bool { return !f.at.Before(since) && match(f) })
		return len(found) > 0
	})
	return found[0]
}

// longest is the longest time between two neighbours of a list.
func longest(fs []frame) (gap time.Duration) {
	for i := 1; i < len(fs); i++ {
		gap = max(gap, fs[i].at.Sub(fs[i-1].at))
	}
	return gap
}

// advertFrom matches the adverts of one sender with one priority.
func advertFrom(src string, priority uint8) func(frame) bool {
	a := netip.MustParseAddr(src)
	return func(f frame) bool { return f.advert && f.src == a && f.priority == priority }
}
