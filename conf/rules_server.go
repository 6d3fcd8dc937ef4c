package conf

import (
	"fmt"
	"net/netip"
	"slices"

	"failover/lvs"
)

// serverRules hold each virtual server against itself, the routers and the others.
func (b *builder) serverRules() {
	// Where a router's addresses are not understood, nothing can be said of where a
	// service's address belongs.
	b.routersOK = !b.file.get("virtual_router").bad &&
		!slices.ContainsFunc(b.routers, func(e *entry) bool { return !e.ok("addresses") })
	b.gateways = b.d.gatewaysOf()
	b.virtual = map[netip.Addr]bool{}
	for _, r := range b.d.VirtualRouters {
		for _, a := range r.Addresses {
			b.virtual[a.Prefix.Addr()] = true
		}
	}
	user := map[lvs.Key]string{}
	for _, t := range b.servers {
		b.keyRules(t.at)
		b.uniqueRules(t, user)
		for _, vs := range t.services {
			for _, k := range append(vs.Match, vs.Key) {
				if !k.Address.Addr().IsUnspecified() {
					b.virtual[k.Address.Addr()] = true
				}
			}
		}
	}
	for _, t := range b.servers {
		for i, vs := range t.services {
			if i == 0 || t.where[i] != t.where[i-1] {
				b.placeRules(t, i)
				b.portRule(t.where[i], t.at, vs)
			}
		}
		if len(t.services) > 0 {
			b.scheduleRules(t)
			b.persistenceRules(t)
			b.quorumRules(t)
		}
		b.realRules(t)
	}
}

// keyRules demand what makes a service once.
func (b *builder) keyRules(e *entry) {
	var by []*entry
	for _, key := range []string{"address", "addresses", "fwmark"} {
		if k := e.get(key); k.set {
			by = append(by, k)
		}
	}
	switch {
	case len(by) == 0:
		b.fail(e.get("address"), "or write addresses, or fwmark", "is missing: %s", e.get("address").spec.Allowed())
		return
	case len(by) > 1:
		b.fail(by[1], "leave one of them out", "cannot go with %s: a virtual server has one of address, addresses and fwmark", by[0].key)
		return
	}
	if list := by[0]; list.key == "addresses" && len(list.items) == 0 && !list.bad {
		b.fail(list, "", "is empty: clients have nowhere to connect")
	}
	list := e.get("protocol")
	if list.set && len(list.items) == 0 && !list.bad {
		b.fail(list, "", "is empty: a service has a protocol")
	}
	for i, one := range list.items {
		if slices.ContainsFunc(list.items[:i], func(o *entry) bool { return one.value != nil && o.value == one.value }) {
			b.fail(one, "leave it out", "%s is there twice", one.value)
		}
	}
	if by[0].key == "fwmark" {
		b.markRules(e)
		return
	}
	for _, key := range []string{"family", "match"} {
		if k := e.get(key); k.set && !k.bad {
			b.contradict(k, "leave it out, or write fwmark instead of the address", "is for a service by firewall mark")
		}
	}
}

// markRules judge a service by firewall mark.
func (b *builder) markRules(e *entry) {
	if k := e.get("protocol"); k.set && !k.bad {
		b.contradict(k, "leave it out", "cannot go with fwmark: whatever carries the mark is meant")
	}
	if k := e.get("fwmark"); val[int64](k) >= ownMarks {
		b.fail(k, "use a smaller one", "%#x is reserved: the marks from %#x on are for this program to set", val[int64](k), int64(ownMarks))
	}
	match, family := e.get("match"), e.get("family")
	if len(match.items) == 0 && !match.bad {
		if k := e.get("virtual_router"); !k.set {
			b.contradict(e.get("fwmark"), `write the virtual router that has the addresses, or "none", or match`,
				"needs virtual_router: what carries the mark is not known here")
		}
		return
	}
	if match.anyBad() || family.bad {
		return
	}
	is6 := markKey(e, matches(match)).Is6()
	for i, k := range matches(match) {
		if k.Is6() != is6 {
			b.contradict(match.items[i], "make it a virtual server of its own, of the same mark", "%s is no %s address, and a service has one family", k.Address.Addr(), familyName(is6))
		}
	}
}

