package policy

import (
	"net/netip"
	"slices"

	"failover/conf"
	"failover/lvs"
)

// Rule: a connection that the kernel was told of before its table had the server stays
// without one when the server comes; only another message binds it
// (net/netfilter/ipvs/ip_vs_sync.c, ip_vs_proc_conn). By nat and direct routing it works
// all the same. The packets of a tunnel are dropped (ip_vs_xmit.c, __ip_vs_get_out_rt),
// and what persistence binds a client to counts for nothing (ip_vs_conn.c,
// ip_vs_check_template). So of these the kernel is told once more when their server has
// come: a machine that boots is given the connections before its checks have found the
// servers, and so is one whose own way to a server was cut.

// Binding finds the connections that are to be bound to servers which have just come.
type Binding struct {
	joining Joining
	servers []lvs.Op
}

// NewBinding is for operations that were carried out on a node's table; false: none of
// them added a server that matters.
func NewBinding(n conf.Node, done []lvs.Op) (Binding, bool) {
	b := Binding{joining: NewJoining(n)}
	for _, op := range done {
		if Binds(op) {
			b.servers = append(b.servers, op)
		}
	}
	return b, len(b.servers) > 0
}

// Binds tells whether an operation adds a server that connections may have to be bound
// to.
func Binds(op lvs.Op) bool {
	return op.Kind == lvs.AddServer && (op.Server.Forward == lvs.TUN || op.Service.Flags&lvs.FlagPersistent != 0)
}

// Move is the connection with the server that it has; false: it works as it is.
func (b Binding) Move(c lvs.Conn) (lvs.Move, bool) {
	if !slices.ContainsFunc(b.servers, func(op lvs.Op) bool {
		return (c.Template || op.Server.Forward == lvs.TUN) && at(op.Server.Address, c.Server)
	}) {
		return lvs.Move{}, false
	}
	return b.joining.Move(c)
}

// at tells whether a connection's server is the one at this address; where one of them
// has no port, by the address alone.
func at(server, has netip.AddrPort) bool {
	return reaches(server, has) || has.Port() == 0 && server.Addr() == has.Addr()
}
