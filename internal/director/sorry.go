package director

import (
	"context"
	"maps"
	"slices"
	"time"

	"failover/conf"
	"failover/internal/policy"
	"failover/lvs"
)

// leave is a sorry server on its way out, with weight 0.
type leave struct {
	since time.Time
	calm  time.Time // since when it has had nothing left; zero: it has
}

// lookAtSorry tells the loop which of the sorry servers that are not needed any more
// have no connections left, or have had their time.
func (d *Director) lookAtSorry(ctx context.Context, leaves map[string]*leave) {
	s := d.shown.Load()
	if s == nil || s.table == nil {
		return
	}
	idle := map[string]bool{}
	now := time.Now()
	has := serversOf(s.world.Kernel)
	for services := range conf.ByTable(s.world.Node.Servers) {
		vs := services[0]
		if vs.Sorry == nil {
			continue
		}
		if policy.Sorry(&s.world, &vs) || !sorryStays(services, has) {
			delete(leaves, vs.Name)
			continue
		}
		stats, err := s.table.counters(ctx)
		if err != nil {
			return
		}
		l := leaves[vs.Name]
		if l == nil {
			l = &leave{since: now}
			leaves[vs.Name] = l
		}
		if sorryBusy(services, stats) {
			l.calm = time.Time{}
		} else if l.calm.IsZero() {
			l.calm = now
		}
		idle[vs.Name] = !l.calm.IsZero() && now.Sub(l.calm) >= policy.DrainCalm || now.Sub(l.since) >= policy.SorryLeave
	}
	maps.DeleteFunc(idle, func(_ string, is bool) bool { return !is })
	if !maps.Equal(idle, s.world.SorryIdle) {
		d.box.sorryIdle(idle)
	}
}

// sorryStays tells whether the sorry server of a table is still in the kernel's.
func sorryStays(services []conf.VirtualServer, has map[lvs.Key][]lvs.Server) bool {
	return slices.ContainsFunc(services, func(vs conf.VirtualServer) bool {
		_, in := weightIn(has[vs.Key], *vs.Sorry)
		return in
	})
}

// sorryBusy tells whether it has connections, in any service of the table.
func sorryBusy(services []conf.VirtualServer, stats lvs.Stats) bool {
	return slices.ContainsFunc(services, func(vs conf.VirtualServer) bool {
		has := stats.Servers[vs.Key][lvs.ServerID(vs.Sorry.Address.String())]
		return has.Active > 0 || vs.Key.Protocol != lvs.TCP && vs.Key.Protocol != lvs.SCTP && has.Inactive > 0
	})
}
