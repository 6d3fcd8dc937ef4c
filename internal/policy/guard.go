package policy

import (
	"net/netip"
	"slices"

	"failover/conf"
	"failover/internal/host"
	"failover/lvs"
)

// Rule: the guard covers every configured service whether this director is master
// or not, because the addresses may arrive at any moment. A service that should
// have a server that takes connections refuses none, whatever the kernel's entry
// has at the moment; one that is down by its checks does.

// takes tells whether a server may be given connections without end: one with a
// threshold turns them away when it is full, and its clients are to know.
func takes(s lvs.Server) bool { return s.Weight > 0 && s.Upper == 0 }

// served is what clients of a service connect to, as far as that is known: not
// where somebody else sets its mark.
func served(vs *conf.VirtualServer) []lvs.Key {
	if vs.Key.FWMark != 0 {
		return vs.Match
	}
	return []lvs.Key{vs.Key}
}

// here tells whether a real server of the service is this director itself.
func here(n conf.Node, vs *conf.VirtualServer) bool {
	return anyOf(vs, func(rs *conf.RealServer) bool {
		return slices.Contains(n.Addresses, rs.Address.Addr())
	})
}

// guard is what packets must not pass, by the table that is wanted.
func guard(n conf.Node, t lvs.Table) host.Guard {
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
	known := map[lvs.Key]bool{}
	for i := range n.Servers {
		vs := &n.Servers[i]
		keys := served(vs)
		switch {
		// IPVS hands a packet for a server on this very machine on to the local
		// stack: behind IPVS it cannot be told from one that was not handled.
		case here(n, vs):
			g.Here = append(g.Here, keys...)
		case len(keys) == 0:
			g.Marked = append(g.Marked, vs.Key)
		default:
			g.Services = append(g.Services, keys...)
			if slices.ContainsFunc(t.Services[i].Servers, takes) {
				g.Refusals = append(g.Refusals, keys...)
			}
		}
		for _, reply := range replies(vs) {
			if !known[reply] {
				known[reply] = true
				g.Replies = append(g.Replies, reply)
			}
		}
	}
	return g
}

// replies are where the answers of a service's nat servers come from. A server
// without a port answers from the client's; where that is not known either there
// is none, because the server's own connections pass here too.
func replies(vs *conf.VirtualServer) []lvs.Key {
	keys := served(vs)
	if len(keys) == 0 {
		for _, p := range []lvs.Protocol{lvs.TCP, lvs.UDP, lvs.SCTP} {
			keys = append(keys, lvs.Key{Protocol: p})
		}
	}
	var list []lvs.Key
	for rs := range withSorry(vs) {
		for _, k := range keys {
			port := rs.Address.Port()
			if port == 0 {
				port = k.Address.Port()
			}
			if rs.Forward == lvs.NAT && port != 0 {
				list = append(list, lvs.Key{Protocol: k.Protocol, Address: netip.AddrPortFrom(rs.Address.Addr(), port)})
			}
		}
	}
	return list
}

// Rule: what carries the mark of a service is marked by us where the file says
// what that is. Where a real server of such a service is this director itself, what
// another director sends it is not marked: it has been balanced, and would be sent
// back. That is the one way to have a director for a real server: a service by
// address is looked up in every packet that comes to the address.

func marks(n conf.Node) host.Marks {
	var m host.Marks
	for i := range n.Servers {
		vs := &n.Servers[i]
		if vs.Key.FWMark == 0 {
			continue
		}
		for _, k := range vs.Match {
			m.Services = append(m.Services, host.Mark{Service: k, Mark: vs.Key.FWMark})
		}
		if len(m.Directors) > 0 || len(vs.Match) == 0 || !here(n, vs) {
			continue
		}
		for _, other := range n.Peers {
			m.Directors = append(m.Directors, other.Addresses...)
		}
	}
	return m
}

// Rule: masquerade is for the nat servers of the services that have it.

func masquerades(n conf.Node) []host.Masquerade {
	var list []host.Masquerade
	for i := range n.Servers {
		vs := &n.Servers[i]
		if !vs.Masquerade {
			continue
		}
		for rs := range withSorry(vs) {
			if rs.Forward == lvs.NAT {
				list = append(list, host.Masquerade{Service: vs.Key, Server: rs.Address.Addr()})
			}
		}
	}
	return list
}
