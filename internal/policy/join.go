package policy

import (
	"net/netip"

	"failover/conf"
	"failover/lvs"
)

// Rule: a director that comes to a pair is given the connections that the master has,
// all of them: the kernel's synchronisation never speaks of one that is idle. At its
// start it does not become master before it has them, or [JoinPatience] has passed;
// later it does, because a neighbour that has gone has to be replaced. What is passed
// on are established connections, flows of UDP, and what persistence binds to a
// server; what is at its beginning or its end is over before it could matter. A
// connection to a server that this director's table does not have is left out.

// Joining finds for each connection of another director the entry it is to have here.
type Joining struct {
	exact map[lvs.Key]*conf.VirtualServer // by address
	marks []*conf.VirtualServer           // by firewall mark
}

// NewJoining goes by a node's virtual servers.
func NewJoining(n conf.Node) Joining {
	j := Joining{exact: make(map[lvs.Key]*conf.VirtualServer, len(n.Servers))}
	for i := range n.Servers {
		vs := &n.Servers[i]
		if vs.Key.FWMark != 0 {
			j.marks = append(j.marks, vs)
			continue
		}
		j.exact[vs.Key] = vs
	}
	return j
}

// Move is the connection with the server that it has, as this director forwards to it.
func (j Joining) Move(c lvs.Conn) (lvs.Move, bool) {
	if !c.Template && c.Protocol != lvs.UDP && c.State != "ESTABLISHED" {
		return lvs.Move{}, false
	}
	for _, vs := range j.services(c) {
		if rs, is := serverOf(vs, c.Server); is {
			return lvs.Move{Conn: c, To: lvs.Server{Address: c.Server, Forward: rs.Forward}, FWMark: vs.Key.FWMark}, true
		}
	}
	return lvs.Move{}, false
}

// services are those that a connection may belong to, the likely one first.
func (j Joining) services(c lvs.Conn) (list []*conf.VirtualServer) {
	for _, port := range []uint16{c.Virtual.Port(), 0} {
		if vs := j.exact[lvs.Key{Protocol: c.Protocol, Address: netip.AddrPortFrom(c.Virtual.Addr(), port)}]; vs != nil {
			return append(list, vs)
		}
	}
	for _, vs := range j.marks {
		switch {
		case c.Template && c.Virtual.Addr().Is4():
			b := c.Virtual.Addr().As4()
			if mark := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]); mark == vs.Key.FWMark {
				list = append(list, vs)
			}
		case !c.Template && (Expiry{Service: *vs}).has(c):
			list = append(list, vs)
		}
	}
	return list
}

// serverOf is the real server of a service that is at an address, the sorry server
// among them.
func serverOf(vs *conf.VirtualServer, has netip.AddrPort) (conf.RealServer, bool) {
	for rs := range withSorry(vs) {
		if at(rs.Address, has) {
			return *rs, true
		}
	}
	return conf.RealServer{}, false
}
