package vrrp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// street is one segment with routers of one VRID that are not all alike, in
// virtual time. Everything follows from its seed.
type street struct {
	t      *testing.T
	rng    *rand.Rand
	seed   uint64
	now    Instant
	loss   float64
	houses []*house
	mail   []letter
	log    []string
	crowd  time.Duration // how long there were several masters
}

// house is one router of the street.
type house struct {
	id     int
	g      Group
	form   int  // whose adverts fit: those of the same form
	rfc    bool // it knows nothing but the RFC: what does not fit it drops
	starts bool // with it: an advert that it drops begins its interval anew, as with keepalived
	up     bool // it runs
	paused bool // what comes while it does not run is lost, and else waits
	part   int  // of the street, where that is split
	heap   []letter
}

// letter is one advert under way.
type letter struct {
	at    Instant
	to    int
	heard Heard
}

// newStreet draws two to four routers, equal but for what the seed says.
func newStreet(t *testing.T, seed uint64, change func(s *street, h *house, c *GroupConfig)) *street {
	s := &street{t: t, rng: rand.New(rand.NewPCG(seed, 2)), seed: seed, now: Instant(time.Hour)}
	for id := range 2 + s.rng.IntN(3) {
		h := &house{id: id, up: true}
		c := lone()
		c.Priority = uint8(2 + s.rng.IntN(250))
		c.Routers[0].Source = netip.AddrFrom4([4]byte{10, 0, byte(s.rng.IntN(256)), byte(id)})
		change(s, h, &c)
		h.g = NewGroup(c)
		s.houses = append(s.houses, h)
	}
	for _, h := range s.houses {
		s.boot(h, Record{})
	}
	return s
}

// boot starts a router's process, with what the one before it left.
func (s *street) boot(h *house, r Record) {
	h.up, h.g = true, NewGroup(h.g.Config)
	s.step(h, Input{Kind: InputLinks, Links: up(1)})
	s.step(h, Input{Kind: InputHealth, Health: Health{Ready: true}})
	s.step(h, Input{Kind: InputStart, Record: r})
}

func (s *street) fatalf(format string, args ...any) {
	s.t.Helper()
	for _, line := range s.log[max(0, len(s.log)-40):] {
		s.t.Log(line)
	}
	s.t.Fatalf("seed %d: %s (again with -seed=%d)", s.seed, fmt.Sprintf(format, args...), s.seed)
}

// step feeds one input to a router and sends what it says.
func (s *street) step(h *house, in Input) {
	for _, o := range h.g.Step(s.now, in, nil) {
		switch o.Kind {
		case OutputAdvert:
			s.send(h, o.Priority)
		case OutputTransition:
			s.log = append(s.log, fmt.Sprintf("%10v  %d (%d) %s>%s %s %s", s.now.Sub(Instant(time.Hour)), h.id, h.g.Priority,
				o.Transition.From, o.Transition.To, o.Transition.Cause.Kind, o.Transition.Cause.Detail))
		}
	}
	checkGroup(s.t, &h.g)
}

func (s *street) send(from *house, priority uint8) {
	for _, to := range s.houses {
		if to == from || to.part != from.part || s.rng.Float64() < s.loss {
			continue
		}
		c := &from.g.Config.Routers[0]
		h := Heard{Src: c.Source, Priority: priority, Interval: c.Interval}
		if to.form != from.form {
			h.Fit = FitDiscarded
		}
		s.mail = append(s.mail, letter{s.now.Add(time.Duration(1+s.rng.Int64N(1000)) * time.Microsecond), to.id, h})
	}
}

// run lets time pass.
func (s *street) run(d time.Duration) {
	for end := s.now.Add(d); ; {
		at, wake := end, -1
		for i, h := range s.houses {
			if h.up && h.g.Deadline() < at {
				at, wake = h.g.Deadline(), i
			}
		}
		next := -1
		for i := range s.mail {
			if s.mail[i].at <= at {
				at, next = s.mail[i].at, i
			}
		}
		if len(s.masters()) > 1 {
			s.crowd += at.Sub(s.now)
		}
		s.now = max(s.now, at)
		switch {
		case next >= 0:
			m := s.mail[next]
			s.mail = slices.Delete(s.mail, next, next+1)
			s.deliver(m)
		case wake >= 0:
			s.step(s.houses[wake], Input{Kind: InputTimer})
		default:
			return
		}
	}
}

func (s *street) deliver(m letter) {
	switch h := s.houses[m.to]; {
	case !h.up && h.paused:
	case !h.up:
		h.heap = append(h.heap, m)
	case h.rfc && m.heard.Fit != FitSame:
		if h.starts && h.g.State == Master {
			h.g.Routers[0].AdvertAt = s.now.Add(h.g.interval(0))
		}
	default:
		s.step(h, Input{Kind: InputAdvert, Heard: m.heard})
	}
}

