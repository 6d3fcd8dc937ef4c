package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"failover/check"
	"failover/lvs"
)

// realRules judge the real servers of one table.
func (b *builder) realRules(t serverTable) {
	if list := t.at.get("real_server"); list.set && !list.bad && len(list.items) == 0 {
		b.fail(list, "", "is empty: a virtual server has at least one real server")
	}
	if len(t.services) == 0 {
		return
	}
	vs := t.services[0]
	names, addresses := make(map[string]bool, len(t.reals)), make(map[netip.AddrPort]bool, len(t.reals))
	for i, e := range t.reals {
		rs := vs.Servers[i]
		switch {
		case !e.ok("address", "name", "forward"):
			continue
		case addresses[rs.Address]:
			b.contradict(e.get("address"), "", "%s is a real server of %s already", endpointText(rs.Address), vs.Name)
			continue
		case names[rs.Name]:
			b.contradict(e.get("name"), "", "%q is the name of another real server of %s", rs.Name, vs.Name)
		}
		names[rs.Name], addresses[rs.Address] = true, true
		b.reachRules(t, e.get("address"), rs)
		b.unwise(e, vs, rs)
		b.thresholdRules(e, rs)
		if e.has("tunnel") {
			b.tunnelRules(e.get("tunnel"), rs.Forward == lvs.TUN)
		}
		b.checkPortRule(e.get("address"), rs)
	}
	b.sorryRules(t, addresses)
	anyTunnel := slices.ContainsFunc(withSorry(vs), func(rs RealServer) bool { return rs.Forward == lvs.TUN })
	if own := t.at.get("tunnel"); own.set && t.at.ok("forward") {
		b.tunnelRules(own, anyTunnel)
	}
	b.masqueradeRules(t)
}

// reachRules judge whether the forwarding method gets from each service of a
// table to one server, which stands at e.
func (b *builder) reachRules(t serverTable, e *entry, rs RealServer) {
	address := rs.Address.Addr()
	switch {
	case b.virtual[address]:
		b.contradict(e, "", "%s is a virtual address: packets would go round in a circle", address)
		return
	case address.Is6() && address.IsLinkLocalUnicast():
		// ip_vs_ctl.c, ip_vs_new_dest.
		b.contradict(e, "", "%s is a link-local address, which IPVS refuses", address)
		return
	case !t.at.ok("address", "addresses", "fwmark", "family", "match", "forward", "virtual_router", "masquerade"):
		return
	}
	for _, d := range b.d.Directors {
		if slices.Contains(d.Addresses, address) && !b.selfRule(t, e, d, rs) {
			return
		}
	}
	for _, vs := range t.services {
		if !b.reaches(e, vs, rs) {
			return // what is said once holds for the rest
		}
	}
}

// reaches judges one service and one server, and reports what is wrong.
func (b *builder) reaches(e *entry, vs VirtualServer, rs RealServer) bool {
	address, port := rs.Address.Addr(), vs.Key.Address.Port()
	if address.Is6() != vs.Key.Is6() {
		return b.mixed(e, vs, rs)
	}
	switch {
	case rs.Address.Port() == 0 && port != 0:
		b.contradict(e, fmt.Sprintf("write %q", netip.AddrPortFrom(address, port)),
			"%s has no port: it may be left out with a firewall mark, or where the virtual server has every port", address)
	case rs.Forward == lvs.NAT:
		return vs.Masquerade || b.gatewayRule(e, vs, rs)
	case port != 0 && rs.Address.Port() != port:
		b.contradict(e, "write the same port, or use forward = \"nat\"",
			"port %d differs from the virtual server's %d, and forward %s cannot change it", rs.Address.Port(), port, rs.Forward)
	default:
		return true
	}
	return false
}

// mixed judges a server of another family than the service: the kernel tunnels to
// one, and its synchronisation has no room for it (ip_vs_ctl.c,
// ip_vs_genl_set_cmd).
func (b *builder) mixed(e *entry, vs VirtualServer, rs RealServer) bool {
	what := fmt.Sprintf("%s is an %s address and %s an %s service", rs.Address.Addr(), familyName(rs.Address.Addr().Is6()), keyWords(vs.Key), familyName(vs.Key.Is6()))
	switch {
	case rs.Forward != lvs.TUN:
		b.contradict(e, `write forward = "tun", or a virtual server for each family`, "%s, and only forward tun gets from one to the other", what)
	case b.d.syncs():
		b.contradict(e, "use servers of the same family, or leave [ipvs.sync] out", "%s, which the kernel refuses beside connection synchronisation", what)
	default:
		return true
	}
	return false
}

// selfRule judges a director that is a real server itself. What another director
// sends it comes to the address of the service, and its own table would send it on
// again. A service by a mark that we set is not looked up by address, and what comes
// from another director gets no mark.
func (b *builder) selfRule(t serverTable, e *entry, d Director, rs RealServer) bool {
	what := fmt.Sprintf("%s is director %s itself", rs.Address.Addr(), d.Name)
	if rs.Forward == lvs.NAT {
		b.contradict(e, "use a machine that is no director, or forward dr",
			"%s: while another director is master, its replies would not come back through that one", what)
		return false
	}
	for _, vs := range t.services {
		if vs.Key.FWMark == 0 || len(vs.Match) == 0 {
			b.contradict(e, "write the virtual server with fwmark and match, or use a machine that is no director",
				"%s: with forward %s its own table would send the packets on again", what, rs.Forward)
			return false
		}
	}
	return true
}

