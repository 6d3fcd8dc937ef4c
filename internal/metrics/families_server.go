package metrics

var serverFamilies = []Family{
	{"failover_check_up", Gauge, []string{"virtual_server", "real_server"},
		"1 when the checks of the real server say up, 0 when they say down; absent before the first verdict and for a server without checks",
		eachShared(func(vs *VirtualServer, r *RealServer, put sample) {
			if r.Up != nil {
				put(truth(*r.Up), vs.Name, r.Name)
			}
		})},
	{"failover_check_duration_seconds", Gauge, []string{"virtual_server", "real_server"},
		"How long the newest probe of the real server took",
		eachShared(func(vs *VirtualServer, r *RealServer, put sample) {
			if r.Took > 0 {
				put(r.Took.Seconds(), vs.Name, r.Name)
			}
		})},
	{"failover_operator", Gauge, []string{"virtual_server", "real_server", "operator"},
		"1 while the operator has the real server drained (drain), taken out (disable) or weighed (weight); absent otherwise",
		eachShared(func(vs *VirtualServer, r *RealServer, put sample) {
			if r.Operator != "" {
				put(1, vs.Name, r.Name, r.Operator)
			}
		})},
	{"failover_quorum_up", Gauge, []string{"virtual_server"},
		"1 while enough real servers are up for the virtual server to serve",
		eachTable(func(vs *VirtualServer, put sample) { put(truth(vs.QuorumUp), vs.Name) })},
	{"failover_quorum_weight", Gauge, []string{"virtual_server"},
		"Weight of the real servers that may take connections, by their checks and by the operator",
		eachTable(func(vs *VirtualServer, put sample) { put(float64(vs.Available), vs.Name) })},
}

var tableFamilies = []Family{
	{"failover_ipvs_connections_total", Counter, []string{"virtual_server", "service"},
		"Connections that the kernel scheduled",
		eachTraffic(func(vs *VirtualServer, put sample) { put(float64(vs.Traffic.Connections), vs.Name, vs.Service) })},
	{"failover_ipvs_packets_total", Counter, []string{"virtual_server", "service", "direction"},
		"Packets of the virtual server; direction is in or out, and out stays 0 where replies do not pass the director (dr, tun)",
		eachTraffic(func(vs *VirtualServer, put sample) {
			put(float64(vs.Traffic.PacketsIn), vs.Name, vs.Service, "in")
			put(float64(vs.Traffic.PacketsOut), vs.Name, vs.Service, "out")
		})},
	{"failover_ipvs_bytes_total", Counter, []string{"virtual_server", "service", "direction"},
		"Bytes of the virtual server, IP headers included; direction as for packets",
		eachTraffic(func(vs *VirtualServer, put sample) {
			put(float64(vs.Traffic.BytesIn), vs.Name, vs.Service, "in")
			put(float64(vs.Traffic.BytesOut), vs.Name, vs.Service, "out")
		})},
	{"failover_ipvs_weight", Gauge, []string{"virtual_server", "service", "real_server"},
		"Weight of the real server in the kernel's table; absent while it is not in the table",
		eachReal(func(vs *VirtualServer, r *RealServer, put sample) {
			if r.Weight != nil {
				put(float64(*r.Weight), vs.Name, vs.Service, r.Name)
			}
		})},
	{"failover_ipvs_real_server_connections_total", Counter, []string{"virtual_server", "service", "real_server"},
		"Connections that the kernel scheduled to the real server since it entered the table",
		eachActive(func(vs *VirtualServer, r *RealServer, put sample) {
			put(float64(r.Activity.Connections), vs.Name, vs.Service, r.Name)
		})},
	{"failover_ipvs_active_connections", Gauge, []string{"virtual_server", "service", "real_server"},
		"Connections to the real server that are established, those learned from the other director included",
		eachActive(func(vs *VirtualServer, r *RealServer, put sample) {
			put(float64(r.Activity.Active), vs.Name, vs.Service, r.Name)
		})},
	{"failover_ipvs_inactive_connections", Gauge, []string{"virtual_server", "service", "real_server"},
		"Connections to the real server in any other state, and all of UDP",
		eachActive(func(vs *VirtualServer, r *RealServer, put sample) {
			put(float64(r.Activity.Inactive), vs.Name, vs.Service, r.Name)
		})},
	{"failover_ipvs_persistent_clients", Gauge, []string{"virtual_server", "service", "real_server"},
		"Clients that persistence binds to the real server",
		eachActive(func(vs *VirtualServer, r *RealServer, put sample) {
			put(float64(r.Activity.Persistent), vs.Name, vs.Service, r.Name)
		})},
	{"failover_sorry_server_active", Gauge, []string{"virtual_server", "service"},
		"1 while the sorry server takes the connections of the service; absent where there is none",
		eachVirtual(func(vs *VirtualServer, put sample) {
			if vs.Sorry != nil {
				put(truth(*vs.Sorry), vs.Name, vs.Service)
			}
		})},
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

// eachVirtual goes through the services in the order of the file.
func eachVirtual(f func(*VirtualServer, sample)) func(*Snapshot, sample) {
	return func(s *Snapshot, put sample) {
		for i := range s.Servers {
			f(&s.Servers[i], put)
		}
	}
}

// eachTable goes through the tables of the file: of the services of one, the first.
func eachTable(f func(*VirtualServer, sample)) func(*Snapshot, sample) {
	return eachVirtual(func(vs *VirtualServer, put sample) {
		if !vs.Again {
			f(vs, put)
		}
	})
}

func eachTraffic(f func(*VirtualServer, sample)) func(*Snapshot, sample) {
	return eachVirtual(func(vs *VirtualServer, put sample) {
		if vs.Traffic != nil {
			f(vs, put)
		}
	})
}

// eachReal goes through the real servers of every service.
func eachReal(f func(*VirtualServer, *RealServer, sample)) func(*Snapshot, sample) {
	return eachVirtual(func(vs *VirtualServer, put sample) {
		for i := range vs.Servers {
			f(vs, &vs.Servers[i], put)
		}
	})
}

// eachShared goes through the real servers of every table: the services of one
// share their checks and what the operator says.
func eachShared(f func(*VirtualServer, *RealServer, sample)) func(*Snapshot, sample) {
	return eachTable(func(vs *VirtualServer, put sample) {
		for i := range vs.Servers {
			f(vs, &vs.Servers[i], put)
		}
	})
}

func eachActive(f func(*VirtualServer, *RealServer, sample)) func(*Snapshot, sample) {
	return eachReal(func(vs *VirtualServer, r *RealServer, put sample) {
		if r.Activity != nil {
			f(vs, r, put)
		}
	})
}
