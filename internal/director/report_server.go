package director

import (
	"fmt"
	"net/netip"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/policy"
	"failover/lvs"
)

func virtualServers(f facts) []api.VirtualServer {
	list := []api.VirtualServer{}
	for _, vs := range f.world.Node.Servers {
		list = append(list, virtualServer(f, vs))
	}
	return list
}

func virtualServer(f facts, vs conf.VirtualServer) api.VirtualServer {
	c := f.stats.Services[vs.Key]
	v := named(vs)
	v.Scheduler, v.Forward, v.RealServers = vs.Scheduler, string(vs.Forward), []api.RealServer{}
	v.Connections, v.PacketsIn, v.PacketsOut, v.BytesIn, v.BytesOut = c.Connections, c.PacketsIn, c.PacketsOut, c.BytesIn, c.BytesOut
	v.Quorum, v.QuorumWeight, v.QuorumNeeded = "down", policy.Available(&f.world, &vs), policy.Needed(&f.world, &vs)
	if policy.QuorumUp(&f.world, &vs) {
		v.Quorum = "up"
	}
	v.Notify = serverNotify(f, vs)
	kernel := f.kernelServers(vs.Key)
	if vs.Sorry != nil {
		v.SorryServer, v.Sorry = vs.Sorry.Address.String(), kernel[vs.Sorry.Address].Weight > 0
	}
	for _, rs := range vs.Servers {
		v.RealServers = append(v.RealServers, realServer(f, vs, rs, kernel))
	}
	return v
}

// named is a virtual server's name and the kernel's service.
func named(vs conf.VirtualServer) api.VirtualServer {
	v := api.VirtualServer{Name: vs.Name, Protocol: string(vs.Key.Protocol), FWMark: int(vs.Key.FWMark), Family: "ipv4"}
	if v.FWMark == 0 {
		v.Address = vs.Key.Address.String()
	}
	if vs.Key.Is6() {
		v.Family = "ipv6"
	}
	return v
}

// service names the kernel's service, as status does.
func service(vs conf.VirtualServer) string { return named(vs).Service() }

func realServer(f facts, vs conf.VirtualServer, rs conf.RealServer, kernel map[netip.AddrPort]lvs.Server) api.RealServer {
	r := api.RealServer{
		Name: rs.Name, Address: rs.Address.String(), ConfiguredWeight: rs.Weight,
		Check: string(policy.Standing(&f.world, &vs, &rs)),
	}
	r.Disputed = f.world.Disputes.Open[policy.CheckID(&vs, &rs)].Counts
	operatorSaid(f.world.Overrides[policy.CheckID(&vs, &rs)], &r)
	if v, ok := f.world.Verdicts[policy.CheckID(&vs, &rs)]; ok {
		r.CheckDetail, r.Since = checkDetail(v.Result), v.Since.UTC().Truncate(time.Millisecond)
	} else if len(rs.Checks) == 0 {
		r.CheckDetail = "no check"
	}
	if has, there := kernel[rs.Address]; there {
		r.KernelWeight, r.MaxConnections, r.MinConnections = &has.Weight, has.Upper, has.Lower
	}
	st := f.stats.Servers[vs.Key][lvs.ServerID(rs.Address.String())]
	r.ActiveConnections, r.InactiveConnections, r.PersistentClients = st.Active, st.Inactive, st.Persistent
	return r
}

// operatorSaid puts the operator's word into a real server's status.
func operatorSaid(o policy.Override, r *api.RealServer) {
	r.Operator, r.OperatorSince, r.Drained, r.DrainForced = string(o.Kind), o.Since, o.Drained, o.Forced
	if o.Kind == policy.Weigh {
		r.OperatorWeight = &o.Weight
	}
}

func checkDetail(r check.Result) string {
	if !r.OK || r.Took == 0 {
		return r.Detail
	}
	return fmt.Sprintf("%s in %s", r.Detail, r.Took.Round(100*time.Microsecond))
}

// kernelServers are the servers the kernel had when it was last read.
func (f facts) kernelServers(k lvs.Key) map[netip.AddrPort]lvs.Server {
	m := make(map[netip.AddrPort]lvs.Server)
	for _, s := range f.kernel[k] {
		m[s.Address] = s
	}
	return m
}
