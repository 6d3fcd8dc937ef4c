package vrrp

import (
	"fmt"
	"time"
)

// answerGap is the least time between two adverts of one router, as far as other
// people's adverts cause them: the shortest interval the wire can tell. It keeps
// a flood from being answered by a flood.
const answerGap = centisecond

// become makes the group master (RFC 9568 sections 6.4.1 and 6.4.2): adverts
// first, they are what makes others let go.
func (s *step) become(c Cause) {
	preempted := make([][]Rival, len(s.Routers))
	for i := range s.Routers {
		preempted[i] = s.preempted(i)
	}
	s.disarm()
	if s.Leaving {
		s.Leaving, s.Hold = false, false // what was to stay is wanted again: renewed, and announced
	}
	s.AdoptBy = 0
	s.advertise()
	s.transition(Master, c)
	s.hold(true, c)
	for i := range s.Routers {
		s.Routers[i].MasterInterval = s.interval(i)
		s.Routers[i].Parting = true
		s.Routers[i].Rivals = preempted[i]
		s.Routers[i].RepeatAt = s.now.Add(repeatAfter[0])
	}
}

// repeatAfter is when the first advert of a master is said again. The next one is
// an interval away, and who waits but a little longer for a master, because it has
// the next lower priority, must not miss it: where pairs boot together, or a new
// process goes on as master, a single lost packet would make a second master.
var repeatAfter = []time.Duration{answerGap, 3 * answerGap}

// repeat says the first advert once more; what is late, or has no time before the
// next one, is left out.
func (s *step) repeat(i int) {
	r := &s.Routers[i]
	first := s.Since
	r.RepeatAt = Never
	for _, after := range repeatAfter {
		if at := first.Add(after); at > s.now {
			r.RepeatAt = at
			break
		}
	}
	if s.now.Add(answerGap) < r.AdvertAt && s.now.Sub(r.SentAt) >= answerGap {
		s.send(i)
	}
}

// advertise sends an advert on every router now.
func (s *step) advertise() {
	for i := range s.Routers {
		s.send(i)
		s.Routers[i].AdvertAt = s.now.Add(s.interval(i))
	}
}

func (s *step) send(i int) {
	s.Routers[i].SentAt = s.now
	s.LastAdvert = s.now
	s.spoke = true
	s.emit(Output{Kind: OutputAdvert, Router: i, Priority: s.Priority})
}

// periodic is the Adver_Timer firing (RFC 9568 section 6.4.3): send an
// ADVERTISEMENT and reset the timer. It counts from when it was due, so that
// small delays do not add up, and from now after a stall.
func (s *step) periodic(i int) {
	r, interval := &s.Routers[i], s.pace(i)
	s.send(i)
	if r.AdvertAt = r.AdvertAt.Add(interval); r.AdvertAt <= s.now {
		r.AdvertAt = s.now.Add(interval)
	}
}

// heardAsMaster is RFC 9568 section 6.4.3, lines 700–790.
func (s *step) heardAsMaster(i int, h Heard) {
	switch {
	case h.Priority > s.Priority:
		s.yield(i, h, Cause{Kind: CauseHigher,
			Detail: fmt.Sprintf("%v has priority %d, we have %d", h.Src, h.Priority, s.Priority)})
	case !s.owner() && s.mayBeReplaced(s.now, i):
		s.stepBack(i, h)
		s.heardAsBackup(i, h)
	case h.Priority == priorityResign:
		// Send an ADVERTISEMENT and reset the Adver_Timer to Advertisement_Interval.
		s.resigned(i, h.Src)
		s.emit(Output{Kind: OutputContested, Router: i})
		if s.answer(i) {
			s.Routers[i].AdvertAt = s.now.Add(s.interval(i))
		}
	case s.owner():
		// The owner never yields. Two of them are a misconfiguration that no protocol
		// can settle; they shall not shout at each other on top of it.
		if h.Priority != priorityOwner && s.beside(i, h) {
			s.answer(i)
		}
	case h.Priority == s.Priority && i != 0:
		// The addresses of each interface could point another way; the first router
		// alone decides, so that the group moves as one.
	case h.Priority == s.Priority && s.Source(i).Less(h.Src):
		s.yield(i, h, Cause{Kind: CauseTie, Detail: fmt.Sprintf("%v has priority %d too and the higher address", h.Src, h.Priority)})
	default:
		// Send an ADVERTISEMENT immediately to assert the Active state to the sending
		// VRRP Router and to update any learning bridges.
		if s.beside(i, h) {
			s.answer(i)
		}
	}
}

// answer asserts the mastership on router i, at once or as soon as answerGap
// allows, and tells whether it was at once.
func (s *step) answer(i int) bool {
	r := &s.Routers[i]
	if ready := r.SentAt.Add(answerGap); s.now < ready {
		r.AdvertAt = min(r.AdvertAt, ready)
		return false
	}
	s.send(i)
	if r.AdvertAt <= s.now {
		r.AdvertAt = s.now.Add(s.interval(i)) // this was the one that is due
	}
	return true
}

// yield goes from Master to Backup because of an advert on router i, and lets go
// of the addresses: their new holder has just spoken.
func (s *step) yield(i int, h Heard, c Cause) {
	c.Router, c.Peer = s.Config.Routers[i].Name, h.Src
	s.backup(c)
	s.Routers[i].note(s.now, h)
	s.accept(i, h.Interval)
}

// leave resigns (RFC 9568 section 6.4.3, Shutdown): priority 0 on every router,
// then the addresses stay until the successor speaks. A backup waits Skew_Time
// before it does; letting go at once would leave nobody for that long.
func (s *step) leave(to State, c Cause) {
	for i := range s.Routers {
		r := &s.Routers[i]
		r.Succeeded = false
		if s.usableAt(i) {
			r.SentAt = s.now
			s.emit(Output{Kind: OutputAdvert, Router: i, Priority: priorityResign})
		}
	}
	s.disarm()
	s.transition(to, c)
	s.record()
	if s.usable() {
		s.Leaving, s.LeaveBy = true, s.now.Add(s.handOver())
		return
	}
	s.hold(false, c)
}

// handOver is how long the successor of a master that resigned may take to speak:
// the longest Skew_Time there can be and an interval.
func (g *Group) handOver() (d time.Duration) {
	for i := range g.Routers {
		interval := g.interval(i)
		d = max(d, g.Config.Routers[i].skewTime(interval, priorityLowest)+interval)
	}
	return d
}

// succeeded notes that another master spoke on router i while we wait for that.
func (s *step) succeeded(i int) {
	s.Routers[i].Succeeded = true
	for j := range s.Routers {
		if !s.Routers[j].Succeeded {
			return
		}
	}
	s.release(s.Cause)
}

// release ends the hand-over, or the bridge.
func (s *step) release(c Cause) {
	s.Leaving = false
	s.hold(false, c)
}
