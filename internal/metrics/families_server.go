package metrics

var serverFamilies = []Family{
	{"failover_check_up", Gauge, []string{"virtual_server", "real_server"},
		"1 when the checks of the real server say up, 0 when they say down; absent before the first verdict and for a server without checks",
		eachReal(func(vs string, r *RealServer, put sample) {
			if r.Up != nil {
				put(truth(*r.Up), vs, r.Name)
			}
		})},
	{"failover_check_duration_seconds", Gauge, []string{"virtual_server", "real_server"},
		"How long the newest probe of the real server took",
		eachReal(func(vs string, r *RealServer, put sample) {
			if r.Took > 0 {
				put(r.Took.Seconds(), vs, r.Name)
			}
		})},
	{"failover_quorum_up", Gauge, []string{"virtual_server"},
		"1 while enough real servers are up for the virtual server to serve",
		eachVirtual(func(vs *VirtualServer, put sample) { put(truth(vs.QuorumUp), vs.Name) })},
}

var tableFamilies = []Family{
	{"failover_ipvs_connections_total", Counter, []string{"virtual_server"},
		"Connections that the kernel scheduled",
		eachTraffic(func(name string, t *Traffic, put sample) { put(float64(t.Connections), name) })},
	{"failover_ipvs_packets_total", Counter, []string{"virtual_server", "direction"},
		"Packets of the virtual server; direction is in or out, and out stays 0 where replies do not pass the director (dr, tun)",
		eachTraffic(func(name string, t *Traffic, put sample) {
			put(float64(t.PacketsIn), name, "in")
			put(float64(t.PacketsOut), name, "out")
		})},
	{"failover_ipvs_bytes_total", Counter, []string{"virtual_server", "direction"},
		"Bytes of the virtual server, IP headers included; direction as for packets",
		eachTraffic(func(name string, t *Traffic, put sample) {
			put(float64(t.BytesIn), name, "in")
			put(float64(t.BytesOut), name, "out")
		})},
	{"failover_ipvs_weight", Gauge, []string{"virtual_server", "real_server"},
		"Weight of the real server in the kernel's table; absent while it is not in the table",
		eachReal(func(vs string, r *RealServer, put sample) {
			if r.Weight != nil {
				put(float64(*r.Weight), vs, r.Name)
			}
		})},
	{"failover_ipvs_real_server_connections_total", Counter, []string{"virtual_server", "real_server"},
		"Connections that the kernel scheduled to the real server since it entered the table",
		eachActive(func(vs, rs string, a *Activity, put sample) { put(float64(a.Connections), vs, rs) })},
	{"failover_ipvs_active_connections", Gauge, []string{"virtual_server", "real_server"},
		"Connections to the real server that are established, those learned from the other director included",
		eachActive(func(vs, rs string, a *Activity, put sample) { put(float64(a.Active), vs, rs) })},
	{"failover_ipvs_inactive_connections", Gauge, []string{"virtual_server", "real_server"},
		"Connections to the real server in any other state, and all of UDP",
		eachActive(func(vs, rs string, a *Activity, put sample) { put(float64(a.Inactive), vs, rs) })},
	{"failover_reconcile_operations_total", Counter, []string{"op"},
		"Changes made to the kernel's table by the director process, by kind",
		func(s *Snapshot, put sample) { byName(s.Reconcile.Operations, put) }},
	{"failover_reconcile_repairs_total", Counter, nil,
		"Those of the changes that put back what somebody else had changed",
		func(s *Snapshot, put sample) { put(float64(s.Reconcile.Repairs)) }},
	{"failover_reconcile_errors_total", Counter, nil,
		"Changes of the kernel's table that failed, and readings of it; each is tried again",
		func(s *Snapshot, put sample) { put(float64(s.Reconcile.Errors)) }},
}

// eachVirtual goes through the virtual servers in the order of the file.
func eachVirtual(f func(*VirtualServer, sample)) func(*Snapshot, sample) {
	return func(s *Snapshot, put sample) {
		for i := range s.Servers {
			f(&s.Servers[i], put)
		}
	}
}

func eachTraffic(f func(name string, t *Traffic, put sample)) func(*Snapshot, sample) {
	return eachVirtual(func(vs *VirtualServer, put sample) {
		if vs.Traffic != nil {
			f(vs.Name, vs.Traffic, put)
		}
	})
}

func eachReal(f func(vs string, r *RealServer, put sample)) func(*Snapshot, sample) {
	return eachVirtual(func(vs *VirtualServer, put sample) {
		for i := range vs.Servers {
			f(vs.Name, &vs.Servers[i], put)
		}
	})
}

func eachActive(f func(vs, rs string, a *Activity, put sample)) func(*Snapshot, sample) {
	return eachReal(func(vs string, r *RealServer, put sample) {
		if r.Activity != nil {
			f(vs, r.Name, r.Activity, put)
		}
	})
}
