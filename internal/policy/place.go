package policy

import (
	"failover/check"
	"failover/conf"
	"failover/lvs"
)

// Rule: a real server is in the table with its weight while its checks say up,
// and otherwise out of it, or in it with weight 0 where its virtual server
// quiesces (on_failure); a server without checks is always up. Under mh a server
// never leaves, because taking it out would move other servers' clients
// (net/netfilter/ipvs/ip_vs_mh.c fills its table from the list of servers).
// docs/servers.md has every case; the test reads it.

// members are the servers of one service: those of the file in its order, then
// the sorry server. there is the service in the kernel's table.
func members(w *World, vs *conf.VirtualServer, there *entries) []lvs.Server {
	var list []lvs.Server
	if len(vs.Servers) > 0 {
		list = make([]lvs.Server, 0, len(vs.Servers))
	}
	below := Sorry(w, vs)
	silent := len(w.Overrides)+len(w.Disputes.Open) == 0 // nearly always
	for j := range vs.Servers {
		rs := &vs.Servers[j]
		if silent && !below && Standing(w, vs, rs) == check.Up {
			list = append(list, entry(rs, rs.Weight))
		} else if s, in := place(w, vs, rs, below); in {
			list = append(list, s)
		}
	}
	if weight, in := sorryWeight(w, vs, below, there); in {
		list = append(list, entry(vs.Sorry, weight))
	}
	return list
}

// place is where one real server stands, if it is in the table at all; below: the
// sorry server takes the connections.
func place(w *World, vs *conf.VirtualServer, rs *conf.RealServer, below bool) (s lvs.Server, in bool) {
	weight := wantedWeight(w, vs, rs)
	up, mh := inForce(w, vs, rs) == check.Up, vs.Scheduler == "mh"
	switch {
	case override(w, vs, rs).out() && !mh, !up && !Quiesces(vs) && !lingers(w, vs, rs):
		return lvs.Server{}, false
	case below && !Skips(vs):
		return lvs.Server{}, false
	case !up, below, override(w, vs, rs).out():
		weight = 0
	}
	s = entry(rs, weight)
	if o := override(w, vs, rs); o.Kind == Weigh && o.Weight > 0 {
		s.ConfiguredWeight = o.Weight
	}
	return s, true
}

// InTable tells whether a real server belongs into the table, be it with weight 0.
func InTable(w *World, vs *conf.VirtualServer, rs *conf.RealServer) bool {
	_, in := place(w, vs, rs, Sorry(w, vs))
	return in
}

// entry is a real server as the table has it.
func entry(rs *conf.RealServer, weight int) lvs.Server {
	return lvs.Server{
		Address: rs.Address, Forward: rs.Forward, Weight: weight, ConfiguredWeight: rs.Weight,
		Upper: rs.Upper, Lower: rs.Lower, Tunnel: rs.Tunnel,
	}
}

// Quiesces tells whether a real server that is down stays in the table with
// weight 0 instead of leaving it.
func Quiesces(vs *conf.VirtualServer) bool { return vs.Scheduler == "mh" || vs.Quiesce }

// Skips tells whether the scheduler gives the clients of a server of weight 0 to
// another one. Without their fallback flag sh and mh do not, and dh never does
// (net/netfilter/ipvs/ip_vs_sh.c, ip_vs_mh.c, ip_vs_dh.c): they refuse them.
func Skips(vs *conf.VirtualServer) bool {
	switch vs.Scheduler {
	case "sh", "mh":
		return vs.Flags&lvs.FlagSched1 != 0
	case "dh":
		return false
	}
	return true
}
