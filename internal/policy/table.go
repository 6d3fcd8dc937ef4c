package policy

import (
	"time"

	"failover/check"
	"failover/conf"
	"failover/lvs"
)

// table is the IPVS table that the configuration and the verdicts ask for: the
// services of the node, one by one.
func table(w *World) lvs.Table {
	t := lvs.Table{Sync: w.Node.Sync, Timeouts: Timeouts(w.Node.IPVS)}
	have := inKernel(w)
	t.Services = make([]lvs.Service, len(w.Node.Servers))
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		t.Services[i] = Service(vs)
		t.Services[i].Servers = members(w, vs, have[vs.Key])
	}
	return t
}

// Service is the kernel's entry of a virtual server, without real servers.
func Service(vs *conf.VirtualServer) lvs.Service {
	return lvs.Service{
		Key: vs.Key, Scheduler: vs.Scheduler, Flags: vs.Flags,
		Timeout: uint32(vs.Persistence / time.Second),
		Mask:    vs.PersistenceMask,
		Engine:  vs.PersistenceEngine,
	}
}

// Configured is the kernel's entry of a virtual server all of whose servers are
// up.
func Configured(vs *conf.VirtualServer) lvs.Service {
	s := Service(vs)
	for j := range vs.Servers {
		rs := &vs.Servers[j]
		s.Servers = append(s.Servers, entry(rs, rs.Weight))
	}
	return s
}

// ConfiguredTable is the table of a director all of whose servers are up.
func ConfiguredTable(n conf.Node) lvs.Table {
	t := lvs.Table{Sync: n.Sync, Timeouts: Timeouts(n.IPVS)}
	for i := range n.Servers {
		vs := &n.Servers[i]
		t.Services = append(t.Services, Configured(vs))
	}
	return t
}

// Timeouts are the kernel's timeouts that the configuration sets; 0 is as it is.
func Timeouts(i conf.IPVS) lvs.Timeouts {
	return lvs.Timeouts{
		TCP:    uint32(i.TCPTimeout / time.Second),
		TCPFin: uint32(i.TCPFinTimeout / time.Second),
		UDP:    uint32(i.UDPTimeout / time.Second),
	}
}

// CheckID names a real server: its checks, and what the operator says of it. The
// services of one table share them: a server is asked once, however many addresses
// and protocols lead to it.
func CheckID(vs *conf.VirtualServer, rs *conf.RealServer) check.ID {
	return check.ID{VirtualServer: vs.Name, RealServer: rs.Name}
}

// Standing is what the checks say of a real server.
func Standing(w *World, vs *conf.VirtualServer, rs *conf.RealServer) check.Status {
	if len(rs.Checks) == 0 {
		return check.Up
	}
	if v, ok := w.Verdicts[CheckID(vs, rs)]; ok {
		return v.Status
	}
	return check.Unknown
}
