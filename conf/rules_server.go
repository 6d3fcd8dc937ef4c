package conf

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"failover/lvs"
)

// serverRules hold each virtual server against the routers and the others.
func (b *builder) serverRules() {
	// Where a router's addresses are not understood, nothing can be said of where a
	// service's address belongs.
	b.routersOK = !b.file.get("virtual_router").bad &&
		!slices.ContainsFunc(b.routers, func(e *entry) bool { return !e.ok("addresses") })
	b.gateways = b.d.gatewaysOf()
	user := map[lvs.Key]string{}
	virtual := map[netip.Addr]string{}
	for _, r := range b.d.VirtualRouters {
		for _, a := range r.Addresses {
			virtual[a.Prefix.Addr()] = r.Name
		}
	}
	for i, at := range b.servers {
		vs := b.d.VirtualServers[i]
		if !at.at.ok("address", "protocol") {
			continue
		}
		if other, taken := user[vs.Key]; taken {
			b.contradict(at.at.get("address"), "", "%s %s is the service of %s already", vs.Key.Protocol, vs.Key.Address, other)
			continue
		}
		user[vs.Key] = vs.Name
		virtual[vs.Key.Address.Addr()] = cmp.Or(virtual[vs.Key.Address.Addr()], vs.VirtualRouter)
	}
	for i, at := range b.servers {
		b.placeRules(at.at, b.d.VirtualServers[i])
		b.realRules(at, b.d.VirtualServers[i], virtual)
	}
}

// placeRules make sure that the service's address is one somebody holds.
func (b *builder) placeRules(e *entry, vs VirtualServer) {
	key, address := e.get("virtual_router"), vs.Key.Address.Addr()
	if !e.ok("address", "virtual_router") {
		return
	}
	holder := b.routerOf(address)
	router, known := b.routerNamed(vs.VirtualRouter)
	switch {
	case !b.routersOK:
	case !key.set && holder == "":
		b.contradict(e.get("address"), `add it to a router's addresses, or write virtual_router = "none" if it is routed to the directors`,
			"%s is not an address of any virtual router", address)
	case !key.set:
	case vs.VirtualRouter == none && holder != "":
		b.contradict(key, "", "none, but %s is an address of %s", address, holder)
	case vs.VirtualRouter == none:
	case !known:
		b.contradict(key, didYouMean(vs.VirtualRouter, append(b.routerNames(), none), "there are"), "there is no virtual router %q", vs.VirtualRouter)
	case !hasAddress(router.Addresses, address):
		hint := `add it there, or write virtual_router = "none" if it is routed to the directors`
		if holder != "" {
			hint = "it is an address of " + holder
		}
		b.contradict(key, hint, "%s has no address %s", vs.VirtualRouter, address)
	}
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

// realRules judge the real servers of one virtual server.
func (b *builder) realRules(at serverEntry, vs VirtualServer, virtual map[netip.Addr]string) {
	if list := at.at.get("real_server"); list.set && !list.bad && len(list.items) == 0 {
		b.fail(list, "", "is empty: a virtual server has at least one real server")
	}
	names, addresses := map[string]bool{}, map[netip.AddrPort]bool{}
	for i, e := range at.reals {
		rs := vs.Servers[i]
		switch {
		case !e.ok("address", "name", "forward"):
			continue
		case addresses[rs.Address]:
			b.contradict(e.get("address"), "", "%s is a real server of %s already", rs.Address, vs.Name)
			continue
		case names[rs.Name]:
			b.contradict(e.get("name"), "", "%q is the name of another real server of %s", rs.Name, vs.Name)
		}
		names[rs.Name], addresses[rs.Address] = true, true
		b.forwardRules(at.at, e, vs, rs, virtual)
	}
}

// forwardRules judge whether the forwarding method can reach one real server.
func (b *builder) forwardRules(service, e *entry, vs VirtualServer, rs RealServer, virtual map[netip.Addr]string) {
	address := e.get("address")
	if _, is := virtual[rs.Address.Addr()]; is {
		b.contradict(address, "", "%s is a virtual address: packets would go round in a circle", rs.Address.Addr())
		return
	}
	if !service.ok("address", "forward", "virtual_router") {
		return
	}
	for _, d := range b.d.Directors {
		if slices.Contains(d.Addresses, rs.Address.Addr()) {
			b.contradict(address, "use a machine that is no director", "%s is director %s itself: %s",
				rs.Address.Addr(), d.Name, selfReason(rs.Forward))
			return
		}
	}
	if rs.Forward == lvs.NAT {
		b.gatewayRule(address, vs, rs)
		return
	}
	if rs.Address.Port() != vs.Key.Address.Port() {
		b.contradict(address, "write the same port, or use forward = \"nat\"",
			"port %d differs from the virtual server's %d, and forward %s cannot change it",
			rs.Address.Port(), vs.Key.Address.Port(), rs.Forward)
	}
}

// selfReason says why a director cannot be a real server.
func selfReason(f lvs.Forward) string {
	if f == lvs.NAT {
		return "while another director is master, its replies would not come back through that one"
	}
	return fmt.Sprintf("with forward %s its own table would send the packets on again", f)
}

// gateway is an address that real servers of its subnet can route through.
type gateway struct {
	subnet netip.Prefix
	name   string // "192.168.33.90 of inside"
}

// gatewaysOf lists every address of each group.
func (d Deployment) gatewaysOf() map[string][]gateway {
	all := map[string][]gateway{}
	for _, r := range d.VirtualRouters {
		for _, a := range r.Addresses {
			all[r.Group] = append(all[r.Group], gateway{a.Prefix.Masked(), fmt.Sprintf("%s of %s", a.Prefix.Addr(), r.Name)})
		}
	}
	return all
}

// gatewayRule finds the gateway of a nat server: replies must pass the master,
// so the server's default route is the one virtual address in its subnet that
// moves together with the service.
func (b *builder) gatewayRule(e *entry, vs VirtualServer, rs RealServer) {
	router, known := b.routerNamed(vs.VirtualRouter)
	if !known || !b.routersOK {
		return
	}
	var list []string
	for _, g := range b.gateways[router.Group] {
		if g.subnet.Contains(rs.Address.Addr()) {
			list = append(list, g.name)
		}
	}
	switch len(list) {
	case 0:
		b.contradict(e, "add a virtual router of that group with an address in the server's subnet; it becomes the server's gateway",
			"no address of group %s has %s in its subnet, so replies to nat would not come back through the master", router.Group, rs.Address.Addr())
	case 1:
	default:
		b.contradict(e, "keep one of them in the group",
			"%d addresses of group %s have %s in their subnet, and only one can be its gateway: %s", len(list), router.Group, rs.Address.Addr(), strings.Join(list, ", "))
	}
}
