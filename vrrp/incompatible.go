package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Incompatible is what a virtual router does about a neighbour that goes on as
// master beside it, though it is outranked: one that discards our adverts.
type Incompatible string

// The ways to deal with it.
const (
	// Yield leaves it the mastership for as long as it goes on: one master, the
	// worse one. It is what the empty string stands for.
	Yield Incompatible = "yield"
	// Hold stays master: two masters, until a person ends it.
	Hold Incompatible = "hold"
)

// Fit tells how an advert goes with what we send ourselves.
type Fit uint8

// The ways an advert may fit.
const (
	// FitSame: it counts, and its sender has no reason to discard ours.
	FitSame Fit = iota
	// FitDiffers: it counts, but its sender may discard ours, for it has another list
	// of addresses or another form of checksum.
	FitDiffers
	// FitDiscarded: it must not count (RFC 9568 section 7.1, RFC 3768 section 7.1).
	// All it tells is that somebody who has our addresses is alive and master.
	FitDiscarded
)

// rivalsKept bounds the rivals of one router that are told apart.
const rivalsKept = 4

// Rival is a neighbour that speaks as master while we are it and outrank it.
type Rival struct {
	Address  netip.Addr
	Priority uint8 // as last heard
	Interval time.Duration
	Fit      Fit
	Seen     Instant // its newest advert
	// GiveWayBy is when it has had the time to give way, counted from the first
	// advert of an unbroken row.
	GiveWayBy Instant
	// Word tells that it has said, with priority 1, that it has given way; or that it
	// asks to be relieved.
	Word bool
	// GoesOn tells that it has not given way.
	GoesOn bool
	// Unanswered tells that what it announced was not announced over.
	Unanswered bool
}

// end is when a rival that says nothing more is forgotten.
func (v *Rival) end() Instant { return v.Seen.Add(MasterDownInterval(v.Interval, priorityLowest)) }

// deaf tells that a rival discards our adverts for certain, as we do its own: to
// differ is mutual. Only another failover gives way all the same, and says so.
// Silence is no sign of it: keepalived, 2.2.7 at least, begins its interval anew
// with each advert that it discards, and so says nothing while it goes on.
func (v *Rival) deaf() bool { return v.Fit == FitDiscarded && !v.Word }

// due is when something is to be done about a rival.
func (v *Rival) due() Instant {
	if v.deaf() && !v.GoesOn {
		return min(v.end(), v.GiveWayBy)
	}
	return v.end()
}

// beside notes that a neighbour that we outrank spoke as master on router i while
// we are it. One that hears us gives way at once. One that still speaks a
// Master_Down_Interval later discards our adverts, or does not get them; where
// there is a reason to discard them, Incompatible decides.
//
// What it announced is announced over at once, except by who may have to leave it
// the mastership: its announcements are to be the last ones then, for it may
// never learn of ours. It tells whether we are still master.
func (s *step) beside(i int, h Heard) bool {
	v := s.Routers[i].rival(h.Src)
	if s.now >= v.end() {
		*v = s.newRival(i, h)
	}
	v.Seen, v.Interval, v.Priority, v.Fit = s.now, h.Interval, h.Priority, h.Fit
	v.Word = v.Word || h.Priority == priorityLowest
	v.GoesOn = v.GoesOn || s.now >= v.GiveWayBy
	switch odd := s.mayLeave(i, h); {
	case odd && v.GoesOn:
		s.leaveTo(i, *v)
		return false
	case odd && h.Priority != priorityLowest:
		v.Unanswered = true
	default:
		s.emit(Output{Kind: OutputContested, Router: i})
	}
	return true
}

func (s *step) newRival(i int, h Heard) Rival {
	patience := s.masterDown(i, max(s.interval(i), h.Interval))
	return Rival{Address: h.Src, Interval: h.Interval, Priority: h.Priority, Fit: h.Fit, Seen: s.now, GiveWayBy: s.now.Add(patience)}
}

// preempted is the master on router i whom a take-over preempts, where it may
// not hear of it: a rival from now on, that may never speak again.
func (s *step) preempted(i int) []Rival {
	r := &s.Routers[i]
	if !r.Preempting || r.MasterFit == FitSame {
		return nil
	}
	return []Rival{s.newRival(i, Heard{Src: r.MasterAddress, Priority: r.MasterPriority, Interval: r.MasterInterval, Fit: r.MasterFit})}
}

// resigned forgets a rival that ends.
func (s *step) resigned(i int, src netip.Addr) {
	r := &s.Routers[i]
	if r.Rivals = slices.DeleteFunc(r.Rivals, func(v Rival) bool { return v.Address == src }); len(r.Rivals) == 0 {
		r.Rivals = nil
	}
}

