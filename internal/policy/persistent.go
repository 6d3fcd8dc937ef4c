package policy

import (
	"failover/check"
	"failover/conf"
	"failover/lvs"
)

// Rule: a client that persistence binds to a server of weight 0 goes on to get its
// new connections there (net/netfilter/ipvs/ip_vs_conn.c, ip_vs_check_template):
// what a drain wants, and nobody where the server is down, or the operator said
// now. expire_quiescent_template ends that, for all services of the machine at
// once, so it is on only while there is such a server.

// forgetClients sets, by the table that is wanted, whether clients are to be taken from servers of weight 0 that
// they are bound to. Without persistent services nobody is.
func forgetClients(w *World, t lvs.Table, sysctls map[string]string) {
	const name = "net.ipv4.vs.expire_quiescent_template"
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		if vs.Flags&lvs.FlagPersistent == 0 && vs.Persistence == 0 {
			continue
		}
		if sysctls[name] == "" {
			sysctls[name] = "0"
		}
		place := &entries{servers: t.Services[i].Servers}
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			if weight, in := place.weight(rs.Address); in && weight == 0 && !mayReturn(w, vs, rs) {
				sysctls[name] = "1"
			}
		}
	}
}

// mayReturn tells whether the clients of a server of weight 0 may come back to it.
func mayReturn(w *World, vs *conf.VirtualServer, rs *conf.RealServer) bool {
	o := override(w, vs, rs)
	return Standing(w, vs, rs) == check.Up && !o.out() && !(o.Kind == Drain && o.Now)
}
