package policy

import (
	"net/netip"
	"slices"

	"failover/conf"
	"failover/lvs"
	"failover/vrrp"
)

// Rule: a sysctl is set where the configuration needs it, and is not where it does
// not. Each stands here with its reason.

func sysctls(n conf.Node) map[string]string {
	s := make(map[string]string)
	for _, g := range n.Groups {
		for _, r := range g.Routers {
			routerSysctls(s, r)
		}
	}
	if len(n.Servers) == 0 {
		return s
	}
	forwarding(s, n)
	// A connection whose server has left the table for a moment, a repair, a
	// restart, lives on instead of being cut (Documentation/networking/ipvs-sysctl).
	s["net.ipv4.vs.expire_nodest_conn"] = "0"
	if len(n.Sync) > 0 {
		// Sync a connection with its first packet, and again every ten seconds, so
		// that a young connection is on the other side within a second or two and a
		// slow one is refreshed before it expires there.
		s["net.ipv4.vs.sync_threshold"] = "0 0"
		s["net.ipv4.vs.sync_refresh_period"] = "10"
	}
	if len(n.Sync) > 1 {
		// It switches the balancing off wherever the role of a backup runs
		// (ip_vs_core.c, sysctl_backup_only), and both run on a master too.
		s["net.ipv4.vs.backup_only"] = "0"
	}
	if slices.ContainsFunc(n.Servers, func(vs conf.VirtualServer) bool { return vs.Masquerade }) {
		// IPVS hides its packets from connection tracking otherwise, which is what
		// replaces their source (ip_vs_xmit.c, ip_vs_nat_send_or_cont).
		s["net.ipv4.vs.conntrack"] = "1"
	}
	for i := range n.Servers {
		vs := &n.Servers[i]
		// What another director sends to a server here comes by the inside, from clients
		// that are outside. 2 asks but for a route to them by any interface, and the
		// larger one of this and the machine's own counts (IN_DEV_RPFILTER).
		if name := inward(n, vs); name != "" {
			s["net.ipv4.conf."+name+".rp_filter"] = "2"
		}
	}
	if stateless(n) {
		// A connection that this director has no entry of is found its server again, by
		// a packet in its middle (ip_vs_proto_tcp.c, tcp_conn_schedule) and by an ICMP
		// error about it (ip_vs_core.c, ip_vs_in_icmp): every director's table maps it
		// alike. One service of another kind forbids it: its lost connections would be
		// given to any server, which resets them.
		s["net.ipv4.vs.sloppy_tcp"] = "1"
		s["net.ipv4.vs.schedule_icmp"] = "1"
	}
	return s
}

// inward is the interface by which a real server by dr on this director gets its
// packets; empty where there is none, or its subnet is not one of the file.
func inward(n conf.Node, vs *conf.VirtualServer) string {
	for rs := range withSorry(vs) {
		a := rs.Address.Addr()
		if rs.Forward == lvs.DR && a.Is4() && slices.Contains(n.Addresses, a) {
			return interfaceWith(n, func(p netip.Prefix) bool { return p.Masked().Contains(a) })
		}
	}
	return ""
}

// stateless tells whether every service can find the server of a connection
// without an entry: the scheduler is a function of the client and the list of
// servers (mh), and the server needs no translation back. UDP has no middle.
func stateless(n conf.Node) bool {
	tcp := 0
	for i := range n.Servers {
		vs := &n.Servers[i]
		if !slices.ContainsFunc(served(vs), func(k lvs.Key) bool { return k.Protocol == lvs.TCP }) && len(served(vs)) > 0 {
			continue
		}
		tcp++
		nat := anyOf(vs, func(rs *conf.RealServer) bool { return rs.Forward == lvs.NAT })
		if vs.Scheduler != "mh" || nat {
			return false
		}
	}
	return tcp > 0
}

