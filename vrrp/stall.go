package vrrp

import (
	"fmt"
	"time"
)

// A master that was frozen (a stopped process, a paused machine, a starved one)
// cannot know who is master now. Where its silence was long enough for a backup to
// take over, that one is right: it is judged as any backup judges a master, by
// Preempt_Mode and preempt_delay, and not talked down. Time is the boot clock's,
// which a suspended machine does not stop; a virtual machine whose host stops its
// clocks along with it cannot tell, and takes the role back by its priority.

// mayBeReplaced tells whether this master was silent on router i for as long as
// the highest of backups waits: three intervals.
func (g *Group) mayBeReplaced(now Instant, i int) bool {
	return g.silence(now, i) > 3*g.interval(i)
}

// isReplaced tells whether it was silent on every router for longer than the
// lowest of backups waits.
func (g *Group) isReplaced(now Instant) bool {
	for i := range g.Routers {
		if g.silence(now, i) <= g.Config.Routers[i].masterDown(g.interval(i), priorityLowest) {
			return false
		}
	}
	return len(g.Routers) > 0
}

// silence is how long ago this master spoke on router i; 0: it never did.
func (g *Group) silence(now Instant, i int) time.Duration {
	if g.Routers[i].SentAt == 0 {
		return 0
	}
	return now.Sub(g.Routers[i].SentAt)
}

// awake is called before anything but an advert is acted on: no packet waits. A
// master that any backup would have replaced steps back and listens, for one
// interval and Skew_Time, as a backup does that finds its timer run out while it
// was away. An owner has nobody to make way for; it announces its addresses over
// what others may have announced.
func (s *step) awake() {
	switch {
	case s.State != Master || !s.isReplaced(s.now):
	case s.owner():
		for i := range s.Routers {
			s.emit(Output{Kind: OutputContested, Router: i})
		}
	default:
		s.stepBack(0, Heard{})
		for i := range s.Routers {
			r := &s.Routers[i]
			r.Reprieved = true
			r.DownAt = s.now.Add(s.interval(i) + s.skewTime(i, s.interval(i)))
		}
	}
}

// stepBack ends the mastership of one that was away; h is who took over on router
// i, where that one was heard.
func (s *step) stepBack(i int, h Heard) {
	c := Cause{Kind: CauseStalled, Router: s.Config.Routers[i].Name, Peer: h.Src,
		Detail: fmt.Sprintf("it stood still: no advert for %v", s.silence(s.now, i).Round(10*time.Millisecond))}
	if h.Src.IsValid() {
		c.Detail += fmt.Sprintf(", and %v took over", h.Src)
	}
	s.backup(c)
}
