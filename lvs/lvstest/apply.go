package lvstest

import (
	"fmt"
	"slices"

	"failover/lvs"
)

// apply carries one operation out or refuses it as Linux does.
func (k *Kernel) apply(op lvs.Op) error {
	switch op.Kind {
	case lvs.AddService, lvs.SetService, lvs.DelService:
		return k.applyService(op)
	case lvs.AddServer, lvs.SetServer, lvs.DelServer:
		return k.applyServer(op)
	case lvs.StartSync, lvs.StopSync:
		return k.applySync(op)
	case lvs.SetTimeouts:
		k.applyTimeouts(op.Timeouts)
		return nil
	case lvs.Zero:
		k.zero(op.Service.Key)
		return nil
	}
	panic("lvstest: unknown operation " + string(op.Kind))
}

func (k *Kernel) applyService(op lvs.Op) error {
	s := k.find(op.Service.Key)
	if op.Kind == lvs.AddService && s != nil {
		return lvs.ErrExists // EEXIST
	}
	if op.Kind != lvs.AddService && s == nil {
		return lvs.ErrNotFound // ESRCH
	}
	if op.Kind == lvs.DelService {
		k.services = slices.DeleteFunc(k.services, func(o *service) bool { return o == s })
		return nil
	}
	if !slices.Contains(Schedulers, op.Service.Scheduler) {
		return fmt.Errorf("%w: %s", lvs.ErrScheduler, op.Service.Scheduler) // ENOENT
	}
	if s == nil {
		s = &service{}
		k.services = append(k.services, s)
	}
	s.attributes = op.Service
	s.attributes.Servers = nil
	return nil
}

func (k *Kernel) applyServer(op lvs.Op) error {
	s := k.find(op.Service.Key)
	if s == nil {
		return lvs.ErrNotFound // ESRCH
	}
	i := s.index(op.Server.Address)
	switch {
	case op.Kind == lvs.AddServer && i >= 0:
		return lvs.ErrExists // EEXIST
	case op.Kind != lvs.AddServer && i < 0:
		return lvs.ErrNotFound // ENOENT
	case op.Kind == lvs.DelServer:
		s.list = slices.Delete(s.list, i, i+1)
		return nil
	case op.Server.Weight < 0, op.Server.Lower > op.Server.Upper:
		return errInvalid // ERANGE
	case mixed(s.attributes.Key, op.Server) && (op.Server.Forward != lvs.TUN || len(k.daemons) > 0):
		return errInvalid // EINVAL
	case op.Server.Forward == lvs.TUN && op.Server.Tunnel.Type == lvs.TunnelGUE && op.Server.Tunnel.Port == 0:
		return errInvalid // EINVAL
	}
	r := server{Server: op.Server, lastWeight: op.Server.Weight}
	r.ConfiguredWeight = 0 // not in any kernel
	if op.Kind == lvs.AddServer {
		s.list = slices.Insert(s.list, 0, r)
		return nil
	}
	if r.Weight == 0 {
		r.lastWeight = s.list[i].lastWeight
	}
	s.list[i] = r
	return nil
}

func (k *Kernel) applySync(op lvs.Op) error {
	i := slices.IndexFunc(k.daemons, func(s lvs.Sync) bool { return s.Role == op.Sync.Role })
	switch {
	case op.Kind == lvs.StartSync && i >= 0:
		return lvs.ErrExists // EEXIST
	case op.Kind == lvs.StartSync && k.mixed():
		return errInvalid // EINVAL
	case op.Kind == lvs.StartSync:
		k.daemons = append(k.daemons, op.Sync)
	case i < 0:
		return lvs.ErrNotFound // ESRCH
	default:
		k.daemons = slices.Delete(k.daemons, i, i+1)
	}
	return nil
}

// mixed tells whether a server is of another family than its service, which the
// kernel carries through tunnels only, and never together with a sync daemon.
func mixed(key lvs.Key, r lvs.Server) bool { return r.Address.Addr().Is6() != key.Is6() }

func (k *Kernel) mixed() bool {
	for _, s := range k.services {
		if slices.ContainsFunc(s.list, func(r server) bool { return mixed(s.attributes.Key, r.Server) }) {
			return true
		}
	}
	return false
}

func (k *Kernel) applyTimeouts(t lvs.Timeouts) {
	for _, one := range []struct{ from, to *uint32 }{
		{&t.TCP, &k.timeouts.TCP}, {&t.TCPFin, &k.timeouts.TCPFin}, {&t.UDP, &k.timeouts.UDP},
	} {
		if *one.from != 0 {
			*one.to = *one.from
		}
	}
}

// zero resets the counters of one service, or of all without a key. Connections
// are no counters: they stay.
func (k *Kernel) zero(key lvs.Key) {
	all := key == (lvs.Key{})
	for other := range k.stats.Services {
		if all || other == key {
			k.stats.Services[other] = lvs.Counters{}
		}
	}
	for other, servers := range k.stats.Servers {
		for id, s := range servers {
			if all || other == key {
				servers[id] = lvs.ServerStats{Active: s.Active, Inactive: s.Inactive}
			}
		}
	}
}
