package policy

import (
	"slices"

	"failover/conf"
	"failover/internal/host"
	"failover/lvs"
)

// Rule: the machine gets just the settings that the configuration needs, and
// the guard covers every configured service whether this director is master or
// not, because the addresses may arrive at any moment. A service that should have
// a server that takes connections refuses none, whatever the kernel's entry has
// at the moment; one that is down by its checks does.

// settings is what the machine needs for this configuration and table.
func settings(w World, t lvs.Table) host.Desired {
	d := host.Desired{Guard: guard(w.Node)}
	for _, s := range t.Services {
		if slices.Contains(d.Guard.Services, s.Key) && slices.ContainsFunc(s.Servers, takes) {
			d.Guard.Refusals = append(d.Guard.Refusals, s.Key)
		}
	}
	if len(w.Node.Servers) > 0 {
		d.Modules = append(d.Modules, "ip_vs")
	}
	if w.Node.Daemon.ManageSysctl {
		d.Sysctls = sysctls(w.Node)
	}
	return d
}

func sysctls(n conf.Node) map[string]string {
	s := make(map[string]string)
	for _, g := range n.Groups {
		for _, r := range g.Routers {
			if r.IPv6() {
				continue // it has no secondary addresses
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
	}
	if len(n.Servers) == 0 {
		return s
	}
	// Replies of nat servers and requests to servers of any kind pass through.
	s["net.ipv4.ip_forward"] = "1"
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
	return s
}

// takes tells whether a server may be given connections without end: one with a
// threshold turns them away when it is full, and its clients are to know.
func takes(s lvs.Server) bool { return s.Weight > 0 && s.Upper == 0 }

func guard(n conf.Node) host.Guard {
	var g host.Guard
	for _, group := range n.Groups {
		for _, r := range group.Routers {
			for _, a := range r.Addresses {
				if r.NoAccept {
					g.Closed = append(g.Closed, a.Prefix.Addr())
				}
			}
		}
	}
	for _, vs := range n.Servers {
		// IPVS hands a packet for a server on this very machine on to the local
		// stack: behind IPVS it cannot be told from one that was not handled.
		if slices.ContainsFunc(vs.Servers, func(rs conf.RealServer) bool {
			return slices.Contains(n.Addresses, rs.Address.Addr())
		}) {
			g.Here = append(g.Here, vs.Key)
		} else {
			g.Services = append(g.Services, vs.Key)
		}
		for _, rs := range withSorry(vs) {
			reply := lvs.Key{Protocol: vs.Key.Protocol, Address: rs.Address}
			if rs.Forward == lvs.NAT && !slices.Contains(g.Replies, reply) {
				g.Replies = append(g.Replies, reply)
			}
		}
	}
	return g
}
