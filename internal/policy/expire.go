package policy

import (
	"hash/fnv"
	"net/netip"
	"slices"

	"failover/check"
	"failover/conf"
	"failover/lvs"
)

// Rule: with on_server_down = "expire" the connections of a server that its checks
// have found down are given to servers that are up: the next packet of a flow of UDP
// is answered by another one, and a client of TCP gets a reset from a server that
// does not know the connection, instead of silence. Only the verdict of the checks
// does that, never the operator: who drains wants connections to live. Which server
// gets a connection depends on nothing but the client and the list of servers, so
// that both directors choose the same.

// Expiry is one service whose servers are down, with those that take over.
type Expiry struct {
	Service conf.VirtualServer
	Down    []netip.AddrPort
	Takers  []lvs.Server // of the kernel's table, with weight, in its order
}

// Expiring lists the services whose connections have to move. A server counts when
// it is down and the kernel's table gives it no new connections any more.
func Expiring(w *World) []Expiry {
	var list []Expiry
	var have map[lvs.Key]*entries
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		if !vs.ExpireDown || !slices.ContainsFunc(vs.Servers, func(rs conf.RealServer) bool { return Standing(w, vs, &rs) == check.Down }) {
			continue
		}
		if have == nil {
			have = inKernel(w)
		}
		there := have[vs.Key]
		e := Expiry{Service: *vs, Takers: there.takers()}
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			if Standing(w, vs, rs) == check.Down && !there.takesThere(rs.Address) {
				e.Down = append(e.Down, rs.Address)
			}
		}
		if len(e.Down) > 0 && len(e.Takers) > 0 {
			list = append(list, e)
		}
	}
	return list
}

// takers are the servers that take connections, in the kernel's order.
func (e *entries) takers() (list []lvs.Server) {
	if e == nil {
		return nil
	}
	for _, s := range e.servers {
		if s.Weight > 0 {
			list = append(list, s)
		}
	}
	return list
}

// MoveOf tells where a connection moves, if it is one that has to.
func MoveOf(list []Expiry, c lvs.Conn) (lvs.Move, bool) {
	if c.Template {
		return lvs.Move{}, false // it binds nobody to a server that is not there
	}
	if c.Protocol == lvs.TCP && c.State != "ESTABLISHED" && c.State != "SYN_RECV" {
		return lvs.Move{}, false // it is at its end
	}
	for _, e := range list {
		if !e.has(c) || !slices.ContainsFunc(e.Down, func(a netip.AddrPort) bool { return reaches(a, c.Server) }) {
			continue
		}
		h := fnv.New32a()
		_, _ = h.Write(c.Client.Addr().AsSlice()) // a hash does not fail
		_, _ = h.Write([]byte{byte(c.Client.Port() >> 8), byte(c.Client.Port())})
		return lvs.Move{Conn: c, To: pick(e.Takers, h.Sum32()), FWMark: e.Service.Key.FWMark}, true
	}
	return lvs.Move{}, false
}

// has tells whether a connection is one of the service. Of a service by mark that
// somebody else sets all connections to its servers are taken for its own.
func (e Expiry) has(c lvs.Conn) bool {
	is := func(k lvs.Key) bool { return k.Protocol == c.Protocol && reaches(k.Address, c.Virtual) }
	if e.Service.Key.FWMark == 0 {
		return is(e.Service.Key)
	}
	return len(e.Service.Match) == 0 || slices.ContainsFunc(e.Service.Match, is)
}

// reaches tells whether an address and port is what a connection has; port 0 is
// every port.
func reaches(a, has netip.AddrPort) bool {
	return a.Addr() == has.Addr() && (a.Port() == has.Port() || a.Port() == 0)
}

// pick chooses one of the servers by their weights.
func pick(takers []lvs.Server, n uint32) lvs.Server {
	sum := 0
	for _, s := range takers {
		sum += s.Weight
	}
	left := int(uint64(n) % uint64(sum))
	for _, s := range takers {
		if left -= s.Weight; left < 0 {
			return s
		}
	}
	return takers[0]
}