// routerSysctls are what a virtual router needs.
func routerSysctls(s map[string]string, r vrrp.RouterConfig) {
	if r.IPv6() {
		return // it has no secondary addresses
	}
	// Without it the kernel deletes every other address of the subnet along with
	// the primary one (net/ipv4/devinet.c, __inet_del_ifa), also when a lease ends.
	for _, name := range r.Interfaces() {
		s["net.ipv4.conf."+name+".promote_secondaries"] = "1"
	}
	if r.OtherOwner {
		// Its adverts come from an address that is local while this director stands in;
		// the kernel drops those unheard (net/ipv4/fib_frontend.c, fib_validate_source).
		s["net.ipv4.conf."+r.Interface+".accept_local"] = "1"
	}
	if r.VirtualMAC {
		// What is on the device above it, it neither answers for nor speaks of: in an
		// ARP request of its own it would say that the address is at its own MAC address
		// (net/ipv4/arp.c, arp_ignore and arp_solicit).
		s["net.ipv4.conf."+r.Interface+".arp_ignore"] = "1"
		s["net.ipv4.conf."+r.Interface+".arp_announce"] = "2"
	}
}

// forwarding has replies of nat servers pass through, by the interfaces that the
// virtual addresses are on. Requests need none: IPVS sends them as the machine's
// own (ip_vs_xmit.c, NF_INET_LOCAL_OUT).
func forwarding(s map[string]string, n conf.Node) {
	for _, v6 := range []bool{false, true} {
		if !slices.ContainsFunc(n.Servers, func(vs conf.VirtualServer) bool { return natOf(&vs, v6) }) {
			continue
		}
		family := "ipv4"
		if v6 {
			family = "ipv6"
			s["net.ipv6.conf.all.forwarding"] = "1"
		} else {
			s["net.ipv4.ip_forward"] = "1"
		}
		for _, g := range n.Groups {
			for _, r := range g.Routers {
				if r.IPv6() != v6 {
					continue
				}
				for _, name := range r.Interfaces() {
					s["net."+family+".conf."+name+".forwarding"] = "1"
				}
			}
		}
	}
	for _, name := range oneArmed(n) {
		// The kernel would tell a server, in an ICMP redirect, to answer the client
		// directly, and so untranslated (net/ipv4/ip_forward.c). One of the two settings
		// suffices for that (IN_DEV_TX_REDIRECTS); other interfaces go by their own.
		s["net.ipv4.conf.all.send_redirects"] = "0"
		s["net.ipv4.conf."+name+".send_redirects"] = "0"
	}
}

// natOf tells whether the service has nat servers of the family.
func natOf(vs *conf.VirtualServer, v6 bool) bool {
	return anyOf(vs, func(rs *conf.RealServer) bool {
		return rs.Forward == lvs.NAT && rs.Address.Addr().Is6() == v6
	})
}

// oneArmed are the interfaces with both a service of IPv4 and one of its nat
// servers. (Of IPv6 the kernel knows no such switch.)
func oneArmed(n conf.Node) []string {
	var list []string
	for i := range n.Servers {
		vs := &n.Servers[i]
		if !natOf(vs, false) {
			continue
		}
		for _, k := range served(vs) {
			outside := interfaceWith(n, func(p netip.Prefix) bool { return p.Addr() == k.Address.Addr() })
			for rs := range withSorry(vs) {
				inside := interfaceWith(n, func(p netip.Prefix) bool { return p.Masked().Contains(rs.Address.Addr()) })
				if rs.Forward == lvs.NAT && outside != "" && inside == outside && !slices.Contains(list, inside) {
					list = append(list, inside)
				}
			}
		}
	}
	return list
}

// interfaceWith is the interface of the first virtual address that is so; empty:
// none is.
func interfaceWith(n conf.Node, is func(netip.Prefix) bool) string {
	for _, g := range n.Groups {
		for _, r := range g.Routers {
			for _, a := range r.Addresses {
				if !is(a.Prefix) {
					continue
				}
				if a.Interface != "" {
					return a.Interface
				}
				return r.Interface
			}
		}
	}
	return ""
}