// wake lets a router that stood still run again: it reads before it believes a
// timer.
func (s *street) wake(h *house) {
	h.up = true
	s.log = append(s.log, fmt.Sprintf("%10v  %d runs again, %d adverts wait", s.now.Sub(Instant(time.Hour)), h.id, len(h.heap)))
	heap := h.heap
	h.heap = nil
	for _, m := range heap {
		s.deliver(m)
	}
}

// trouble splits the street, loses adverts, freezes routers and ends it all.
func (s *street) trouble() {
	for range 12 {
		s.run(time.Duration(s.rng.Int64N(int64(4 * time.Second))))
		h := s.houses[s.rng.IntN(len(s.houses))]
		switch s.rng.IntN(5) {
		case 0:
			h.part = s.rng.IntN(2)
		case 1:
			s.loss = s.rng.Float64() / 2
		case 2, 3:
			if h.up {
				h.up, h.paused = false, s.rng.IntN(2) == 0
			} else {
				s.wake(h)
			}
		default:
			s.loss = 0
		}
	}
	s.loss = 0
	for _, h := range s.houses {
		h.part = 0
		if !h.up {
			s.wake(h)
		}
	}
	s.log = append(s.log, "trouble ends")
}

func (s *street) masters() (list []*house) {
	for _, h := range s.houses {
		if h.up && h.g.State == Master {
			list = append(list, h)
		}
	}
	return list
}

// oneMaster: there is one, and it stays.
func (s *street) oneMaster() *house {
	s.run(20 * time.Second)
	first, before := s.masters(), len(s.log)
	if len(first) != 1 {
		s.fatalf("%d masters", len(first))
	}
	s.run(20 * time.Second)
	if len(s.log) != before {
		s.fatalf("it flaps: %s", s.log[before])
	}
	return first[0]
}

// streets runs each seed.
func streets(run func(seed uint64)) {
	if *simSeed != 0 {
		run(*simSeed)
		return
	}
	for seed := range uint64(2000 / raceFactor) {
		run(seed + 1)
	}
}

// Routers of different settings, each discarding the adverts of the others' kind,
// end with one master, as if they were alike.
func TestStreetOfDifferentSettings(t *testing.T) {
	streets(func(seed uint64) {
		s := newStreet(t, seed, func(s *street, h *house, c *GroupConfig) {
			h.form = s.rng.IntN(2)
			c.Preempt = s.rng.IntN(2) == 0
			if s.rng.IntN(4) == 0 {
				c.Routers[0].Incompatible = Hold
			}
		})
		s.trouble()
		s.oneMaster()
	})
}

// With one that knows nothing but the RFC there is one master, where we yield; and
// where we hold, the best of us is one.
func TestStreetWithAStranger(t *testing.T) {
	streets(func(seed uint64) {
		policy := []Incompatible{Yield, Hold}[seed%2]
		s := newStreet(t, seed, func(s *street, h *house, c *GroupConfig) {
			c.Routers[0].Incompatible = policy
			if h.id == 0 {
				h.form, h.rfc, h.starts = 1, true, s.rng.IntN(2) == 0
			}
		})
		s.trouble()
		if policy == Yield {
			s.run(60 * time.Second) // each of us may try once
			s.oneMaster()
			return
		}
		s.run(20 * time.Second)
		stranger, best := s.houses[0], s.houses[1]
		for _, h := range s.houses[1:] {
			if h.g.Priority > best.g.Priority || h.g.Priority == best.g.Priority && h.g.State == Master {
				best = h
			}
		}
		if best.g.Priority > stranger.g.Priority && best.g.State != Master {
			s.fatalf("%d does not hold against the stranger", best.id)
		}
	})
}

// A master that does not preempt and stands still for any time, its mail waiting
// or lost, leaves the role to who took over.
func TestStreetWithAFrozenMaster(t *testing.T) {
	streets(func(seed uint64) {
		s := newStreet(t, seed, func(_ *street, _ *house, c *GroupConfig) { c.Preempt = false })
		s.run(10 * time.Second)
		frozen := s.masters()[0]
		frozen.up, frozen.paused = false, s.rng.IntN(2) == 0
		s.run(time.Duration(s.rng.Int64N(int64(20 * time.Second))))
		took, long, waiting := s.masters(), frozen.g.isReplaced(s.now), len(frozen.heap)
		s.wake(frozen)
		if m := s.oneMaster(); len(took) == 1 && (long || waiting > 0) && m != took[0] {
			s.fatalf("%d took the role back from %d", m.id, took[0].id)
		}
	})
}
