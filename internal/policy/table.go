package policy

import (
	"failover/check"
	"failover/conf"
	"failover/lvs"
)

// Rule: a real server is in the table with its configured weight while its
// checks say up, and out of it otherwise; a server without checks is always up.
// Under mh a server that is down stays with weight 0, because taking it out
// would move other servers' clients (net/netfilter/ipvs/ip_vs_mh.c fills its
// table from the list of servers).

// table is the IPVS table that the configuration and the verdicts ask for.
func table(w World) lvs.Table {
	t := lvs.Table{Sync: w.Node.Sync}
	for _, vs := range w.Node.Servers {
		t.Services = append(t.Services, service(w, vs))
	}
	return t
}

func service(w World, vs conf.VirtualServer) lvs.Service {
	s := lvs.Service{Key: vs.Key, Scheduler: vs.Scheduler, Flags: vs.Flags}
	for _, rs := range vs.Servers {
		server := lvs.Server{Address: rs.Address, Forward: rs.Forward, Weight: rs.Weight, ConfiguredWeight: rs.Weight}
		switch {
		case Standing(w, vs, rs) == check.Up:
		case Quiesces(vs):
			server.Weight = 0
		default:
			continue
		}
		s.Servers = append(s.Servers, server)
	}
	return s
}

// Quiesces tells whether a real server that is down stays in the table with
// weight 0 instead of leaving it.
func Quiesces(vs conf.VirtualServer) bool { return vs.Scheduler == "mh" }

// CheckID names the checks of a real server.
func CheckID(vs conf.VirtualServer, rs conf.RealServer) check.ID {
	return check.ID{VirtualServer: vs.Name + "/" + string(vs.Key.Protocol), RealServer: rs.Name}
}

// Standing is what the checks say of a real server.
func Standing(w World, vs conf.VirtualServer, rs conf.RealServer) check.Status {
	if len(rs.Checks) == 0 {
		return check.Up
	}
	if v, ok := w.Verdicts[CheckID(vs, rs)]; ok {
		return v.Status
	}
	return check.Unknown
}

// QuorumUp tells whether a virtual server has enough weight up to serve: at
// least 1.
func QuorumUp(w World, vs conf.VirtualServer) bool {
	sum := 0
	for _, rs := range vs.Servers {
		if Standing(w, vs, rs) == check.Up {
			sum += rs.Weight
		}
	}
	return sum >= 1
}
