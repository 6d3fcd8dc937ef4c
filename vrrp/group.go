package vrrp

import (
	"net/netip"
	"time"
)

// Group is the state of one election: virtual routers that change role together.
// It is a plain value that survives a round trip through JSON; all of its times
// are boot-clock and absolute, so that another process of the same boot can go on
// with it. Make one with [NewGroup] and change it with [Group.Step] only.
type Group struct {
	Config      GroupConfig
	Health      Health
	Priority    uint8 // effective
	State       State
	Since       Instant
	Cause       Cause
	Transitions uint64
	// Started is true between [InputStart] and [InputStop].
	Started bool
	// Hold tells that the addresses are to stay on this machine: the group is master,
	// or bridges the time until its successor speaks.
	Hold bool
	// Leaving tells that the group resigned, or came after a process that was master
	// and died, and still holds; it lets go when its successor was heard on every
	// router, at LeaveBy at the latest.
	Leaving bool
	LeaveBy Instant
	// PreemptAt is when a master of lower priority is no longer kept (preempt_delay);
	// 0 while none was heard.
	PreemptAt Instant
	// AdoptBy is until when the group may go on as master without an election,
	// because the process before this one was master; 0: not at all.
	AdoptBy Instant
	// LastAdvert is when the group last said that it is master; 0: never.
	LastAdvert Instant
	Routers    []Router
}

// Router is the state of one virtual router of a group, at the same index as its
// configuration.
type Router struct {
	Link RouterLink
	// Seen tells that the interface has been there at some time.
	Seen bool
	// DownAt is the Master_Down_Timer, AdvertAt the Adver_Timer; Never: not running.
	// LookAt is when a backup that hears nothing looks whether it is awake.
	DownAt   Instant
	LookAt   Instant
	AdvertAt Instant
	// RepeatAt is when the first advert of a new master is said once more; Never: it
	// was.
	RepeatAt Instant
	// Out tells that the Master_Down_Timer ran out while the group waits for another
	// router's, or for being ready.
	Out bool
	// Reprieved tells that the timer was once prolonged because this machine had been
	// away when it ran out.
	Reprieved bool
	// Resigned tells that the timer was last set by an advert of priority 0,
	// Preempting that adverts of lower priority were discarded since it was set.
	Resigned   bool
	Preempting bool
	// SentAt is when an advert was last sent; 0: never.
	SentAt Instant
	// Succeeded tells that another master was heard since the group resigned.
	Succeeded bool
	// Parting tells that the group was master here and owes the master that it hears
	// next a word.
	Parting bool
	// MasterInterval is Active_Adver_Interval (RFC 9568 section 6.1).
	MasterInterval time.Duration
	MasterAddress  netip.Addr
	MasterPriority uint8   // as last heard
	MasterSeen     Instant // 0: never
	MasterFit      Fit
	// Rivals are the neighbours that speak as master beside us.
	Rivals []Rival `json:",omitempty"`
	// LeftTo is the neighbour that was left the mastership because it discards our
	// adverts and goes on.
	LeftTo netip.Addr `json:",omitzero"`
}

// RouterLink is what the machine says of the interface under a virtual router.
type RouterLink struct {
	Exists bool       // the interface is there
	Usable bool       // adverts can be sent and heard
	Source netip.Addr // the interface's own choice of source address
	Fault  string     // why it is not usable, for people
}

// InputKind is the kind of an [Input].
type InputKind uint8

// What may happen to a group. The fields of Input that belong to each are named.
const (
	// InputTimer: the clock reached [Group.Deadline], and no packet is waiting.
	InputTimer InputKind = iota
	// InputAdvert: an advert passed the checks of RFC 9568 section 7.1, or Fit says
	// that it did not. Router, Heard.
	InputAdvert
	// InputHealth: Health, whole.
	InputHealth
	// InputLinks: Links, whole, one per router.
	InputLinks
	// InputConfigure: Config, whole, with the Links of its routers.
	InputConfigure
	// InputStart: the Startup event. Record is what the process before this one left.
	InputStart
	// InputStop: the Shutdown event. Cause.
	InputStop
)

// Input is one event. Slices are kept, not copied; the caller leaves them alone.
type Input struct {
	Kind   InputKind
	Router int
	Heard  Heard
	Health Health
	Links  []RouterLink
	Config GroupConfig
	Record Record
	Cause  Cause
}