// leaveTo gives the mastership to a rival that goes on.
func (s *step) leaveTo(i int, v Rival) {
	s.yield(i, Heard{Src: v.Address, Priority: v.Priority, Interval: v.Interval}, Cause{Kind: CauseIncompatible,
		Detail: fmt.Sprintf("%v goes on as master with priority %d, we have %d: it discards our adverts", v.Address, v.Priority, s.Priority)})
	s.Routers[i].LeftTo = v.Address
}

// watch does what is due of the rivals of router i: it decides about those that
// are deaf, and forgets those that gave way, having announced over what they
// announced last.
func (s *step) watch(i int) {
	r := &s.Routers[i]
	for j := range r.Rivals {
		v := &r.Rivals[j]
		if v.deaf() && s.now >= v.GiveWayBy {
			v.GoesOn = true
			if s.mayLeave(i, Heard{Fit: v.Fit}) {
				s.leaveTo(i, *v)
				return
			}
		}
	}
	over := func(v Rival) bool { return v.end() <= s.now }
	if slices.ContainsFunc(r.Rivals, func(v Rival) bool { return over(v) && v.Unanswered }) {
		s.emit(Output{Kind: OutputContested, Router: i})
	}
	if r.Rivals = slices.DeleteFunc(r.Rivals, over); len(r.Rivals) == 0 {
		r.Rivals = nil
	}
}

// pace is the time between two adverts of router i. While there is a rival that
// may discard them it is half as long again, still short enough for a backup to
// miss one, so that a rival of the same interval gets to speak (see deaf).
func (g *Group) pace(i int) time.Duration {
	for _, v := range g.Routers[i].Rivals {
		if v.Fit != FitSame {
			return g.interval(i) * 3 / 2
		}
	}
	return g.interval(i)
}

// mayLeave tells whether the mastership is left to a neighbour that goes on. An
// owner has the addresses for good.
func (g *Group) mayLeave(i int, h Heard) bool {
	return h.Fit != FitSame && !g.owner() && g.Config.Routers[i].Incompatible != Hold
}

// leaves tells whether a backup leaves a master of lower priority alone that may
// discard our adverts: the one that it has given way to; and any whose adverts we
// discard, for differences are mutual. Only a director of our own file gives way
// all the same, to whoever outranks it, and who has priority 1 asks for it.
func (g *Group) leaves(i int, h Heard) bool {
	if !g.mayLeave(i, h) {
		return false
	}
	return h.Src == g.Routers[i].LeftTo ||
		h.Fit == FitDiscarded && h.Priority != priorityLowest && !g.Config.Routers[i].fellow(h.Src)
}

// fellow tells whether an address is another director's.
func (c *RouterConfig) fellow(src netip.Addr) bool {
	return slices.ContainsFunc(c.Fellows, func(f Fellow) bool { return f.Source == src })
}

// rival returns the entry of a neighbour; who was silent for longest makes room.
func (r *Router) rival(src netip.Addr) *Rival {
	i := slices.IndexFunc(r.Rivals, func(v Rival) bool { return v.Address == src })
	if i < 0 && len(r.Rivals) < rivalsKept {
		i = len(r.Rivals)
		r.Rivals = append(r.Rivals, Rival{Address: src})
	}
	if i < 0 {
		i = 0
		for j := range r.Rivals {
			if r.Rivals[j].Seen < r.Rivals[i].Seen {
				i = j
			}
		}
		r.Rivals[i] = Rival{Address: src}
	}
	return &r.Rivals[i]
}

// nextDue is when the first of the rivals is due.
func (r *Router) nextDue() Instant {
	at := Never
	for i := range r.Rivals {
		at = min(at, r.Rivals[i].due())
	}
	return at
}

// beheld tells of a neighbour of router i what the election makes of it.
func (g *Group) beheld(i int, n *Neighbour) {
	r := &g.Routers[i]
	switch g.State {
	case Master:
		k := slices.IndexFunc(r.Rivals, func(v Rival) bool { return v.Address == n.Address })
		n.GoesOn = k >= 0 && r.Rivals[k].GoesOn
	case Backup:
		h := Heard{Src: n.Address, Priority: n.Priority, Interval: n.Interval}
		if n.Rejected != "" {
			h.Fit = FitDiscarded
		} else if len(n.Incompatible()) > 0 {
			h.Fit = FitDiffers
		}
		n.Left = n.Address == r.MasterAddress && n.Priority < g.Priority && g.leaves(i, h)
	}
}
