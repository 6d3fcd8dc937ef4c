package director

import (
	"net/netip"
	"runtime"

	"failover/check"
	"failover/conf"
	"failover/internal/metrics"
	"failover/internal/policy"
	"failover/lvs"
	"failover/vrrp"
)

// snapshot writes the facts as metrics. What is not known is left out.
func snapshot(f facts) metrics.Snapshot {
	s := metrics.Snapshot{
		Version: f.version, GoVersion: runtime.Version(), Digest: f.world.Node.Digest,
		Problems:  len(report(f).Problems),
		Engine:    engineMetrics(f),
		Reconcile: metrics.Reconcile{Operations: make(map[string]uint64), Repairs: f.counts.repairs, Errors: f.counts.errors},
		Reloads: metrics.Reloads{
			Succeeded: f.counts.reloads, Failed: f.counts.refused,
			LastFailed: f.counts.lastRefused, LastSuccess: f.counts.lastReload,
		},
	}
	s.Pair = pairMetrics(f)
	for _, kind := range opKinds {
		s.Reconcile.Operations[string(kind)] = f.counts.operations[kind]
	}
	s.Tracks = trackMetrics(f)
	seen := map[string]bool{}
	for _, vs := range f.world.Node.Servers {
		m := serverMetrics(f, vs)
		m.Again = seen[vs.Name]
		seen[vs.Name] = true
		s.Servers = append(s.Servers, m)
	}
	return s
}

func engineMetrics(f facts) *metrics.Engine {
	if f.engine == nil {
		return nil
	}
	e := &metrics.Engine{DirectorStarts: f.engine.DirectorStarts, Unmatched: f.engine.Unmatched}
	for _, g := range f.world.Node.Groups {
		group := metrics.Group{Name: g.Name}
		for _, r := range g.Routers {
			// One that is leaving has the name of another configuration, or of none.
			if st, ok := f.routerStatus(r.Name); ok {
				group.Routers = append(group.Routers, routerMetrics(f, st))
				group.LateWakeups = max(group.LateWakeups, st.LateWakeups) // of the group, the same in each
			}
		}
		if len(group.Routers) > 0 {
			e.Groups = append(e.Groups, group)
		}
	}
	return e
}

func routerMetrics(f facts, st vrrp.RouterStatus) metrics.Router {
	return metrics.Router{
		Name: st.Name, State: string(st.State), Priority: int(st.EffectivePriority), HoldsAddresses: st.HoldsAddresses,
		Transitions: st.Transitions, Sent: st.AdvertsSent, Received: st.AdvertsReceived, SendErrors: st.SendErrors,
		Rejected: everyName(vrrp.Rejects, st.AdvertsRejected), Mismatched: everyName(vrrp.Mismatches, st.Mismatches),
		Incompatible: incompatible(f, st), Rivals: rivals(f, st), OneSided: st.OneSided != "",
	}
}

// everyName fills counts up with the names that have none yet, so that a rate
// sees the first event too.
func everyName[T ~string](names []T, counts map[string]uint64) map[string]uint64 {
	all := make(map[string]uint64, len(names))
	for _, name := range names {
		all[string(name)] = 0
	}
	for name, n := range counts {
		all[name] = n
	}
	return all
}

func serverMetrics(f facts, vs conf.VirtualServer) metrics.VirtualServer {
	m := metrics.VirtualServer{
		Name: vs.Name, Service: service(vs), QuorumUp: policy.QuorumUp(&f.world, &vs), Available: policy.Available(&f.world, &vs),
	}
	if c, there := f.stats.Services[vs.Key]; there {
		m.Traffic = &metrics.Traffic{
			Connections: c.Connections, PacketsIn: c.PacketsIn, PacketsOut: c.PacketsOut,
			BytesIn: c.BytesIn, BytesOut: c.BytesOut,
		}
	}
	kernel, stats := f.kernelServers(vs.Key), f.stats.Servers[vs.Key]
	if vs.Sorry != nil {
		m.Sorry = new(kernel[vs.Sorry.Address].Weight > 0)
	}
	for _, rs := range vs.Servers {
		m.Servers = append(m.Servers, realMetrics(f, vs, rs, kernel, stats))
	}
	return m
}

func realMetrics(f facts, vs conf.VirtualServer, rs conf.RealServer, kernel map[netip.AddrPort]lvs.Server, stats map[lvs.ServerID]lvs.ServerStats) metrics.RealServer {
	m := metrics.RealServer{Name: rs.Name, Operator: string(f.world.Overrides[policy.CheckID(&vs, &rs)].Kind)}
	if standing := policy.Standing(&f.world, &vs, &rs); len(rs.Checks) > 0 && standing != check.Unknown {
		up := standing == check.Up
		m.Up, m.Took = &up, f.world.Verdicts[policy.CheckID(&vs, &rs)].Result.Took
	}
	if has, there := kernel[rs.Address]; there {
		m.Weight = &has.Weight
	}
	if st, there := stats[lvs.ServerID(rs.Address.String())]; there {
		m.Activity = &metrics.Activity{Connections: st.Connections, Active: st.Active, Inactive: st.Inactive, Persistent: st.Persistent}
	}
	return m
}

// pairMetrics is what is known by the peer link; nil where none is configured.
func pairMetrics(f facts) *metrics.Pair {
	if !f.link.wanted {
		return nil
	}
	p := &metrics.Pair{InSync: inSync(f), Reachable: map[string]bool{}, Refused: f.link.refused, Disagreements: map[string]int{}}
	for _, o := range f.world.Others {
		p.Disagreements[o.Director] = len(differing(f, o.Director))
	}
	for name, v := range f.link.views {
		p.Reachable[name] = v.Reachable
	}
	return p
}
