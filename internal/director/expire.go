package director

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"failover/internal/policy"
	"failover/lvs"
)

// expireLook is how often it is looked whether connections have to move.
const expireLook = 500 * time.Millisecond

// expireAgain is when connections are looked for again after a server was found
// down: a neighbour that was master may have told of more, and a datagram to the
// daemon may have been lost.
var expireAgain = []time.Duration{0, 2 * time.Second, 10 * time.Second}

// down is a server of a service that is down.
type down struct {
	service lvs.Key
	server  netip.AddrPort
}

// expirer moves the connections of servers that are down to others.
type expirer struct {
	d     *Director
	since map[down]time.Time // when it was found
	done  map[down]int       // how often its connections have been moved
}

// watchDown moves connections as servers go down.
func (d *Director) watchDown(ctx context.Context) {
	look := time.NewTicker(expireLook)
	defer look.Stop()
	x := expirer{d: d, since: map[down]time.Time{}, done: map[down]int{}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if s := d.shown.Load(); s != nil && s.table != nil {
			x.look(s.world, time.Now())
		}
	}
}

// look moves the connections that are due.
func (x *expirer) look(w policy.World, now time.Time) {
	i := slices.IndexFunc(w.Node.Sync, func(s lvs.Sync) bool { return s.Role == lvs.SyncBackup })
	if i < 0 {
		return // the configuration says so: nothing expires without
	}
	list := policy.Expiring(&w)
	due := x.due(list, now)
	if len(due) == 0 {
		return
	}
	var moves []lvs.Move
	if err := x.d.o.Parts.Connections.Each(x.d.ctx, func(c lvs.Conn) {
		if m, is := policy.MoveOf(due, c); is {
			moves = append(moves, m)
		}
	}); err != nil {
		x.d.log.Warn("connections of servers that are down", "error", err)
		return // tried again at the next look
	}
	if len(moves) > 0 {
		if err := tell(x.d.ctx, x.d.o.Parts.Connections.Tell, w.Node.Sync[i], moves); err != nil {
			x.d.log.Warn("connections of servers that are down", "error", err)
			return
		}
		x.d.log.Info("connections moved from servers that are down", "connections", len(moves), "virtual_server", due[0].Service.Name)
	}
	for _, e := range due {
		for _, a := range e.Down {
			x.done[down{e.Service.Key, a}]++
		}
	}
}

// due keeps of the services those with servers whose time has come, and forgets the
// servers that are not down any more.
func (x *expirer) due(list []policy.Expiry, now time.Time) []policy.Expiry {
	var due []policy.Expiry
	seen := map[down]bool{}
	for _, e := range list {
		ready := e
		ready.Down = nil
		for _, a := range e.Down {
			id := down{e.Service.Key, a}
			seen[id] = true
			if x.since[id].IsZero() {
				x.since[id] = now
			}
			if n := x.done[id]; n < len(expireAgain) && now.Sub(x.since[id]) >= expireAgain[n] {
				ready.Down = append(ready.Down, a)
			}
		}
		if len(ready.Down) > 0 {
			due = append(due, ready)
		}
	}
	for id := range x.since {
		if !seen[id] {
			delete(x.since, id)
			delete(x.done, id)
		}
	}
	return due
}
