package vrrp

import (
	"net/netip"
	"slices"
	"strings"
)

// Address is one address of a virtual router, with its subnet's prefix, and how
// the machine holds it. What is zero is as usual.
type Address struct {
	Prefix netip.Prefix
	// Interface is where it is held; empty: on the router's interface.
	Interface string `json:",omitempty"`
	// Label is the name that `ip addr` and `ifconfig` show of an IPv4 address, at
	// most 15 bytes (IFNAMSIZ − 1); empty: the interface's.
	Label string `json:",omitempty"`
	// Scope is that of an IPv4 address; empty: global. Of IPv6 the address itself
	// tells.
	Scope Scope `json:",omitempty"`
	// NoPrefixRoute: its subnet gets no route by it.
	NoPrefixRoute bool `json:",omitempty"`
	// Unadvertised: it moves with the others and is in no advert.
	Unadvertised bool `json:",omitempty"`
}

// Scope is how far an IPv4 address, or a route, reaches (rtnetlink(7)).
type Scope string

// The scopes, the widest first.
const (
	ScopeGlobal Scope = "global"
	ScopeSite   Scope = "site"
	ScopeLink   Scope = "link"
	ScopeHost   Scope = "host"
)

// String writes the address as `ip addr` would take it:
// "192.0.2.4/24 dev eth3 label eth3:a scope link noprefixroute", and unadvertised.
func (a Address) String() string {
	words := []string{a.Prefix.String()}
	for _, w := range [][2]string{{"dev", a.Interface}, {"label", a.Label}, {"scope", string(a.Scope)}} {
		if w[1] != "" {
			words = append(words, w[0], w[1])
		}
	}
	if a.NoPrefixRoute {
		words = append(words, "noprefixroute")
	}
	if a.Unadvertised {
		words = append(words, "unadvertised")
	}
	return strings.Join(words, " ")
}

// On is the interface that an address of the router is held on.
func (c *RouterConfig) On(a Address) string {
	if a.Interface != "" {
		return a.Interface
	}
	return c.Interface
}

// Interfaces are those that the router needs, each once, its own first: an
// address that cannot be held is no less a fault than adverts that cannot be
// heard.
func (c *RouterConfig) Interfaces() []string {
	list := []string{c.Interface}
	for _, a := range c.Addresses {
		if a.Interface != "" && !slices.Contains(list, a.Interface) {
			list = append(list, a.Interface)
		}
	}
	return list
}

// advertised are the addresses that an advert lists, in their order (RFC 9568
// section 5.2.9).
func advertised(addresses []Address) []netip.Addr {
	hosts := make([]netip.Addr, 0, len(addresses))
	for _, a := range addresses {
		if !a.Unadvertised {
			hosts = append(hosts, a.Prefix.Addr())
		}
	}
	return hosts
}