// Heard is the part of a received advert that an election looks at.
type Heard struct {
	Src      netip.Addr
	Priority uint8
	Interval time.Duration
	Fit      Fit
}

// OutputKind is the kind of an [Output].
type OutputKind uint8

// What a group asks for. The fields of Output that belong to each are named.
const (
	// OutputAdvert: send an advert now. Router, Priority; for a router that a reload
	// took away, Router is -1 and Gone its configuration.
	OutputAdvert OutputKind = iota
	// OutputTransition: the state changed. Transition.
	OutputTransition
	// OutputAddresses: the machine shall hold the addresses, or not. Hold, Cause.
	OutputAddresses
	// OutputContested: another master spoke and was outbid; what it announced to the
	// neighbourhood is to be announced over.
	OutputContested
	// OutputRecord: what must outlive the process. Record.
	OutputRecord
)

// Output is one thing to do, in order.
type Output struct {
	Kind       OutputKind
	Router     int
	Priority   uint8
	Hold       bool
	Gone       *RouterConfig
	Transition Transition
	Cause      Cause
	Record     Record
}

// NewGroup returns a group in Init that waits for [InputLinks] and [InputStart].
func NewGroup(c GroupConfig) Group {
	g := Group{Config: c, State: Init, Routers: make([]Router, len(c.Routers))}
	g.Priority = EffectivePriority(c.Priority, g.Health)
	for i := range g.Routers {
		g.Routers[i] = newRouter(c.Routers[i])
	}
	return g
}

func newRouter(c RouterConfig) Router {
	return Router{DownAt: Never, LookAt: Never, AdvertAt: Never, RepeatAt: Never, MasterInterval: c.Interval}
}

// Deadline is when Step wants an [InputTimer]; Never: not on its own account. It
// is later than now after each InputTimer. After another input it may be past: a
// timer is believed only when nothing waits to be read.
func (g *Group) Deadline() Instant {
	next := Never
	if g.Leaving {
		next = g.LeaveBy
	}
	if g.AdoptBy != 0 {
		next = min(next, g.AdoptBy)
	}
	for i := range g.Routers {
		next = min(next, g.Routers[i].DownAt, g.Routers[i].LookAt, g.Routers[i].AdvertAt, g.Routers[i].RepeatAt, g.Routers[i].nextDue())
	}
	return next
}

// Source is the sender's address of the adverts of router i: the configured one,
// else the interface's; invalid when there is none.
func (g *Group) Source(i int) netip.Addr {
	if s := g.Config.Routers[i].Source; s.IsValid() {
		return s
	}
	return g.Routers[i].Link.Source
}

// Done tells that a stopped group has let go of everything.
func (g *Group) Done() bool { return !g.Started && !g.Hold }

// interval is the Advertisement_Interval of router i.
func (g *Group) interval(i int) time.Duration {
	return max(g.Config.Routers[i].Interval, centisecond)
}

// skewTime is Skew_Time of router i for the interval of its master's adverts.
func (g *Group) skewTime(i int, interval time.Duration) time.Duration {
	return g.Config.Routers[i].skewTime(interval, g.Priority)
}

// masterDown is Master_Down_Interval of router i likewise.
func (g *Group) masterDown(i int, interval time.Duration) time.Duration {
	return g.Config.Routers[i].masterDown(interval, g.Priority)
}

func (g *Group) owner() bool { return g.Config.Priority == priorityOwner }

// shortest is the smallest Advertisement_Interval of the group.
func (g *Group) shortest() time.Duration {
	d := maxInterval
	for i := range g.Config.Routers {
		d = min(d, g.interval(i))
	}
	return d
}

// longest is the largest Advertisement_Interval of the group.
func (g *Group) longest() (d time.Duration) {
	for i := range g.Config.Routers {
		d = max(d, g.interval(i))
	}
	return d
}

// longestDown is the largest Master_Down_Interval of the group's routers for a
// backup of this priority.
func (g *Group) longestDown(priority uint8) (d time.Duration) {
	for i := range g.Config.Routers {
		d = max(d, g.Config.Routers[i].masterDown(g.interval(i), priority))
	}
	return d
}
