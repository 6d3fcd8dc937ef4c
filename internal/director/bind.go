package director

import (
	"context"
	"slices"
	"sync"

	"failover/internal/policy"
	"failover/lvs"
)

// binder binds connections to servers that have come into the kernel's table after
// them.
type binder struct {
	d *Director

	mu      sync.Mutex
	added   []lvs.Op
	running bool
}

// hear learns what was done to the kernel's table. It does not wait.
func (x *binder) hear(done []lvs.Op) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, op := range done {
		if policy.Binds(op) {
			x.added = append(x.added, op)
		}
	}
	if len(x.added) > 0 && !x.running {
		x.running = true
		x.d.running.Go(func() { x.run(x.d.ctx) })
	}
}

// next are the operations that came since; with none of them it is over.
func (x *binder) next() []lvs.Op {
	x.mu.Lock()
	defer x.mu.Unlock()
	added := x.added
	x.added, x.running = nil, len(added) > 0
	return added
}

func (x *binder) run(ctx context.Context) {
	for added := x.next(); added != nil; added = x.next() {
		switch n, err := x.bind(ctx, added); {
		case ctx.Err() != nil:
		case err != nil:
			x.d.log.Warn("connections that were known before their servers are not bound to them", "error", err)
		case n > 0:
			x.d.log.Info("connections bound to servers that have come after them", "connections", n, "servers", len(added))
		}
	}
}

// bind tells the backup daemon of the connections to servers that have come.
func (x *binder) bind(ctx context.Context, added []lvs.Op) (n int, err error) {
	s := x.d.joiner.table(ctx)
	if s == nil || s.table == nil {
		return 0, ctx.Err()
	}
	i := slices.IndexFunc(s.world.Node.Sync, func(y lvs.Sync) bool { return y.Role == lvs.SyncBackup })
	b, some := policy.NewBinding(s.world.Node, added)
	if i < 0 || !some {
		return 0, nil // without synchronisation there is nothing that came before them
	}
	var moves []lvs.Move
	if err := x.d.o.Parts.Connections.Each(ctx, func(c lvs.Conn) {
		if m, is := b.Move(c); is {
			moves = append(moves, m)
		}
	}); err != nil {
		return 0, err
	}
	return len(moves), tell(ctx, x.d.o.Parts.Connections.Tell, s.world.Node.Sync[i], moves)
}
