package metrics

import (
	"maps"
	"slices"
)

var routerFamilies = []Family{
	{"failover_vrrp_state", Gauge, []string{"router", "state"},
		"1 for the state the virtual router is in on this director, 0 for the others: init, backup, master, fault",
		eachRouter(func(r *Router, put sample) {
			for _, state := range States {
				put(truth(r.State == state), r.Name, state)
			}
		})},
	{"failover_vrrp_priority", Gauge, []string{"router"},
		"The priority this director advertises: the configured one changed by its health, 0 while it hands over",
		eachRouter(func(r *Router, put sample) { put(float64(r.Priority), r.Name) })},
	{"failover_vrrp_addresses_held", Gauge, []string{"router"},
		"1 while this director has all addresses of the group; a master without them serves nobody",
		eachRouter(func(r *Router, put sample) { put(truth(r.HoldsAddresses), r.Name) })},
	{"failover_vrrp_transitions_total", Counter, []string{"router"},
		"Changes of state",
		eachRouter(func(r *Router, put sample) { put(float64(r.Transitions), r.Name) })},
	{"failover_vrrp_adverts_sent_total", Counter, []string{"router"},
		"Adverts sent",
		eachRouter(func(r *Router, put sample) { put(float64(r.Sent), r.Name) })},
	{"failover_vrrp_adverts_received_total", Counter, []string{"router"},
		"Adverts received and accepted",
		eachRouter(func(r *Router, put sample) { put(float64(r.Received), r.Name) })},
	{"failover_vrrp_adverts_rejected_total", Counter, []string{"router", "reason"},
		"Adverts discarded, by the first check of RFC 9568 section 7.1 that they failed",
		eachRouter(func(r *Router, put sample) { byName(r.Rejected, put, r.Name) })},
	{"failover_vrrp_adverts_mismatched_total", Counter, []string{"router", "mismatch"},
		"Adverts accepted although they differ from this director's configuration, by what differs",
		eachRouter(func(r *Router, put sample) { byName(r.Mismatched, put, r.Name) })},
	{"failover_vrrp_incompatible_neighbours", Gauge, []string{"router"},
		"Neighbours that are alive and have another version, authentication, interval of version 2, list of addresses or form of checksum; status says which",
		eachRouter(func(r *Router, put sample) { put(float64(r.Incompatible), r.Name) })},
	{"failover_vrrp_rival_masters", Gauge, []string{"router"},
		"Neighbours that go on as master while this director is master and outranks them: two masters, now",
		eachRouter(func(r *Router, put sample) { put(float64(r.Rivals), r.Name) })},
	{"failover_vrrp_one_sided_silence", Gauge, []string{"router"},
		"1 while this backup hears no advert on the router though it hears the master on another one of its group",
		eachRouter(func(r *Router, put sample) { put(truth(r.OneSided), r.Name) })},
	{"failover_vrrp_advert_send_errors_total", Counter, []string{"router"},
		"Adverts that the kernel did not take",
		eachRouter(func(r *Router, put sample) { put(float64(r.SendErrors), r.Name) })},
	{"failover_vrrp_unmatched_adverts_total", Counter, []string{"interface", "reason"},
		"Packets of VRRP that belong to no virtual router of this director: of a VRID it does not have on the interface, or no adverts at all",
		func(s *Snapshot, put sample) {
			if s.Engine == nil {
				return
			}
			for _, iface := range slices.Sorted(maps.Keys(s.Engine.Unmatched)) {
				byName(s.Engine.Unmatched[iface], put, iface)
			}
		}},
	{"failover_vrrp_late_wakeups_total", Counter, []string{"group"},
		"Timers of the group noticed late by more than 10 ms or a tenth of the advert interval: the machine is short of CPU, or was frozen",
		func(s *Snapshot, put sample) {
			if s.Engine == nil {
				return
			}
			for _, g := range s.Engine.Groups {
				put(float64(g.LateWakeups), g.Name)
			}
		}},
	{"failover_track_up", Gauge, []string{"router", "kind", "name"},
		"1 when the tracked object is well, 0 when it fails; absent before the first verdict",
		func(s *Snapshot, put sample) {
			for _, t := range s.Tracks {
				if t.Up != nil {
					put(truth(*t.Up), t.Router, t.Kind, t.Name)
				}
			}
		}},
}

// eachRouter goes through the routers in the order of the file.
func eachRouter(f func(*Router, sample)) func(*Snapshot, sample) {
	return func(s *Snapshot, put sample) {
		if s.Engine == nil {
			return
		}
		for i := range s.Engine.Groups {
			routers := s.Engine.Groups[i].Routers
			for j := range routers {
				f(&routers[j], put)
			}
		}
	}
}

// byName puts a count for each name after the labels that all have.
func byName(counts map[string]uint64, put sample, labels ...string) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		put(float64(counts[name]), append(labels[:len(labels):len(labels)], name)...)
	}
}
