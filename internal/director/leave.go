package director

import (
	"context"
	"time"

	"failover/internal/policy"
	"failover/lvs"
)

// leaveMargin is how long the removal itself may take, after stop_timeout.
const leaveMargin = 10 * time.Second

// leaveLook is how often the connections are counted that a stop waits for.
const leaveLook = 250 * time.Millisecond

// leave waits for the connections to end, and for the neighbour to be told of the
// youngest, stop_timeout at most, and then has the loop take everything of ours away.
// The addresses are off by now.
func (d *Director) leave(ctx context.Context) {
	s := d.shown.Load()
	if s == nil {
		return
	}
	began := time.Now()
	var left, all uint32
	look := time.NewTicker(leaveLook)
	defer look.Stop()
	for {
		var err error
		if left, all, err = connectionsLeft(ctx, s); err != nil {
			d.log.Warn("the connections that a stop waits for are not known", "error", err)
		} else if left == 0 && (all == 0 || !lvs.Tells(s.world.Node.Sync) || time.Since(began) >= lvs.SyncFlush) {
			break
		}
		if time.Since(began) >= s.world.Node.IPVS.StopTimeout {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
	d.log.Info("removing what is ours (on_stop)", "waited", time.Since(began).Round(time.Millisecond), "connections_left", left)
	d.box.leave()
}

// connectionsLeft counts the connections that the services have left, and all that
// the kernel still has of them: what has just begun is not established yet.
func connectionsLeft(ctx context.Context, s *shown) (left, all uint32, err error) {
	if s.table == nil {
		return 0, 0, nil
	}
	stats, err := s.table.kernel.Stats(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, vs := range s.world.Node.Servers {
		for _, has := range stats.Servers[vs.Key] {
			left += has.Active
			all += has.Active + has.Inactive
			if vs.Key.Protocol != lvs.TCP && vs.Key.Protocol != lvs.SCTP {
				left += has.Inactive
			}
		}
	}
	return left, all, nil
}

// gone tells whether everything of ours is away, or refused to go; loop only. The
// guard goes last: without it the machine would answer for services in between.
func (d *Director) gone() bool {
	if !d.world.Leaving || d.table != nil && d.result.Generation < d.table.current() {
		return false
	}
	if !d.guardGoes {
		d.guardGoes = true
		_, settings := policy.Nothing()
		d.host.set(settings)
		return false
	}
	return d.hostSeq >= d.host.current()
}
