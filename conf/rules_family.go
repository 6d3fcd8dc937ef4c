package conf

import (
	"net/netip"
	"time"

	"failover/vrrp"
)

const (
	// maxAddresses6 is how many IPv6 addresses an advert carries on every link: it is
	// never fragmented, and a link's MTU may be 1280 bytes (RFC 8200 section 5), of
	// which 40 are the header and 8 the fixed fields.
	maxAddresses6 = (1280 - 40 - 8) / 16
	// maxInterval3 is the longest interval of version 3: 12 bits of centiseconds (RFC
	// 9568 section 5.2.7).
	maxInterval3 = 4095 * 10 * time.Millisecond
)

// familyName is how people call a family.
func familyName(ipv6 bool) string {
	if ipv6 {
		return "IPv6"
	}
	return "IPv4"
}

// familyRules make the addresses of a router ones of one family, and put the
// link-local one first.
func (b *builder) familyRules(list *entry) {
	var first netip.Addr
	for i, e := range list.items {
		p := val[netip.Prefix](e)
		switch a := p.Addr(); {
		case !a.IsValid():
		case !first.IsValid():
			first = a
		case a.Is6() != first.Is6():
			// RFC 9568 section 5.2.9: one family, that of the packet.
			b.contradict(e, "make it a virtual router of its own, of the same group",
				"%s is an %s address, and %s an %s one: a virtual router has one family", a, familyName(a.Is6()), first, familyName(first.Is6()))
			return
		case i > 0 && isLinkLocal(p):
			b.contradict(e, "write it first",
				"%s is a link-local address: a virtual router has one, and it is its first address", a)
		}
	}
}

// versionRules hold a router against what its version can.
func (b *builder) versionRules(e *entry, r VirtualRouter) {
	if !e.ok("version", "addresses") {
		return
	}
	interval, two := e.get("advert_interval"), r.Version == vrrp.Version2
	switch {
	case two && r.IPv6():
		b.contradict(e.get("version"), "", "2 has no IPv6; it takes version 3")
	case two && r.Interval%time.Second != 0 && !interval.bad:
		// RFC 3768 section 5.3.7: one byte of seconds.
		b.contradict(interval, "", "%s with version 2, which has whole seconds only", text(r.Interval))
	case !two && r.Interval > maxInterval3 && !interval.bad:
		b.contradict(interval, "", "%s with version 3, which has room for at most %s", text(r.Interval), text(maxInterval3))
	}
	if auth := e.get("auth"); !two && r.Auth.isSet() {
		b.contradict(auth, "", "is for version 2; version 3 has no password")
	}
	switch form := e.get("checksum"); {
	case !form.set:
	case two:
		b.contradict(form, "", "has no meaning with version 2, whose checksum covers the message only")
	case r.IPv6():
		b.contradict(form, "", "has no meaning for IPv6, where the checksum always covers the pseudo-header")
	}
}

// sourceFamily tells whether a source that is written is one that adverts of the
// router can come from.
func (b *builder) sourceFamily(at *entry, r VirtualRouter, written netip.Addr) bool {
	switch {
	case !written.IsValid():
		return true
	case written.Is6() != r.IPv6():
		b.contradict(at, "", "%s is no %s address, as those of the virtual router are", written, familyName(r.IPv6()))
	case r.IPv6() && r.Transport == vrrp.Multicast && !written.IsLinkLocalUnicast():
		b.contradict(at, "leave it out: the interface's own link-local address is used",
			"%s is no link-local address, which multicast over IPv6 comes from", written)
	default:
		return true
	}
	return false
}

// seats are the VRIDs and link-local addresses in use, and by whom: they are
// unique on an interface.
type seats map[seat]string

type seat struct {
	director, iface string
	ipv6            bool
	vrid            uint8
	linkLocal       netip.Addr
}

// seatRules find routers in the place of another.
func (b *builder) seatRules(e *entry, r VirtualRouter, taken seats) {
	for _, d := range b.d.Directors {
		iface := r.Interface.For(d.Name)
		if iface == "" {
			continue
		}
		if r.VRID != 0 {
			p := seat{director: d.Name, iface: iface, ipv6: r.IPv6(), vrid: r.VRID}
			if other := taken[p]; other != "" && other != r.Name {
				b.contradict(e.get("vrid"), "", "%d is the VRID of %s already, on %s of %s", r.VRID, other, iface, d.Name)
				return
			}
			taken[p] = r.Name
		}
		if r.IPv6() && isLinkLocal(r.Addresses[0].Prefix) {
			p := seat{director: d.Name, iface: iface, linkLocal: r.Addresses[0].Prefix.Addr()}
			if other := taken[p]; other != "" && other != r.Name {
				b.contradict(e.get("addresses"), "", "%s is the link-local address of %s already, on %s of %s", p.linkLocal, other, iface, d.Name)
				return
			}
			taken[p] = r.Name
		}
	}
}
