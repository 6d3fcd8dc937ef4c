package policy

import (
	"failover/check"
	"failover/conf"
	"failover/lvs"
)

// table is the IPVS table that the configuration and the verdicts ask for.
func table(w World) lvs.Table {
	t := lvs.Table{Sync: w.Node.Sync}
	for _, vs := range w.Node.Servers {
		t.Services = append(t.Services, service(w, vs))
	}
	return t
}

func service(w World, vs conf.VirtualServer) lvs.Service {
	return lvs.Service{Key: vs.Key, Scheduler: vs.Scheduler, Flags: vs.Flags, Servers: members(w, vs)}
}

// CheckID names a real server: its checks, and what the operator says of it. The
// services of one table share them.
func CheckID(vs conf.VirtualServer, rs conf.RealServer) check.ID {
	return check.ID{VirtualServer: vs.Name, RealServer: rs.Name}
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
