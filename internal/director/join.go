package director

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"failover/internal/pause"
	"failover/internal/peer"
	"failover/internal/policy"
	"failover/lvs"
	"failover/vrrp"
)

const (
	// joinRounds is how often what did not arrive is told again.
	joinRounds = 4
	// takeMost is how long taking connections over may go on, once a start no longer
	// waits for it: a hundred thousand are a matter of seconds, a slow link is not.
	takeMost = 2 * time.Minute
)

// joiner takes the connections of the others over when they are met.
type joiner struct {
	d *Director

	mu    sync.Mutex
	met   map[string]bool               // others that were reached, or not, once
	were  map[string]bool               // those that were reachable when they were last tried
	takes map[string]context.CancelFunc // whose connections are being taken over
}

func newJoiner(d *Director) *joiner {
	return &joiner{d: d, met: map[string]bool{}, were: map[string]bool{}, takes: map[string]context.CancelFunc{}}
}

// joining tells whether another director was not tried yet, or its connections are on
// their way.
func (j *joiner) joining(others []string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.takes) > 0 || slices.ContainsFunc(others, func(name string) bool { return !j.met[name] })
}

// hear learns of an attempt to reach another director. Whoever comes to a master asks
// it for its connections, at a start and after a link that was down. One that has gone
// in the middle of it has no more to tell, and may have to be replaced at once.
func (j *joiner) hear(v peer.View) {
	if v.Reachable && len(v.Beat.Groups) == 0 {
		return // its engine has not told it yet whether it is master
	}
	master := false
	for _, state := range v.Beat.Groups {
		master = master || state == string(vrrp.Master)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	comes, first := v.Reachable && !j.were[v.Name], !j.met[v.Name]
	j.met[v.Name], j.were[v.Name] = true, v.Reachable
	cancel, taking := j.takes[v.Name]
	switch {
	case taking && !v.Reachable:
		cancel()
	case comes && master && !taking:
		ctx, cancel := context.WithTimeout(j.d.ctx, takeMost)
		j.takes[v.Name] = cancel
		j.d.running.Go(func() {
			j.take(ctx, v.Name)
			cancel()
			j.mu.Lock()
			delete(j.takes, v.Name)
			j.mu.Unlock()
			j.d.box.look()
		})
	case first:
		j.d.box.look()
	}
}

// take takes the connections of another director over.
func (j *joiner) take(ctx context.Context, from string) {
	link, s := j.d.peers.now(), j.table(ctx)
	if link == nil || s == nil {
		return
	}
	i := slices.IndexFunc(s.world.Node.Sync, func(x lvs.Sync) bool { return x.Role == lvs.SyncBackup })
	if i < 0 || s.table == nil {
		return // without synchronisation nobody has asked for it
	}
	begin := time.Now()
	joining := policy.NewJoining(s.world.Node)
	var moves []lvs.Move
	err := link.Connections(ctx, from, func(c lvs.Conn) {
		if m, is := joining.Move(c); is {
			moves = append(moves, m)
		}
	})
	missing := len(moves)
	if err == nil {
		missing, err = j.replay(ctx, s.world.Node.Sync[i], moves)
	}
	switch {
	case err != nil && j.d.ctx.Err() == nil:
		j.d.log.Warn("the connections of another director are not known here, or not all", "director", from, "error", err)
	case missing > 0:
		j.d.log.Warn("some connections of another director are not known here", "director", from, "connections", len(moves), "missing", missing)
	case len(moves) > 0:
		j.d.log.Info("the connections of another director are known here", "director", from,
			"connections", len(moves), "took", time.Since(begin).Round(time.Millisecond))
	}
}

// table waits until the kernel's table is there, which the connections belong to.
func (j *joiner) table(ctx context.Context) *shown {
	for {
		if s := j.d.shown.Load(); s != nil && (s.table == nil || s.world.Reconciled) {
			return s
		}
		if pause.For(ctx, handOverLook) != nil {
			return nil
		}
	}
}

// replay tells the backup daemon of connections until the kernel has them all, and
// returns how many it has not.
func (j *joiner) replay(ctx context.Context, s lvs.Sync, moves []lvs.Move) (missing int, err error) {
	for round := range joinRounds {
		if round > 0 {
			if moves, err = j.absent(ctx, moves); err != nil || len(moves) == 0 {
				return len(moves), err
			}
		}
		if err := tell(ctx, j.d.o.Parts.Connections.Tell, s, moves); err != nil {
			return len(moves), err
		}
		if pause.For(ctx, 20*tellPause) != nil { // for the daemon, which wakes when it has something
			return len(moves), errors.New("out of time")
		}
	}
	moves, err = j.absent(ctx, moves)
	return len(moves), err
}

// connID is what a connection is known by.
type connID struct {
	protocol        lvs.Protocol
	client, virtual netip.AddrPort
}

func idOf(c lvs.Conn) connID { return connID{c.Protocol, c.Client, c.Virtual} }

// absent are the connections that the kernel does not have.
func (j *joiner) absent(ctx context.Context, moves []lvs.Move) (rest []lvs.Move, err error) {
	has := make(map[connID]bool, len(moves))
	if err := j.d.o.Parts.Connections.Each(ctx, func(c lvs.Conn) { has[idOf(c)] = true }); err != nil {
		return moves, err
	}
	for _, m := range moves {
		if !has[idOf(m.Conn)] {
			rest = append(rest, m)
		}
	}
	return rest, nil
}
