package vrrp

import (
	"fmt"
	"net/netip"
)

// Step is the state machine of RFC 9568 section 6.4 for a whole group. It appends
// what is to be done to out and returns it. now never goes backwards.
//
// Adverts do not fire timers: a machine that wakes late reads what is waiting
// before it believes that nothing came.
func (g *Group) Step(now Instant, in Input, out []Output) []Output {
	s := step{Group: g, now: now, out: out}
	if in.Kind != InputAdvert {
		s.awake()
	}
	switch in.Kind {
	case InputTimer:
		s.timer()
	case InputAdvert:
		s.advert(in.Router, in.Heard)
	case InputHealth:
		g.Health = in.Health
		s.settle()
	case InputLinks:
		s.links(in.Links)
		s.settle()
	case InputConfigure:
		s.configure(in.Config, in.Links)
		s.settle()
	case InputStart:
		s.start(in.Record)
	case InputStop:
		s.stop(in.Cause)
	default:
		panic(fmt.Sprintf("vrrp: impossible input %d", in.Kind))
	}
	if s.spoke {
		s.record()
	}
	return s.out
}

// step is one call of Step.
type step struct {
	*Group
	now   Instant
	out   []Output
	spoke bool // an advert of a master was sent
}

func (s *step) emit(o Output) { s.out = append(s.out, o) }

// start is the Startup event (RFC 9568 section 6.4.1).
//
// Adoption: a process that was master, of the same boot, may be followed by one
// that goes on as master if its last advert is younger than two intervals of the
// group's fastest router. The dead process spoke on each router at most one of
// its intervals before that advert, so no neighbour has missed a third one
// anywhere, and no Master_Down_Timer has run out.
//
// Later than that a neighbour may be about to take over, or just have: the group
// starts as Backup like any other, and bridges. Whatever a process before this one
// left behind goes first in every other case.
func (s *step) start(r Record) {
	if s.Started {
		return
	}
	s.Started = true
	s.Since, s.Cause = s.now, Cause{Kind: CauseStarted}
	age := s.now.Sub(r.LastAdvert)
	switch was := r.Master && age >= 0; {
	case was && age < 2*s.shortest():
		s.AdoptBy = r.LastAdvert.Add(2 * s.shortest())
	case s.Leaving:
	case was && age < s.longestDown(priorityLowest):
		s.bridge()
	default:
		s.Hold = false
		s.emit(Output{Kind: OutputAddresses, Cause: Cause{Kind: CauseStarted}})
		s.record()
	}
	s.settle()
}

// bridge holds the addresses of the process before this one, without announcing
// them, until a successor was heard on every router: taken off while no neighbour's
// Master_Down_Timer has run out yet, they would be nobody's. Where none is heard
// this group is master itself before LeaveBy.
func (s *step) bridge() {
	s.Leaving = true
	s.hold(true, Cause{Kind: CauseStarted})
	s.LeaveBy = s.now.Add(s.longestDown(s.Priority) + s.longest())
	for i := range s.Routers {
		s.Routers[i].Succeeded = false
	}
}

// stop is the Shutdown event (RFC 9568 sections 6.4.2 and 6.4.3).
func (s *step) stop(c Cause) {
	if !s.Started {
		return
	}
	s.Started = false
	if s.AdoptBy != 0 {
		s.abandon(c)
	}
	if s.State == Master {
		s.leave(Init, c)
		return
	}
	if s.Leaving {
		s.LeaveBy = min(s.LeaveBy, s.now.Add(s.handOver()))
	}
	s.disarm()
	if s.State != Init {
		s.transition(Init, c)
	}
}

// links takes over what the machine says of the interfaces.
func (s *step) links(links []RouterLink) {
	for i := range s.Routers {
		r := &s.Routers[i]
		if i < len(links) {
			r.Link = links[i]
		}
		r.Seen = r.Seen || r.Link.Exists
	}
	if s.Leaving && s.severed() {
		// Nobody can be heard there, and the address serves nobody.
		s.release(Cause{Kind: CauseInterface})
	}
}

// settle brings the state in line with health, links and priority. It is
// level-triggered: calling it once more changes nothing.
func (s *step) settle() {
	priority := EffectivePriority(s.Config.Priority, s.Health)
	changed := priority != s.Priority
	s.Priority = priority
	if !s.Started {
		return
	}
	if state, cause := s.barred(); state != "" {
		s.standAside(state, cause)
		return
	}
	switch s.State {
	case Init, Fault:
		s.enter()
	case Backup:
		s.tryMaster()
	case Master:
		if changed {
			s.advertise() // the neighbours shall weigh us by what we are now
		}
	default:
		panic("vrrp: impossible state " + string(s.State))
	}
}

// standAside keeps the group out of the election. The cause is always the newest.
func (s *step) standAside(state State, c Cause) {
	if s.AdoptBy != 0 && state == Fault {
		s.abandon(c) // an interface that is merely not known yet is waited for
	}
	switch s.State {
	case Master:
		s.leave(state, c)
	case state:
		s.Cause = c
	default:
		s.disarm()
		s.transition(state, c)
	}
}

