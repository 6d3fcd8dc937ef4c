package vrrp

import "slices"

// configure changes the configuration of a running group. The role and the
// timers stay; a router whose VRID, interface, transport,
// version or family changed, or that is
// new, starts afresh, and one that is gone is resigned from at once, without
// waiting: the group goes on.
func (s *step) configure(c GroupConfig, links []RouterLink) {
	old, before := s.Config, s.Routers
	s.Config, s.Routers = c, make([]Router, len(c.Routers))
	kept := make([]bool, len(before))
	for i, rc := range c.Routers {
		j := slices.IndexFunc(old.Routers, func(o RouterConfig) bool { return o.Name == rc.Name })
		if j < 0 || !sameRouter(old.Routers[j], rc) {
			s.Routers[i] = newRouter(rc)
			s.join(i)
			continue
		}
		kept[j] = true
		s.Routers[i] = before[j]
		if s.State == Master && !equalRouter(old.Routers[j], rc) {
			s.Routers[i].AdvertAt = s.now // what changed is in the adverts, or how they travel
		}
	}
	for j := range before {
		if s.State == Master && !kept[j] && before[j].Link.Usable {
			gone := old.Routers[j]
			if !gone.Source.IsValid() {
				gone.Source = before[j].Link.Source
			}
			s.emit(Output{Kind: OutputAdvert, Router: -1, Priority: priorityResign, Gone: &gone})
		}
	}
	s.links(links)
	s.announceChange()
}

// join starts a router in the role that its group has.
func (s *step) join(i int) {
	r := &s.Routers[i]
	switch s.State {
	case Master:
		r.AdvertAt = s.now
	case Backup:
		r.arm(s.now, s.masterDown(i, r.MasterInterval))
	}
}

// announceChange sends what a reload made due: on one router its new
// parameters, on all of them a new priority.
func (s *step) announceChange() {
	priority := EffectivePriority(s.Config.Priority, s.Health)
	all := priority != s.Priority
	s.Priority = priority
	if s.State != Master || !s.usable() {
		return
	}
	for i := range s.Routers {
		if all || s.Routers[i].AdvertAt <= s.now {
			s.send(i)
			s.Routers[i].AdvertAt = s.now.Add(s.interval(i))
		}
	}
}

// sameRouter tells whether a router is the same one to its neighbours.
func sameRouter(a, b RouterConfig) bool {
	return a.Interface == b.Interface && a.VRID == b.VRID && a.Transport == b.Transport &&
		a.version() == b.version() && a.IPv6() == b.IPv6()
}

// equalRouter tells whether two configurations of a router are equal.
func equalRouter(a, b RouterConfig) bool {
	return sameRouter(a, b) && a.Name == b.Name && a.Interval == b.Interval && a.Source == b.Source &&
		a.Checksum == b.Checksum && a.Auth == b.Auth && a.Lease == b.Lease &&
		a.VirtualMAC == b.VirtualMAC && slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.Peers, b.Peers) &&
		slices.Equal(a.Announce.Times, b.Announce.Times) && a.Announce.Refresh == b.Announce.Refresh
}
