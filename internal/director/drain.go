package director

import (
	"context"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/policy"
)

// drainLook is how often the connections of servers that are drained are counted.
const drainLook = time.Second

// watchDrains brings drains to their end.
func (d *Director) watchDrains(ctx context.Context) {
	look := time.NewTicker(drainLook)
	defer look.Stop()
	calm := map[check.ID]time.Time{} // since when nothing has been left
	leaves := map[string]*leave{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		for id, o := range d.overrides.now() {
			if !o.Draining() {
				delete(calm, id)
				continue
			}
			d.lookAtDrain(ctx, id, o, calm)
		}
		d.lookAtSorry(ctx, leaves)
	}
}

// lookAtDrain ends one drain where it is over.
func (d *Director) lookAtDrain(ctx context.Context, id check.ID, o policy.Override, calm map[check.ID]time.Time) {
	s := d.shown.Load()
	if s == nil || s.table == nil {
		return
	}
	stats, err := s.table.counters(ctx)
	if err != nil {
		return // status says so
	}
	now := time.Now()
	left := policy.LeftOf(s.world.Node, id.VirtualServer, id.RealServer, stats)
	if !left.Nothing(o) || s.world.Overrides[id] != o {
		delete(calm, id) // or the table has not heard of it yet
	} else if calm[id].IsZero() {
		calm[id] = now
	}
	var still time.Duration
	if since, is := calm[id]; is {
		still = now.Sub(since)
	}
	over, forced := policy.DrainOver(o, left, still, drainTimeout(s.world.Node, id), now)
	if !over {
		return
	}
	err = d.overrides.change(func(all map[check.ID]policy.Override) {
		if all[id] == o { // else the operator has said something new meanwhile
			o.Drained, o.Forced = true, forced
			all[id] = o
		}
	})
	if err != nil {
		d.log.Error("a drain is over", "virtual_server", id.VirtualServer, "real_server", id.RealServer, "error", err)
		return
	}
	d.log.Info("drained", "virtual_server", id.VirtualServer, "real_server", id.RealServer, "took", now.Sub(o.Since).Round(time.Second),
		"connections_left", left.Connections, "persistent_clients_left", left.Clients)
	d.box.look()
}

// drainTimeout is how long a drain of a real server may take; 0: for ever.
func drainTimeout(n conf.Node, id check.ID) time.Duration {
	for _, vs := range n.Servers {
		if vs.Name == id.VirtualServer {
			return vs.DrainTimeout
		}
	}
	return 0
}
