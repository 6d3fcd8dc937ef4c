package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Route is a route that the machine has while the router is master, as `ip route`
// has it. Make one with [ParseRoute].
type Route struct {
	Type RouteType `json:",omitempty"` // empty: unicast
	// To is where it goes; no bits: the default route.
	To     netip.Prefix
	Via    netip.Addr `json:",omitzero"` // the gateway
	Dev    string     `json:",omitempty"`
	Src    netip.Addr `json:",omitzero"`  // the source address of what is sent along it
	Metric uint32     `json:",omitempty"` // of IPv6 never 0, for which the kernel takes 1024
	Table  uint32     // never 0
	OnLink bool       `json:",omitempty"` // the gateway is reachable on Dev, whatever its address
	Scope  Scope      `json:",omitempty"` // of IPv4; empty: link without a gateway, global with one
}

// RouteType is what becomes of a packet.
type RouteType string

// The types of routes other than unicast end the packet here: Blackhole without a
// word, Unreachable and Prohibit with an ICMP error.
const (
	unicastType RouteType = "unicast" // written; a [Route] has an empty one
	Blackhole   RouteType = "blackhole"
	Unreachable RouteType = "unreachable"
	Prohibit    RouteType = "prohibit"
)

// metric6 is what the kernel gives a route of IPv6 without one (IP6_RT_PRIO_USER).
const metric6 = 1024

// routeWords is what may follow where a route goes.
var routeWords = []word[Route]{
	{names: []string{"via"}, set: to(func(r *Route) *netip.Addr { return &r.Via }, readAddress)},
	{names: []string{"dev"}, set: to(func(r *Route) *string { return &r.Dev }, readDevice)},
	{names: []string{"src"}, set: to(func(r *Route) *netip.Addr { return &r.Src }, readAddress)},
	{names: []string{"metric"}, set: to(func(r *Route) *uint32 { return &r.Metric }, readNumber)},
	{names: []string{"table"}, set: to(func(r *Route) *uint32 { return &r.Table }, readTable)},
	{names: []string{"scope"}, set: to(func(r *Route) *Scope { return &r.Scope }, readScope)},
	{names: []string{"onlink"}, bare: true, set: func(r *Route, _ string) error { r.OnLink = true; return nil }},
}

// ParseRoute reads a route in the words of `ip route add`:
//
//	[unicast | blackhole | unreachable | prohibit] default | NETWORK | ADDRESS
//	[via ADDRESS] [dev NAME] [src ADDRESS] [metric N] [table main | default | N]
//	[scope global | site | link | host] [onlink]
//
// A default route in which no address tells is of IPv6 if ipv6 says so. The error
// names the word that is wrong.
func ParseRoute(text string, ipv6 bool) (Route, error) {
	fields := strings.Fields(text)
	r := Route{Table: tableMain}
	if len(fields) > 0 {
		switch t := RouteType(fields[0]); t {
		case unicastType, Blackhole, Unreachable, Prohibit:
			fields = fields[1:]
			if t != unicastType {
				r.Type = t
			}
		}
	}
	if len(fields) == 0 {
		return Route{}, errors.New("it does not say where it goes")
	}
	whither := fields[0]
	if whither != "default" {
		var err error
		if r.To, err = readNet(whither); err != nil {
			return Route{}, err
		}
	}
	if err := readWords(fields[1:], routeWords, &r); err != nil {
		return Route{}, err
	}
	if !r.To.IsValid() {
		is6 := ipv6
		for _, a := range []netip.Addr{r.Via, r.Src} {
			if a.IsValid() {
				is6 = a.Is6()
			}
		}
		r.To = netip.PrefixFrom(unspecified(is6), 0)
	}
	if r.To.Addr().Is6() && r.Metric == 0 {
		r.Metric = metric6
	}
	return r, r.check()
}

// check finds words that do not go together.
func (r *Route) check() error {
	is6 := r.To.Addr().Is6()
	switch {
	case r.To.Addr().IsMulticast():
		return fmt.Errorf("%s is a multicast network", r.To)
	case r.Via.IsValid() && r.Via.Is6() != is6:
		return fmt.Errorf("via: %s and %s are of different families", r.Via, r.to())
	case r.Src.IsValid() && r.Src.Is6() != is6:
		return fmt.Errorf("src: %s and %s are of different families", r.Src, r.to())
	case is6 && r.Scope != "":
		return errors.New("scope: is for IPv4")
	case r.Type != "" && (r.Via.IsValid() || r.Dev != "" || r.Src.IsValid() || r.OnLink || r.Scope != ""):
		return fmt.Errorf("%s: such a route goes nowhere, it has neither via, dev, src, scope nor onlink", r.Type)
	case r.Type != "":
		return nil
	case !r.Via.IsValid() && r.Dev == "":
		return errors.New("via and dev are missing: it needs one of them")
	case r.OnLink && (!r.Via.IsValid() || r.Dev == ""):
		return errors.New("onlink: needs via and dev")
	case r.Via.Is6() && r.Via.IsLinkLocalUnicast() && r.Dev == "":
		return fmt.Errorf("via: %s is a link-local address, which needs dev", r.Via)
	case r.Via.IsValid() && (r.Scope == ScopeLink || r.Scope == ScopeHost):
		return fmt.Errorf("scope: %s is nearer than a gateway can be", r.Scope)
	}
	return nil
}

func readScope(s string) (Scope, error) {
	scopes := []Scope{ScopeGlobal, ScopeSite, ScopeLink, ScopeHost}
	if !slices.Contains(scopes, Scope(s)) {
		return "", fmt.Errorf("%q is not one of global, site, link, host", s)
	}
	return Scope(s), nil
}

func unspecified(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// to is where the route goes, in a word.
func (r *Route) to() string {
	if r.To.Bits() == 0 {
		return "default"
	}
	return netName(r.To)
}

// String writes the route in the words of `ip route`, as [ParseRoute] reads it.
func (r Route) String() string {
	var words []string
	add := func(list ...string) { words = append(words, list...) }
	if r.Type != "" {
		add(string(r.Type))
	}
	add(r.to())
	if r.Via.IsValid() {
		add("via", r.Via.String())
	}
	if r.Dev != "" {
		add("dev", r.Dev)
	}
	if r.Src.IsValid() {
		add("src", r.Src.String())
	}
	if r.Metric != 0 && (r.Metric != metric6 || !r.To.Addr().Is6()) {
		add("metric", strconv.FormatUint(uint64(r.Metric), 10))
	}
	if r.Table != tableMain {
		add("table", tableName(r.Table))
	}
	if r.Scope != "" {
		add("scope", string(r.Scope))
	}
	if r.OnLink {
		add("onlink")
	}
	return strings.Join(words, " ")
}

// Same tells whether the kernel takes two routes for one: a table has one of each
// network and metric.
func (r Route) Same(o Route) bool {
	return r.Table == o.Table && r.To == o.To && r.Metric == o.Metric
}