// uniqueRules find services that are there already. A packet with a mark is looked
// for by the mark first (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_service_find), so
// what is marked never reaches a service by its address.
func (b *builder) uniqueRules(t serverTable, user map[lvs.Key]string) {
	if !t.at.ok("address", "addresses", "fwmark", "protocol", "family", "match") {
		return
	}
	for i, vs := range t.services {
		b.claim(t.where[i], vs.Key, vs.Name, user)
		for j, k := range vs.Match {
			b.claim(t.at.get("match").items[j], k, vs.Name, user)
		}
	}
}

func (b *builder) claim(at *entry, k lvs.Key, name string, user map[lvs.Key]string) {
	switch other, taken := user[k]; {
	case taken && other == name:
		b.contradict(at, "leave it out", "%s is there twice", keyWords(k))
		return
	case taken:
		b.contradict(at, "", "%s is the service of %s already", keyWords(k), other)
		return
	}
	user[k] = name
}

// keyWords calls a service as people do: "tcp 172.20.10.4:80", "IPv4 mark 7".
func keyWords(k lvs.Key) string {
	if k.FWMark != 0 {
		return fmt.Sprintf("%s mark %d", familyName(k.Is6()), k.FWMark)
	}
	return string(k.Protocol) + " " + endpointText(k.Address)
}

// placeRules make sure that the service's addresses are some that somebody holds.
func (b *builder) placeRules(t serverTable, i int) {
	key, vs := t.at.get("virtual_router"), t.services[i]
	if !t.at.ok("address", "addresses", "fwmark", "match", "virtual_router") || !b.routersOK {
		return
	}
	router, known := b.routerNamed(vs.VirtualRouter)
	if key.set && vs.VirtualRouter != NoRouter && !known {
		if i == 0 {
			b.contradict(key, didYouMean(vs.VirtualRouter, append(b.routerNames(), NoRouter), "there are"), "there is no virtual router %q", vs.VirtualRouter)
		}
		return
	}
	if vs.Key.FWMark == 0 {
		b.placeRule(t.where[i], key, vs.Key.Address.Addr(), router)
		return
	}
	for j, k := range vs.Match {
		if k.Is6() != vs.Key.Is6() {
			continue
		}
		at := t.at.get("match").items[j]
		b.placeRule(at, key, k.Address.Addr(), router)
		if holder, held := b.routerNamed(b.routerOf(k.Address.Addr())); held && known && holder.Group != router.Group {
			b.contradict(at, "make the two routers one group",
				"%s is an address of %s, which can be on another director than %s", k.Address.Addr(), holder.Name, router.Name)
		}
	}
}

// placeRule judges one address; router is the one that is to have it, if any.
func (b *builder) placeRule(at, key *entry, address netip.Addr, router VirtualRouter) {
	const add = `add it to a router's addresses, or write virtual_router = "none" if it is routed to the directors`
	holder := b.routerOf(address)
	switch {
	case !key.set && holder == "":
		b.contradict(at, add, "%s is not an address of any virtual router", address)
	case !key.set:
	case val[string](key) == NoRouter && holder != "":
		b.contradict(key, "", "none, but %s is an address of %s", address, holder)
	case val[string](key) == NoRouter, hasAddress(router.Addresses, address):
	case at.up != nil && at.up.key == "match" && holder != "":
		// Of another router: see there whether of the same group.
	case holder != "":
		b.contradict(key, "it is an address of "+holder, "%s has no address %s", router.Name, address)
	default:
		b.contradict(key, `add it there, or write virtual_router = "none" if it is routed to the directors`,
			"%s has no address %s", router.Name, address)
	}
}

// portRule refuses a service of every port that is not persistent: the kernel
// drops what comes for it (ip_vs_core.c, ip_vs_schedule).
func (b *builder) portRule(at, e *entry, vs VirtualServer) {
	if vs.Key.FWMark != 0 || vs.Key.Address.Port() != 0 || vs.Persistence > 0 || e.get("persistence").bad {
		return
	}
	b.contradict(at, fmt.Sprintf("write %q, or persistence", netip.AddrPortFrom(vs.Key.Address.Addr(), 80)),
		"%s has no port and so stands for every port, which the kernel serves with persistence only", vs.Key.Address.Addr())
}

func (b *builder) routerNamed(name string) (VirtualRouter, bool) {
	for _, r := range b.d.VirtualRouters {
		if r.Name == name {
			return r, true
		}
	}
	return VirtualRouter{}, false
}

func (b *builder) routerNames() []string {
	var list []string
	for _, r := range b.d.VirtualRouters {
		list = append(list, r.Name)
	}
	return list
}
