package hook

import (
	"time"

	"failover/vrrp"
)

// StepState is how the take-over step of a group stands.
type StepState string

// The states of a step. A failed one stays failed, in other states of the group
// too, until it succeeds or the configuration has another one.
const (
	StepNone    StepState = ""
	StepRunning StepState = "running"
	StepDone    StepState = "done"
	StepFailed  StepState = "failed"
)

// Status is how the hooks of one group stand.
type Status struct {
	Told    vrrp.State // what they were told last
	Dropped uint64     // changes that they were never told
	// Held: the group is master, and is not reported so, because its step has not
	// succeeded.
	Held    bool
	Step    StepState
	Attempt int       // of the step that runs or ran last, from 1
	Detail  string    // what became of the newest attempt
	Since   time.Time // when the step was begun
	Runs    map[string]Run
}

// Run is the newest notification of a virtual router.
type Run struct {
	State   vrrp.State // that it was told
	At      time.Time
	Running bool
	OK      bool   // it ended with status 0
	Detail  string // "exit status 0", "timeout after 10s"
}
