package vrrp

import (
	"net/netip"
	"slices"
)

// receive takes one packet: the checks of RFC 9568 section 7.1 and RFC 3768
// section 7.1, in an order that names the router before anything is discarded, so
// that every reason is counted where an operator looks for it.
func (e *Engine) receive(p *Packet) {
	var ref routerRef
	if len(p.Payload) >= 2 {
		ref = e.routers[routerKey{p.Interface, p.Src.Is6(), p.Payload[1]}]
	}
	trailing, reject := e.check(p, ref)
	if reject != "" {
		e.reject(p, ref, reject)
		return
	}
	// Whatever comes of it, this is an alive neighbour.
	rc, t := &ref.el.group.Config.Routers[ref.i], &ref.el.traffic[ref.i]
	reject = rc.incompatible(&e.advert)
	n := t.hear(e.now, p.Src, &e.advert, reject, sameAddresses(e.advert.Addresses, ref.el.addresses[ref.i]))
	heard := Heard{Src: p.Src, Priority: e.advert.Priority, Interval: e.advert.Interval}
	switch {
	case reject != "":
		e.reject(p, ref, reject)
		e.noteDiscarded(ref, n)
		if !rc.rivals(n, ref.el.addresses[ref.i]) {
			return
		}
		heard.Fit = FitDiscarded
	default:
		t.received++
		e.compare(ref, p, n, len(trailing))
		if len(n.others) > 0 || n.otherForm(rc) {
			heard.Fit = FitDiffers
		}
	}
	ref.el.clock(e.now)
	e.step(ref.el, Input{Kind: InputAdvert, Router: ref.i, Heard: heard})
}

// rivals tells whether a neighbour whose adverts are discarded is master of what
// we are: it has one of our addresses, or is a director of our file. Who shares
// nothing but the VRID does no harm, and to give way to it would leave our
// addresses to nobody.
func (c *RouterConfig) rivals(n *neighbour, ours []netip.Addr) bool {
	return len(n.others) == 0 || c.fellow(n.address) ||
		slices.ContainsFunc(n.others, func(a netip.Addr) bool { return slices.Contains(ours, a) })
}

// check parses the packet into e.advert and says why it is no advert of a
// neighbour of that router.
func (e *Engine) check(p *Packet, ref routerRef) (trailing []byte, r Reject) {
	// RFC 9568 sections 5.1.1.3 and 5.1.2.3: a TTL or hop limit other than 255 MUST be
	// discarded.
	if p.TTL != requiredTTL {
		return nil, RejectTTL
	}
	trailing, r = e.advert.parse(p.Payload, p.Src, p.Dst)
	if r != "" && ref.el != nil && p.Payload[0]>>4 != ref.el.group.Config.Routers[ref.i].version() {
		return nil, RejectVersion // its form is not ours to judge
	}
	if r != "" {
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

// incompatible says why an advert of a neighbour cannot count, though it is well
// made; empty: it counts.
func (c *RouterConfig) incompatible(a *Advert) Reject {
	own := c.Auth.auth()
	switch {
	// RFC 9568 section 7.1: MUST verify that the VRRP version is 3; RFC 3768 section
	// 7.1: is 2.
	case a.Version != c.version():
		return RejectVersion
	case a.Version != Version2:
		return ""
	// RFC 3768 section 7.1: MUST verify that the Auth Type matches the locally
	// configured authentication method and perform that method. Without one the data
	// is ignored (section 5.3.6.1).
	case a.Auth.Type != own.Type:
		return RejectAuthType
	case own.Type == AuthPassword && a.Auth.Data != own.Data:
		return RejectAuth
	// RFC 3768 section 7.1: MUST verify that the Adver Interval is the one locally
	// configured.
	case a.Interval != c.Interval:
		return RejectV2Interval
	}
	return ""
}

func (e *Engine) reject(p *Packet, ref routerRef, r Reject) {
	i := slices.Index(Rejects, r)
	if ref.el != nil {
		ref.el.traffic[ref.i].rejected[i]++
		return
	}
	u := e.unmatched[p.Interface]
	if u == nil {
		if !e.listens(p.Interface) {
			return // an interface that we have just left
		}
		u = new([rejectCount]uint64)
		e.unmatched[p.Interface] = u
	}
	u[i]++
}

// noteDiscarded says that a neighbour's adverts do not count, once until the next
// change of role (RFC 3768 section 7.1: SHOULD log the event).
func (e *Engine) noteDiscarded(ref routerRef, n *neighbour) {
	rc, t := &ref.el.group.Config.Routers[ref.i], &ref.el.traffic[ref.i]
	bit := uint32(1) << (mismatchCount + slices.Index(Rejects, n.rejected))
	if t.noted&bit != 0 {
		return
	}
	t.noted |= bit
	args := []any{"router", rc.Name, "neighbour", n.address.String(), "because", string(n.rejected)}
	if d := n.differs(rc, ref.el.addresses[ref.i]); len(d) > 0 {
		args = append(args, "theirs", d[0].Theirs, "ours", d[0].Ours)
	}
	e.herald.warn("a neighbour's adverts are discarded", args...)
}

// compare counts what is odd about an accepted advert, and says so once until
// the next change of role (RFC 9568 section 7.1: SHOULD log, rate-limited).
func (e *Engine) compare(ref routerRef, p *Packet, n *neighbour, trailing int) {
	rc, a := &ref.el.group.Config.Routers[ref.i], &e.advert
	odd := [mismatchCount]bool{
		len(n.others) > 0,
		a.Interval != rc.Interval,
		n.otherForm(rc),
		a.Priority == priorityOwner && ref.el.group.owner(),
		trailing > 0,
	}
	t := &ref.el.traffic[ref.i]
	for i, is := range odd {
		if !is {
			continue
		}
		t.mismatched[i]++
		if bit := uint32(1) << i; t.noted&bit == 0 {
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
