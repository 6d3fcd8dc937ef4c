package vrrp

import "time"

// stage is what a world is going through.
type stage uint8

// The stages.
const (
	stageTrouble  stage = iota // anything may happen
	stageSettling              // the faults are over
	stageOrdinary              // one thing happens, with what it takes to settle
	stageCalm                  // nothing happens, and nothing may move
	stages
)

var stageNames = [stages]string{"many faults at once", "settling after them", "one fault, and settling", "no fault"}

// tally counts what happened in one world or in many.
type tally struct {
	Timers    uint64 // that ran out
	Sent      uint64 // adverts
	Heard     uint64 // adverts that reached a process
	Lost      uint64 // adverts lost by chance
	Discarded uint64 // adverts of a neighbour that is not compatible
	Moves     uint64 // changes of role
	Elections uint64 // of them to master
	Contested uint64 // adverts of another master, answered
	Faults    uint64 // and changes made on purpose
	Kinds     map[string]uint64
	Stages    [stages]time.Duration // times the routers that were up
}

// count counts a fault or a change by its kind.
func (w *world) count(kind string) {
	if w.tally.Kinds == nil {
		w.tally.Kinds = map[string]uint64{}
	}
	w.tally.Faults++
	w.tally.Kinds[kind]++
}

// add adds what o counted.
func (t *tally) add(o *tally) {
	t.Timers += o.Timers
	t.Sent += o.Sent
	t.Heard += o.Heard
	t.Lost += o.Lost
	t.Discarded += o.Discarded
	t.Moves += o.Moves
	t.Elections += o.Elections
	t.Contested += o.Contested
	t.Faults += o.Faults
	if t.Kinds == nil {
		t.Kinds = map[string]uint64{}
	}
	for kind, n := range o.Kinds {
		t.Kinds[kind] += n
	}
	for i, d := range o.Stages {
		t.Stages[i] += d
	}
}

// events is how much was simulated, as far as it costs time.
func (t *tally) events() uint64 { return t.Timers + t.Heard }

// routed is the time of the routers that were up.
func (t *tally) routed() (d time.Duration) {
	for _, s := range t.Stages {
		d += s
	}
	return d
}