// unwise warns of what the kernel takes and hardly anybody means.
func (b *builder) unwise(e *entry, vs VirtualServer, rs RealServer) {
	fallback := vs.Flags&lvs.FlagSched1 != 0
	if rs.Weight == 0 && e.ok("weight") && (vs.Scheduler == "dh" || vs.Scheduler == "sh" && !fallback) {
		// Both give it a share of the clients all the same (ip_vs_sh.c, ip_vs_dh.c).
		b.note(&b.warnings, e.get("weight"), "leave the server out, or use a scheduler that passes over it",
			fmt.Sprintf("0, but %s refuses the clients of a server of weight 0", vs.Scheduler))
	}
	port := rs.Address.Port()
	if len(vs.Match) == 0 || vs.Persistence == 0 || rs.Forward != lvs.NAT || port == 0 {
		return
	}
	if !slices.ContainsFunc(vs.Match, func(k lvs.Key) bool { return k.Address.Port() == port }) {
		// ip_vs_core.c, ip_vs_sched_persist.
		b.note(&b.warnings, e.get("address"), "have the server listen where the clients connect, or leave out persistence",
			fmt.Sprintf("with a mark and persistence the kernel keeps the client's port: %d is what checks connect to, no more", port))
	}
}

// thresholdRules judge by ip_vs_ctl.c, ip_vs_add_dest.
func (b *builder) thresholdRules(e *entry, rs RealServer) {
	if rs.Lower <= rs.Upper || !e.ok("max_connections", "min_connections") {
		return
	}
	if rs.Upper == 0 {
		b.contradict(e.get("min_connections"), "write max_connections", "has no meaning without max_connections")
		return
	}
	b.contradict(e.get("min_connections"), "", "%d is more than max_connections, %d", rs.Lower, rs.Upper)
}

// tunnelRules judge an encapsulation; used tells whether anything is tunnelled.
func (b *builder) tunnelRules(e *entry, used bool) {
	if !e.table || !e.ok("type", "port", "checksum") {
		return
	}
	t, port, sum := tunnelOf(e), e.get("port"), e.get("checksum")
	kind, form := tunnelTypes[t.Type], tunnelChecksums[t.Flags]
	switch {
	case !used:
		b.contradict(e, `write forward = "tun", or leave it out`, "has no meaning without forward tun")
	case kind == "gue" && t.Port == 0:
		b.contradict(port, "write port = 6080, or what the real servers listen on", "is missing: gue goes to a UDP port")
	case kind != "gue" && t.Port != 0:
		b.contradict(port, `leave it out, or write type = "gue"`, "%d, but %s has no port", t.Port, kind)
	case kind == "ipip" && form != "none", kind == "gre" && form == "remcsum":
		b.contradict(sum, "", "%s, but %s has no such checksum", form, kind)
	}
}

// checkPortRule refuses a check that has no port to connect to.
func (b *builder) checkPortRule(e *entry, rs RealServer) {
	for _, c := range rs.Checks {
		if c.Kind != check.Exec && c.Target.Port() == 0 {
			b.contradict(e, fmt.Sprintf("write one, as in %q, or a port for the check", netip.AddrPortFrom(rs.Address.Addr(), 80)),
				"%s has no port, which its check of kind %s needs", rs.Address.Addr(), c.Kind)
			return
		}
	}
}

// sorryRules judge the sorry server like a real server.
func (b *builder) sorryRules(t serverTable, addresses map[netip.AddrPort]bool) {
	e, vs := t.at.get("sorry_server"), t.services[0]
	if vs.Sorry == nil || e.bad {
		return
	}
	if addresses[vs.Sorry.Address] {
		b.contradict(e, "", "%s is a real server: what takes over when they are down is another one", endpointText(vs.Sorry.Address))
		return
	}
	b.reachRules(t, e, *vs.Sorry)
}

// masqueradeRules refuse masquerade where packets keep the client's address.
func (b *builder) masqueradeRules(t serverTable) {
	e, vs := t.at.get("masquerade"), t.services[0]
	if !vs.Masquerade || !t.at.ok("forward") {
		return
	}
	for _, rs := range withSorry(vs) {
		if rs.Forward != lvs.NAT && rs.Forward != "" {
			b.contradict(e, `write forward = "nat"`, "is for forward nat, and %s has %s", rs.Name, rs.Forward)
			return
		}
	}
}

// gateway is an address that real servers of its subnet can route through.
type gateway struct {
	subnet netip.Prefix
	name   string // "192.168.33.90 of inside"
}

// gatewaysOf lists every address of each group that has neighbours in its subnet.
func (d Deployment) gatewaysOf() map[string][]gateway {
	all := map[string][]gateway{}
	for _, r := range d.VirtualRouters {
		for _, a := range r.Addresses {
			if a.Prefix.IsSingleIP() {
				continue
			}
			all[r.Group] = append(all[r.Group], gateway{a.Prefix.Masked(), fmt.Sprintf("%s of %s", a.Prefix.Addr(), r.Name)})
		}
	}
	return all
}

// gatewayRule finds the gateway of a nat server: replies must pass the master,
// so the server's default route is the one virtual address in its subnet that
// moves together with the service.
func (b *builder) gatewayRule(e *entry, vs VirtualServer, rs RealServer) bool {
	router, known := b.routerNamed(vs.VirtualRouter)
	if !known || !b.routersOK {
		return true
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
		return true
	default:
		b.contradict(e, "keep one of them in the group",
			"%d addresses of group %s have %s in their subnet, and only one can be its gateway: %s", len(list), router.Group, rs.Address.Addr(), strings.Join(list, ", "))
	}
	return false
}
