package vrrp

import (
	"net/netip"
	"slices"
)

// receive takes one packet: the checks of RFC 9568 section 7.1, in an order that
// names the router before anything is discarded, so that every reason is counted
// where an operator looks for it.
func (e *Engine) receive(p *Packet) {
	var ref routerRef
	if len(p.Payload) >= 2 {
		ref = e.routers[routerKey{p.Interface, p.Payload[1]}]
	}
	trailing, reject := e.check(p, ref)
	if reject != "" {
		e.reject(p, ref, reject)
		return
	}
	t := &ref.el.traffic[ref.i]
	t.received++
	ref.el.clock(e.now)
	e.compare(ref, p, len(trailing))
	e.step(ref.el, Input{Kind: InputAdvert, Router: ref.i, Heard: Heard{
		Src: p.Src, Priority: e.advert.Priority, Interval: e.advert.Interval,
	}})
}

// check parses the packet into e.advert and says why it is to be discarded.
func (e *Engine) check(p *Packet, ref routerRef) (trailing []byte, r Reject) {
	// RFC 9568 section 5.1.1.3: a TTL other than 255 MUST be discarded.
	if p.TTL != requiredTTL {
		return nil, RejectTTL
	}
	if trailing, r = e.advert.parse(p.Payload, p.Src, p.Dst); r != "" {
		return nil, r
	}
	// RFC 9568 section 7.1, erratum 8298: MUST verify that the VRID is configured on
	// the receiving interface.
	if ref.el == nil {
		return nil, RejectVRID
	}
	rc := &ref.el.group.Config.Routers[ref.i]
	switch {
	case p.Src == ref.el.group.Source(ref.i):
		return nil, RejectOwn
	case p.Dst.IsMulticast() == (rc.Transport == Unicast):
		return nil, RejectDestination
	case rc.Transport == Unicast && !slices.Contains(rc.Peers, p.Src):
		return nil, RejectSource
	}
	return trailing, ""
}

func (e *Engine) reject(p *Packet, ref routerRef, r Reject) {
	i := slices.Index(Rejects, r)
	if ref.el != nil {
		ref.el.traffic[ref.i].rejected[i]++
		return
	}
	u := e.unmatched[p.Interface]
	if u == nil {
		if e.ports[p.Interface] == nil {
			return // an interface that we have just left
		}
		u = new([rejectCount]uint64)
		e.unmatched[p.Interface] = u
	}
	u[i]++
}

// compare counts what is odd about an accepted advert, and says so once until
// the next change of role (RFC 9568 section 7.1: SHOULD log, rate-limited).
func (e *Engine) compare(ref routerRef, p *Packet, trailing int) {
	rc, a := &ref.el.group.Config.Routers[ref.i], &e.advert
	odd := [5]bool{
		!sameAddresses(a.Addresses, ref.el.addresses[ref.i]),
		a.Interval != rc.Interval,
		a.Checksum != rc.Checksum,
		a.Priority == priorityOwner && ref.el.group.owner(),
		trailing > 0,
	}
	t := &ref.el.traffic[ref.i]
	for i, is := range odd {
		if !is {
			continue
		}
		t.mismatched[i]++
		if bit := uint8(1) << i; t.noted&bit == 0 {
			t.noted |= bit
			e.herald.warn("a neighbour's adverts differ from ours", "router", rc.Name, "neighbour", p.Src.String(), "in", string(Mismatches[i]))
		}
	}
}

// sameAddresses compares two lists without regard to order (RFC 9568 section
// 5.2.9 recommends one, and does not demand it).
func sameAddresses(a, b []netip.Addr) bool {
	if slices.Equal(a, b) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !slices.Contains(b, a[i]) || !slices.Contains(a, b[i]) {
			return false
		}
	}
	return true
}
