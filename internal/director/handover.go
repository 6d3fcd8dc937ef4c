package director

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"failover/internal/pause"
	"failover/internal/policy"
	"failover/lvs"
	"failover/vrrp"
)

const (
	// handOverAgain is how soon the connections are looked at again during a hand-over:
	// between the successor's word and its announcement there are 25 ms.
	handOverAgain = 15 * time.Millisecond
	// handOverShare is how much longer than a look the time until the next one is, at
	// least: the kernel reads a large table slowly.
	handOverShare = 3
	// handOverMost is how many connections are told of in one look, the youngest first.
	handOverMost = 20_000
	// handOverEnd is what is left for it when the engine has gone.
	handOverEnd = 300 * time.Millisecond
)

// teller tells the other directors of the youngest connections while masterships are
// handed over, each once.
type teller struct {
	d *Director

	mu      sync.Mutex
	until   map[string]time.Time // by group
	running bool
}

// hear begins where a group is master no more.
func (x *teller) hear(t vrrp.Transition) {
	s := x.d.shown.Load()
	if t.From != vrrp.Master || t.To == vrrp.Master || s == nil || s.table == nil || !lvs.Tells(s.world.Node.Sync) {
		return
	}
	i := slices.IndexFunc(s.world.Node.Groups, func(g vrrp.GroupConfig) bool { return g.Name == t.Group })
	if i < 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.until[t.Group] = time.Now().Add(policy.HandOverLasts(s.world.Node.Groups[i], t.To))
	if !x.running {
		x.running = true
		x.d.running.Go(x.run)
	}
}

// groups are those that are being handed over; with none of them it is over.
func (x *teller) groups() (list []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for group, until := range x.until {
		if time.Now().Before(until) {
			list = append(list, group)
		} else {
			delete(x.until, group)
		}
	}
	x.running = len(list) > 0
	return list
}

// run tells until it is over. When the process is to end, which is when the engine has
// gone with our addresses, there is a last time.
func (x *teller) run() {
	told := map[connID]bool{}
	for ctx := x.d.ctx; ; {
		groups := x.groups()
		if groups == nil {
			break
		}
		begin := time.Now()
		err := x.tell(ctx, groups, told)
		if ctx.Err() == nil {
			if err != nil {
				x.d.log.Warn("the youngest connections are not known to the other directors", "error", err)
			}
			_ = pause.For(ctx, max(handOverAgain, handOverShare*time.Since(begin)))
			continue
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverEnd)
		_ = x.tell(end, groups, told) // as many as there is time for
		cancel()
		break
	}
	if len(told) > 0 {
		x.d.log.Info("the other directors know the youngest connections", "connections", len(told))
	}
}

// tell tells of those that were not told of yet.
func (x *teller) tell(ctx context.Context, groups []string, told map[connID]bool) error {
	s := x.d.shown.Load()
	i := slices.IndexFunc(s.world.Node.Sync, func(y lvs.Sync) bool { return y.Role == lvs.SyncMaster })
	if i < 0 {
		return nil
	}
	h := policy.NewHandingOver(s.world.Node, s.world.Kernel.Timeouts, groups)
	var moves []lvs.Move
	err := x.d.o.Parts.Connections.Each(ctx, func(c lvs.Conn) {
		if m, is := h.Move(c); is && !told[idOf(c)] {
			moves = append(moves, m)
		}
	})
	slices.SortStableFunc(moves, func(a, b lvs.Move) int { return cmp.Compare(b.Expires, a.Expires) })
	moves = moves[:min(len(moves), handOverMost)]
	master := s.world.Node.Sync[i]
	if err := tell(ctx, x.d.o.Parts.Connections.TellOthers, master, moves); err != nil {
		return err
	}
	for _, m := range moves {
		told[idOf(m.Conn)] = true
	}
	return err
}
