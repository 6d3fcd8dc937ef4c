package conf

import (
	"net/netip"
	"strings"

	"failover/vrrp"
)

// VirtualAddress is one item of a virtual router's addresses.
type VirtualAddress struct {
	Prefix netip.Prefix
	// Interface is where a director holds it; empty: on the virtual router's.
	Interface PerDirector[string] `json:",omitzero"`
	// Label is what a director calls it; empty: as its interface.
	Label         PerDirector[string] `json:",omitzero"`
	Scope         vrrp.Scope          `json:",omitempty"` // of IPv4; empty: global
	NoPrefixRoute bool                `json:",omitempty"`
	Unadvertised  bool                `json:",omitempty"`
}

// addresses makes those of one virtual router; e is its list.
func (b *builder) addresses(e *entry) []VirtualAddress {
	var list []VirtualAddress
	for _, item := range e.items {
		p := val[netip.Prefix](item)
		if !p.IsValid() {
			continue
		}
		a := VirtualAddress{Prefix: p}
		if item.table {
			nothing := func(Director) string { return "" }
			a.Interface = perDirector(b, item.get("interface"), nothing)
			a.Label = perDirector(b, item.get("label"), nothing)
			a.Scope = vrrp.Scope(val[string](item.get("scope")))
			a.NoPrefixRoute = val[bool](item.get("noprefixroute"))
			a.Unadvertised = item.ok("advertise") && !val[bool](item.get("advertise"))
			if a.Scope == vrrp.ScopeGlobal {
				a.Scope = "" // what it is anyway
			}
		}
		list = append(list, a)
	}
	return list
}

// on is the address as one director holds it.
func (a VirtualAddress) on(director string) vrrp.Address {
	return vrrp.Address{
		Prefix: a.Prefix, Interface: a.Interface.For(director), Label: a.Label.For(director),
		Scope: a.Scope, NoPrefixRoute: a.NoPrefixRoute, Unadvertised: a.Unadvertised,
	}
}

// heldOn is the interface that a director holds an address of the router on.
func (r VirtualRouter) heldOn(a VirtualAddress, director string) string {
	if name := a.Interface.For(director); name != "" {
		return name
	}
	return r.Interface.For(director)
}

// contains tells whether one is in the address's subnet.
func (a VirtualAddress) contains(one netip.Addr) bool { return a.Prefix.Contains(one) }

// isLinkLocal tells the addresses that mean something on one link only.
func isLinkLocal(p netip.Prefix) bool { return p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() }

// attributeRules hold what is written of one address against the router and the
// kernel.
func (b *builder) attributeRules(e *entry, r VirtualRouter) {
	p := val[netip.Prefix](e)
	if !e.table || !p.IsValid() {
		return
	}
	if p.Addr().Is6() {
		for _, key := range []string{"label", "scope"} {
			if k := e.get(key); k.set && !k.bad {
				b.contradict(k, "leave it out", "is for IPv4: an IPv6 address has no label, and its scope is in its bits")
			}
		}
	}
	if isLinkLocal(p) {
		if k := e.get("interface"); k.set && !k.anyBad() {
			b.contradict(k, "leave it out", "is not for the link-local address: hosts on the virtual router's interface route through it")
		}
		if k := e.get("advertise"); k.set && !k.bad && !val[bool](k) {
			// RFC 9568 section 5.2.9.
			b.contradict(k, "", "false, but the first address of an IPv6 advert is the link-local one")
		}
	}
	b.labelRule(e, r)
}

// labelRule wants a label to begin with the name of its interface, as ip(8) does:
// getifaddrs(3) and ifconfig know an address by it.
func (b *builder) labelRule(e *entry, r VirtualRouter) {
	label := e.get("label")
	if !label.set || label.anyBad() || e.get("interface").anyBad() || val[netip.Prefix](e).Addr().Is6() {
		return
	}
	for _, a := range r.Addresses {
		if a.Prefix != val[netip.Prefix](e) {
			continue
		}
		for _, d := range b.d.Directors {
			text, iface := a.Label.For(d.Name), r.heldOn(a, d.Name)
			if text != "" && r.VirtualMAC && iface == r.Interface.For(d.Name) {
				b.contradict(label, "leave it out", "cannot go with virtual_mac: the address is on a device of ours, whose name each machine makes")
				return
			}
			if text == "" || iface == "" || text == iface || strings.HasPrefix(text, iface+":") {
				continue
			}
			b.contradict(label.forDirector(d.Name), "",
				"%q begins with another name than the interface, %s on %s: it is %s, or %s: and more", text, iface, d.Name, iface, iface)
			return
		}
	}
}
