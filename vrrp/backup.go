package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// advert is an ADVERTISEMENT received on router i.
func (s *step) advert(i int, h Heard) {
	if i < 0 || i >= len(s.Routers) || h.Src == s.Source(i) {
		return // our own, or somebody with our address: there is nothing to decide by
	}
	if s.Leaving && h.Priority != priorityResign {
		s.succeeded(i)
	}
	switch s.State {
	case Backup:
		s.heardAsBackup(i, h)
	case Master:
		s.heardAsMaster(i, h)
	default:
		s.Routers[i].note(s.now, h)
	}
	if s.State == Backup && h.Priority > priorityLowest && s.Routers[i].Parting {
		s.part(i)
	}
}

// part tells the first master heard on router i after our own mastership, with
// one advert of priority 1, that there was another one. It may have been master
// all along, in the other half of a split segment, while this half learned from
// our announcements; it has to hear of us to announce over them. Priority 1 is
// below it by every rule and resets no backup's timer. A master of priority 1
// itself would take it for a tie: it is told once it has a higher one.
func (s *step) part(i int) {
	s.Routers[i].Parting = false
	s.emit(Output{Kind: OutputAdvert, Router: i, Priority: priorityLowest})
}

// note keeps what status tells of the master.
func (r *Router) note(now Instant, h Heard) {
	r.MasterAddress, r.MasterPriority, r.MasterSeen, r.MasterFit = h.Src, h.Priority, now, h.Fit
}

// heardAsBackup is RFC 9568 section 6.4.2, lines 420–485.
func (s *step) heardAsBackup(i int, h Heard) {
	r := &s.Routers[i]
	r.note(s.now, h)
	if h.Src == r.LeftTo && (h.Fit == FitSame || h.Priority == priorityResign) {
		r.LeftTo = netip.Addr{} // it fits now, or ends
	}
	switch {
	case h.Priority == priorityResign:
		// Set the Active_Down_Timer to Skew_Time.
		r.arm(s.now, s.skewTime(i, r.MasterInterval))
		r.Resigned = true
	case h.Priority >= s.Priority:
		s.PreemptAt = 0
		s.accept(i, h.Interval)
	case s.leaves(i, h), s.keeps(i, h):
		s.accept(i, h.Interval)
	default:
		// Discard the ADVERTISEMENT; the timer runs out.
		r.Preempting = true
	}
}

// keeps tells whether a master of lower priority is left alone.
//
// Preempt_Mode False keeps a master that is as healthy as this group or more so,
// whatever its priority. The adverts of one that is less healthy are discarded as
// with Preempt_Mode True: three of them later the timer runs out. preempt_delay
// counts from the first such advert; it never helps a master that asks to be
// relieved, nor one that is silent.
func (s *step) keeps(i int, h Heard) bool {
	switch {
	case s.owner():
		// RFC 9568 section 6.1, Preempt_Mode: the owner always preempts.
		return false
	case !s.Config.Preempt && !s.lessHealthy(i, h):
		return true
	case s.Config.PreemptDelay <= 0 || h.Priority == priorityLowest:
		return false
	}
	if s.PreemptAt == 0 {
		s.PreemptAt = s.now.Add(s.Config.PreemptDelay)
	}
	return s.now < s.PreemptAt
}

// accept learns the master's interval and starts the timer again.
func (s *step) accept(i int, interval time.Duration) {
	r := &s.Routers[i]
	// Set Active_Adver_Interval to Max Advertise Interval contained in the
	// ADVERTISEMENT, recompute Skew_Time and Active_Down_Interval, reset the timer.
	r.MasterInterval = interval
	r.arm(s.now, s.masterDown(i, interval))
}

func (r *Router) arm(now Instant, d time.Duration) {
	r.DownAt, r.LookAt, r.Out = now.Add(d), Never, false
	r.Resigned, r.Preempting, r.Reprieved = false, false, false
	if at := now.Add(r.MasterInterval + r.MasterInterval/2); at < r.DownAt {
		r.LookAt = at
	}
}

// look is half an interval after the first advert that did not come. A machine that
// gets to it late was away for most of the silence, though its timer has not run out:
// three intervals of 10 ms are soon over, and where the master's machine has the same
// host both stood still. It listens from now on, as one whose timer has.
func (s *step) look(i int) {
	r := &s.Routers[i]
	late := s.now.Sub(r.LookAt)
	r.LookAt = Never
	if !r.Reprieved && r.MasterSeen != 0 && late > r.MasterInterval/4 {
		s.reprieve(i)
	}
}

// runOut is the Master_Down_Timer firing. A machine that notices it more than an
// interval late was away, paused or starved, and cannot say that the master was
// silent: it listens for one more interval and Skew_Time, once.
func (s *step) runOut(i int) {
	r := &s.Routers[i]
	if !r.Reprieved && r.MasterSeen != 0 && s.now.Sub(r.DownAt) > r.MasterInterval {
		s.reprieve(i)
		return
	}
	r.DownAt, r.Out = Never, true
}

// reprieve gives the master at least an interval and Skew_Time from now to speak.
func (s *step) reprieve(i int) {
	r := &s.Routers[i]
	r.Reprieved = true
	r.DownAt = max(r.DownAt, s.now.Add(max(r.MasterInterval, centisecond)+s.skewTime(i, r.MasterInterval)))
}

// backup enters Backup with the full Master_Down_Interval on every router. What
// the group holds it keeps only while it hands over.
func (s *step) backup(c Cause) {
	adopting := s.AdoptBy != 0
	s.AdoptBy = 0
	s.disarm()
	for i := range s.Routers {
		r := &s.Routers[i]
		// RFC 9568 section 6.4.1: set Active_Adver_Interval to Advertisement_Interval
		// and the Active_Down_Timer to Active_Down_Interval.
		r.MasterInterval = s.interval(i)
		if s.owner() {
			r.Out = true // waits for nothing but being ready
			continue
		}
		r.arm(s.now, s.masterDown(i, r.MasterInterval))
	}
	s.transition(Backup, c)
	s.record()
	switch {
	case s.Leaving:
	case adopting:
		s.emit(Output{Kind: OutputAddresses, Cause: c})
	default:
		s.hold(false, c)
	}
}

// tryMaster takes over when every router's timer has run out. Silence on one of
// them only is that segment's trouble, not the master's death.
func (s *step) tryMaster() {
	if !s.Health.Ready {
		return
	}
	for i := range s.Routers {
		if !s.Routers[i].Out {
			return
		}
	}
	s.become(s.reason())
}

// reason says why the group takes over, by the first router that has a story.
func (g *Group) reason() Cause {
	if g.owner() {
		return Cause{Kind: CauseOwner}
	}
	for i := range g.Routers {
		r := &g.Routers[i]
		c := Cause{Router: g.Config.Routers[i].Name, Peer: r.MasterAddress}
		switch {
		case r.Resigned:
			c.Kind, c.Detail = CausePriorityZero, fmt.Sprintf("%v resigned", r.MasterAddress)
			return c
		case r.Preempting:
			c.Kind = CausePreempt
			c.Detail = g.preemptDetail(i)
			return c
		}
	}
	r := &g.Routers[0]
	c := Cause{Kind: CauseTimeout, Router: g.Config.Routers[0].Name, Peer: r.MasterAddress}
	if r.MasterSeen == 0 {
		c.Detail = "no master was heard"
	} else {
		c.Detail = fmt.Sprintf("%v fell silent", r.MasterAddress)
	}
	return c
}
