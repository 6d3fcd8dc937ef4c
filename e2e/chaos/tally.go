package chaos

import (
	"cmp"
	"slices"
	"time"
)

// Span is a time in which a client tried something, and whether that came to nothing.
type Span struct {
	From, To time.Time
	Failed   bool
}

// Played is a step and when it was: from before it was done until the pair was whole.
type Played struct {
	Step
	Promise  Promise
	From, To time.Time
}

// Outcome is what clients saw of a step.
type Outcome struct {
	Played
	Requests, Failed int
	Held, Broken     int           // connections older than [HeldAge] when it began
	Gap              time.Duration // the longest without an answer
	// Excess is what was lost against the promise; 0: nothing.
	FailedExcess, BrokenExcess int
}

// HeldAge is how old a connection is that the promise is about: it is in the tables
// of both directors by then.
const HeldAge = 5 * time.Second

// Judge gives every request and every held connection to the step that it was under
// way in. A loss that spans several steps goes to the first whose promise allows it,
// else to the first.
func Judge(steps []Played, requests []Span, conns []Conn) []Outcome {
	all := make([]Outcome, len(steps))
	for i, p := range steps {
		all[i].Played = p
	}
	for _, r := range requests {
		own := first(steps, r.From)
		if own < 0 {
			continue
		}
		all[own].Requests++
		if r.Failed {
			all[blamed(steps, r.From, r.To, func(p Played) bool { return p.Promise.Requests != None })].Failed++
		}
	}
	for _, c := range conns {
		for i, p := range steps {
			if old(c, p.From) && (!c.Broken || c.Broke.After(p.From)) {
				all[i].Held++
			}
		}
		if c.Broken {
			i := blamed(steps, c.LastUse, c.Broke, func(p Played) bool { return p.allowsBroken(c) })
			if i >= 0 && old(c, steps[i].From) {
				all[i].Broken++
				if !steps[i].allowsBroken(c) {
					all[i].BrokenExcess++
				}
			}
		}
	}
	for i := range all {
		o := &all[i]
		o.Gap = gap(requests, o.From, o.To)
		switch o.Promise.Requests {
		case None:
			o.FailedExcess = o.Failed
		case InFlight:
			o.FailedExcess = max(0, o.Failed-MostInFlight)
		}
	}
	return all
}

// Conn is the life of one held connection.
type Conn struct {
	Server  string
	Opened  time.Time
	LastUse time.Time // when its newest exchange that succeeded began
	Broken  bool
	Broke   time.Time
}

func old(c Conn, at time.Time) bool { return !c.Opened.After(at.Add(-HeldAge)) }

func (p Played) allowsBroken(c Conn) bool {
	return p.Promise.Held == Its && string(p.Hit) == c.Server
}

// first is the step that a moment belongs to: the last one that had begun; −1 before
// the first.
func first(steps []Played, at time.Time) int {
	i, _ := slices.BinarySearchFunc(steps, at, func(p Played, t time.Time) int {
		return cmp.Or(p.From.Compare(t), -1) // behind those that began at t
	})
	return i - 1
}

// blamed is the step that a loss from one time to another goes to; −1: it was over
// before the first.
func blamed(steps []Played, from, to time.Time, allows func(Played) bool) int {
	begin := max(0, first(steps, from))
	for i := begin; i < len(steps) && !steps[i].From.After(to); i++ {
		if allows(steps[i]) {
			return i
		}
	}
	if first(steps, to) < 0 {
		return -1
	}
	return begin
}

// gap is the longest time between two answers, from one time to another.
func gap(requests []Span, from, to time.Time) time.Duration {
	marks := []time.Time{from, to}
	for _, r := range requests {
		if !r.Failed && r.To.After(from) && r.To.Before(to) {
			marks = append(marks, r.To)
		}
	}
	slices.SortFunc(marks, time.Time.Compare)
	var longest time.Duration
	for i := range marks[1:] {
		longest = max(longest, marks[i+1].Sub(marks[i]))
	}
	return longest
}
