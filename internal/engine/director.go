package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"failover/internal/ipc"
	"failover/vrrp"
	"failover/vrrp/linux"
)

// awaitDirector lets a director take its part along (on_stop) after the hand-over,
// within its time.
func (p *process) awaitDirector(left <-chan struct{}) {
	p.mu.Lock()
	patience := p.configured.Leave
	p.mu.Unlock()
	if patience == 0 || !p.director.leave() {
		return
	}
	p.log.Info("the director takes its part along", "patience", patience)
	p.notify(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", patience.Microseconds()))
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-left:
	case <-late.C:
		p.log.Warn("the director has not taken its part along in time", "patience", patience)
	}
}

// receive acts on one message of the director.
func (p *process) receive(m ipc.ToEngine) {
	switch {
	case m.Configure != nil:
		p.configure(*m.Configure)
		if err := p.runtime.Configuration().Save(*m.Configure); err != nil {
			p.log.Warn("a restart will not be able to adopt", "error", err)
		}
	case m.Health != nil:
		p.mu.Lock()
		p.health = m.Health
		p.mu.Unlock()
		p.weigh()
	case m.Follows != nil:
		p.gate.follows(*m.Follows)
	case m.Prepared != "":
		p.gate.prepared(m.Prepared)
	case m.Query != 0:
		p.reply(m.Query)
	case m.Ready:
		p.notify(ready)
	case m.Waits && p.heir != nil:
		select {
		case p.heir.prepared <- struct{}{}:
		default: // it is known
		}
	case m.Restart:
		p.askRestart()
	case m.Bequest != nil:
		select {
		case p.bequest <- m:
		default:
			closeFiles(m.Files) // nobody waits
		}
	}
}

// reply answers a query for status.
func (p *process) reply(n uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	routers, err := p.engine.Status(ctx)
	var unmatched map[string]map[string]uint64
	if err == nil {
		unmatched, err = p.engine.Unmatched(ctx)
	}
	if err != nil {
		p.log.Warn("status of the election", "error", err)
		return
	}
	p.director.send(ipc.ToDirector{Status: &ipc.Status{
		Query: n, Now: linux.Now(), Routers: routers, Unmatched: unmatched, DirectorStarts: p.director.count(),
	}})
}

// hello is the first message to a director.
func (p *process) hello(resume bool) ipc.Hello {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting() {
		return ipc.Hello{Wait: true}
	}
	return ipc.Hello{Resume: resume || p.resume, StateDir: p.configured.StateDir}
}

// weigh tells the election how fit the groups are: as the director says, or,
// while there is none, so low that a healthy neighbour takes over; where there is
// none of those either, this machine stays master.
func (p *process) weigh() {
	if p.waiting() {
		return // there is nothing yet that could be fit
	}
	p.mu.Lock()
	defer p.mu.Unlock() // until the engine knows: the newest word must be the last
	// Before the first configuration there is no mastership to offer.
	lost := p.director.lost() && len(p.configured.Groups) > 0
	if lost && !p.orphaned {
		p.log.Error("no director process for too long, offering the masterships to a healthy neighbour", "lease", directorLease)
	} else if !lost && p.orphaned {
		p.log.Info("the director process is back")
	}
	p.orphaned = lost
	if !lost {
		p.engine.SetHealth(p.health)
		return
	}
	h := make(map[string]vrrp.Health, len(p.configured.Groups))
	for _, g := range p.configured.Groups {
		low := p.health[g.Name]
		low.Lowest = true
		low.Causes = append(slices.Clone(low.Causes), vrrp.Cause{Kind: vrrp.CauseDirectorLost})
		h[g.Name] = low
	}
	p.engine.SetHealth(h)
}

// transition passes a change of role on to the director and, in one word, to the
// service manager. The election has logged it.
func (p *process) transition(t vrrp.Transition) {
	p.director.send(ipc.ToDirector{Transition: &t})
	p.notify(fmt.Sprintf("STATUS=%s: %s", t.Group, t.To))
}
