package main

import (
	"context"
	"sync/atomic"
	"time"
)

// stall is how long this machine has kept a process waiting that had something
// to do, at most. Where that is much, the figures are the machine's, not the
// pair's.
type stall struct{ longest atomic.Int64 }

// watchStall measures until ctx ends.
func watchStall(ctx context.Context) *stall {
	const step = 20 * time.Millisecond
	s := &stall{}
	go func() {
		tick := time.NewTicker(step)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			late := time.Since(last) - step
			last = time.Now()
			s.longest.Store(max(s.longest.Load(), int64(late)))
		}
	}()
	return s
}

func (s *stall) worst() time.Duration { return time.Duration(s.longest.Load()) }
