package engine

import (
	"context"
	"sync"
	"time"

	"failover/vrrp"
)

// gatePatience is how long addresses wait at most for the director to go by its own
// checks. The election, and its adverts, never wait.
const gatePatience = 100 * time.Millisecond

// gate lets the director go by its own checks before addresses go up: for a few
// seconds after a real server has failed or come back its table may follow the other
// director's word, which may be that of the master just lost. Where it does not,
// nothing waits.
type gate struct {
	vrrp.Host
	// ask tells the director that a group's addresses are about to go up; it answers
	// with prepared.
	ask func(group string)

	mu      sync.Mutex
	borrows bool                     // the director's table follows another one's word
	has     map[string]bool          // the groups whose addresses are up, or were tried
	waits   map[string]chan struct{} // closed when the director is prepared
}

func newGate(h vrrp.Host, ask func(group string)) *gate {
	return &gate{Host: h, ask: ask, has: map[string]bool{}, waits: map[string]chan struct{}{}}
}

// Set implements [vrrp.Host]. Of one group there is one call at a time.
func (g *gate) Set(ctx context.Context, o vrrp.Owned) (added int, err error) {
	if wait := g.enter(o); wait != nil {
		g.ask(o.Group)
		late := time.NewTimer(gatePatience)
		select {
		case <-wait:
		case <-late.C:
		case <-ctx.Done():
		}
		late.Stop()
	}
	return g.Host.Set(ctx, o)
}

// enter notes what a group holds, and tells what to wait for; nil: for nothing.
func (g *gate) enter(o vrrp.Owned) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	comes := len(o.Addresses) > 0 && !g.has[o.Group]
	g.has[o.Group] = len(o.Addresses) > 0
	if !comes || !g.borrows {
		return nil
	}
	wait := make(chan struct{})
	g.waits[o.Group] = wait
	return wait
}

// follows notes whether the director's table follows another one's word.
func (g *gate) follows(yes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.borrows = yes
}

// prepared ends the wait of a group.
func (g *gate) prepared(group string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.waits[group]; wait != nil {
		close(wait)
		delete(g.waits, group)
	}
}
