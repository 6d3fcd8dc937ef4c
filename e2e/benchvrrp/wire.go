package main

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"failover/e2e/compare"
	"failover/e2e/lab"
)

// advert is what a listener notes of an advert on the wire.
type advert struct {
	at       time.Time
	src      netip.Addr
	vrid     uint8
	priority uint8
}

// dissect reads an IPv4 advert out of an ethernet frame.
func dissect(at time.Time, b []byte) (advert, bool) {
	const ethernet, protocolVRRP = 14, 112
	if len(b) < ethernet+20 || binary.BigEndian.Uint16(b[12:]) != unix.ETH_P_IP || b[ethernet+9] != protocolVRRP {
		return advert{}, false
	}
	ip := b[ethernet:]
	head := int(ip[0]&0xf) * 4
	if len(ip) < head+8 {
		return advert{}, false
	}
	return advert{at: at, src: netip.AddrFrom4([4]byte(ip[12:16])), vrid: ip[head+1], priority: ip[head+2]}, true
}

// recorder keeps the adverts that passed an interface.
type recorder struct {
	mu   sync.Mutex
	seen []advert
}

func record(n *lab.Node, link string) (*recorder, error) {
	r := &recorder{}
	_, err := n.Tap(link, func(at time.Time, frame []byte) {
		if a, ok := dissect(at, frame); ok {
			r.mu.Lock()
			r.seen = append(r.seen, a)
			r.mu.Unlock()
		}
	})
	return r, err
}

// from are the adverts of one sender that were seen in a time.
func (r *recorder) from(src netip.Addr, begin, end time.Time) (list []advert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.seen {
		if a.src == src && !a.at.Before(begin) && a.at.Before(end) {
			list = append(list, a)
		}
	}
	return list
}

// takeOvers counts how often the sender of these adverts, who should be a backup,
// became master: a first advert of a mastership has none before it for a second.
// Words of parting, of priority 0 and 1, are no claim to be master.
func takeOvers(adverts []advert) (n int) {
	var last time.Time
	for _, a := range adverts {
		if a.priority <= 1 {
			continue
		}
		if a.at.Sub(last) > time.Second {
			n++
		}
		last = a.at
	}
	return n
}

// intervals are by how much each advert came later after the one before it than
// the interval; not at all for one that came sooner.
func intervals(adverts []advert, interval time.Duration) (late []time.Duration) {
	for i := range adverts {
		if i > 0 {
			late = append(late, max(0, adverts[i].at.Sub(adverts[i-1].at)-interval))
		}
	}
	return late
}

// late are the 99th and the 99.9th percentile and the maximum, by name; what has
// none is left out.
func late(all []time.Duration, p99, p999, most string) map[string]float64 {
	var sorted []float64
	for _, d := range all {
		sorted = append(sorted, milliseconds(d))
	}
	slices.Sort(sorted)
	values := map[string]float64{
		p99: compare.Percentile(sorted, 99), p999: compare.Percentile(sorted, 99.9), most: compare.Percentile(sorted, 100),
	}
	delete(values, "")
	return values
}
