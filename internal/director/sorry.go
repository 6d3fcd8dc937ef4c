package director

import (
	"context"
	"maps"
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
	for _, vs := range tables(s.world.Node) {
		if vs.Sorry == nil {
			continue
		}
		if !sorryLeaves(s.world, vs, has) {
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
		if sorryBusy(s.world.Node, vs, stats) {
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

// sorryLeaves tells whether the sorry server of a table is in the kernel's and not
// needed any more.
func sorryLeaves(w policy.World, vs conf.VirtualServer, has map[lvs.Key][]lvs.Server) bool {
	if policy.Sorry(w, vs) {
		return false
	}
	for _, s := range w.Node.Servers {
		if _, in := weightIn(has[s.Key], *vs.Sorry); in && s.Name == vs.Name {
			return true
		}
	}
	return false
}

// sorryBusy tells whether it has connections, in any service of the table.
func sorryBusy(n conf.Node, vs conf.VirtualServer, stats lvs.Stats) bool {
	for _, s := range n.Servers {
		has := stats.Servers[s.Key][lvs.ServerID(vs.Sorry.Address.String())]
		if s.Name == vs.Name && (has.Active > 0 || s.Key.Protocol != lvs.TCP && s.Key.Protocol != lvs.SCTP && has.Inactive > 0) {
			return true
		}
	}
	return false
}
