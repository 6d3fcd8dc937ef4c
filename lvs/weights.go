package lvs

import "net/netip"

// lastWeights remember what the kernel does not tell: of servers under mh the last
// weight that was not 0. The scheduler builds its table from that (ip_vs_mh.c), so
// that two directors which have the same servers at weight 0 may send a client to
// different ones of the others.
type lastWeights struct {
	ours    Owned // as a predecessor left it; its services have the weights we give
	started bool
	known   map[Key]map[netip.AddrPort]int
}

// learn takes in a table that was read, and writes into it what is known: as the
// ConfiguredWeight of a server at weight 0 the weight that mh goes by; -1 where
// somebody else has made the service, so that nobody knows; 0 where it is ours from
// before.
func (w *lastWeights) learn(t *Table) {
	known := map[Key]map[netip.AddrPort]int{}
	for i, s := range t.Services {
		if s.Scheduler != "mh" {
			continue
		}
		before, now := w.known[s.Key], make(map[netip.AddrPort]int, len(s.Servers))
		known[s.Key] = now
		for j, r := range s.Servers {
			last, met := before[r.Address]
			switch {
			case r.Weight > 0:
				now[r.Address] = r.Weight
				continue
			case met:
				now[r.Address] = last
			case w.ours.Has(s.Key):
				last = 0
			default:
				last = -1
			}
			t.Services[i].Servers[j].ConfiguredWeight = last
		}
	}
	w.known = known
}

// apply notes an operation that was carried out.
func (w *lastWeights) apply(op Op) {
	if !op.ofServer() || op.Service.Scheduler != "mh" {
		return
	}
	servers := w.known[op.Service.Key]
	switch {
	case op.Kind == DelServer:
		delete(servers, op.Server.Address)
	case op.Server.Weight > 0:
		if servers == nil {
			servers = map[netip.AddrPort]int{}
			if w.known == nil {
				w.known = map[Key]map[netip.AddrPort]int{}
			}
			w.known[op.Service.Key] = servers
		}
		servers[op.Server.Address] = op.Server.Weight
	}
}

// began takes in the owned set that a predecessor left, once.
func (w *lastWeights) began(o Owned) {
	if !w.started {
		w.ours, w.started = o, true
	}
}