// barred tells whether, and in which state, the group must stay out. The fault
// of one router is the fault of all: half of a pair of addresses is worse than
// none.
func (g *Group) barred() (State, Cause) {
	if len(g.Routers) == 0 {
		return Init, Cause{Kind: CauseConfiguration, Detail: "the group has no virtual router"}
	}
	var state State
	var cause Cause
	for i := range g.Routers {
		r := &g.Routers[i]
		switch {
		case g.usableAt(i):
			continue
		case r.Seen:
			return Fault, g.linkCause(i)
		case state == "":
			state, cause = Init, g.linkCause(i)
		}
	}
	if g.Health.Fault {
		if len(g.Health.Causes) > 0 {
			return Fault, g.Health.Causes[0]
		}
		return Fault, Cause{Kind: CauseFault}
	}
	return state, cause
}

func (g *Group) linkCause(i int) Cause {
	c := Cause{Kind: CauseInterface, Router: g.Config.Routers[i].Name, Detail: g.Routers[i].Link.Fault}
	noun := "IPv4"
	if g.Config.Routers[i].IPv6() {
		noun = "IPv6 link-local"
	}
	switch name := g.Config.Routers[i].Interface; {
	case c.Detail != "":
	case !g.Routers[i].Link.Exists:
		c.Detail = name + " is not there"
	case !g.Routers[i].Link.Usable:
		c.Detail = name + " is down"
	default:
		c.Detail = name + " has no " + noun + " address to send from"
	}
	return c
}

// usable tells that adverts can be sent and heard on every router.
func (g *Group) usable() bool {
	for i := range g.Routers {
		if !g.usableAt(i) {
			return false
		}
	}
	return true
}

func (g *Group) usableAt(i int) bool { return g.Routers[i].Link.Usable && g.Source(i).IsValid() }

// severed tells that a link is known to be unusable; just after the start nothing
// is known of any.
func (g *Group) severed() bool {
	for i := range g.Routers {
		if g.Routers[i].Seen && !g.usableAt(i) {
			return true
		}
	}
	return false
}

// enter joins the election, from Init or Fault.
func (s *step) enter() {
	// RFC 9568 section 6.4.1: an owner becomes Active at once, anybody else Backup.
	switch {
	case s.AdoptBy != 0 && s.now < s.AdoptBy:
		s.become(Cause{Kind: CauseAdopted, Detail: "the process before this one was master moments ago"})
	case s.owner() && s.Health.Ready:
		s.become(Cause{Kind: CauseOwner})
	case s.State == Fault:
		s.backup(Cause{Kind: CauseRecovered})
	default:
		s.backup(Cause{Kind: CauseStarted})
	}
}

// timer fires what has run out.
func (s *step) timer() {
	if s.AdoptBy != 0 && s.now >= s.AdoptBy {
		s.abandon(Cause{Kind: CauseStarted})
	}
	if s.Leaving && s.now >= s.LeaveBy {
		s.release(s.Cause)
	}
	for i := range s.Routers { // first: who leaves the mastership does not claim it once more
		s.watch(i)
	}
	for i := range s.Routers {
		r := &s.Routers[i]
		if r.LookAt <= s.now {
			s.look(i)
		}
		if r.DownAt <= s.now {
			s.runOut(i)
		}
		if r.AdvertAt <= s.now {
			s.periodic(i)
		}
		if r.RepeatAt <= s.now {
			s.repeat(i)
		}
	}
	if s.State == Backup {
		s.tryMaster()
	}
}

// abandon gives up the chance to adopt; the addresses of the process before this
// one go.
func (s *step) abandon(c Cause) {
	s.AdoptBy = 0
	s.emit(Output{Kind: OutputAddresses, Cause: c})
	s.record()
}

// disarm stops every timer of the election.
func (s *step) disarm() {
	for i := range s.Routers {
		r := &s.Routers[i]
		r.DownAt, r.LookAt, r.AdvertAt, r.RepeatAt = Never, Never, Never, Never
		r.Out, r.Resigned, r.Preempting, r.Reprieved = false, false, false, false
		r.Rivals, r.LeftTo = nil, netip.Addr{}
	}
	s.PreemptAt = 0
}

func (s *step) transition(to State, c Cause) {
	t := Transition{At: s.now, Group: s.Config.Name, From: s.State, To: to, Priority: s.Priority, Cause: c}
	s.State, s.Since, s.Cause = to, s.now, c
	s.Transitions++
	s.emit(Output{Kind: OutputTransition, Transition: t})
}

// hold says whether the machine shall have the addresses.
func (s *step) hold(want bool, c Cause) {
	if s.Hold != want {
		s.Hold = want
		s.emit(Output{Kind: OutputAddresses, Hold: want, Cause: c})
	}
}

// record leaves word for the process after this one.
func (s *step) record() {
	s.emit(Output{Kind: OutputRecord, Record: Record{Master: s.State == Master, LastAdvert: s.LastAdvert}})
}
