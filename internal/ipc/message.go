// Package ipc is the line between the two processes: the engine, which elects
// and moves addresses, and the director, which knows the configuration, the
// checks and the table. Both ends are one binary started together, so the form
// is private and unversioned.
//
// What the director sends is always whole, a configuration, a health: a lost,
// repeated or late message is harmless.
package ipc

import (
	"os"
	"time"

	"failover/vrrp"
)

// ToEngine is one message of the director. Exactly one field is set.
type ToEngine struct {
	Configure *Configure             `json:",omitempty"`
	Health    map[string]vrrp.Health `json:",omitempty"`
	Query     uint64                 `json:",omitempty"` // answered with a Status of this number
	Ready     bool                   `json:",omitempty"` // the first reconcile is done: tell the service manager
	Refuse    *Refuse                `json:",omitempty"`
	// Follows tells whether the table goes by another director's word for some real
	// servers, at the moment; Prepared answers Prepare.
	Follows  *bool  `json:",omitempty"`
	Prepared string `json:",omitempty"`
	Alive    bool   `json:",omitempty"` // the director's lease, renewed every second
	// Opening is said every second before that: the director lives, and reads the
	// configuration and the kernel's table.
	Opening bool `json:",omitempty"`
	// Waits answers a greeting with Wait: the configuration can be used.
	Waits bool `json:",omitempty"`
	// Restart asks for a restart in place, answered with Restarted. Bequest answers
	// Bequeath.
	Restart bool     `json:",omitempty"`
	Bequest *Bequest `json:",omitempty"`

	Files []*os.File `json:"-"` // the sockets of Bequest
}

func (m *ToEngine) carried() *[]*os.File { return &m.Files }

// Configure is the whole configuration of the engine.
type Configure struct {
	Groups []vrrp.GroupConfig
	// Realtime and LogFormat are what the next engine process starts with: the
	// policy of its threads is set before it is executed.
	Realtime  bool
	LogFormat string
	// StateDir is where the director keeps its memory, told to its successor, which
	// may find a file it cannot read.
	StateDir string
	// Leave is how long the director may go on after the hand-over of a stop, to take
	// its part along; 0: it leaves with the line and touches nothing.
	Leave time.Duration `json:",omitempty"`
}

// Refuse ends a start that cannot succeed: an invalid configuration, a kernel
// without IPVS. Once the director was ready the engine takes it for a crash.
type Refuse struct {
	ExitCode int
	Reason   string
	Hint     string
	Details  []string `json:",omitempty"` // one line each: the errors of a file
}

// ToDirector is one message of the engine. Exactly one field is set.
type ToDirector struct {
	Hello      *Hello           `json:",omitempty"`
	Transition *vrrp.Transition `json:",omitempty"`
	Status     *Status          `json:",omitempty"`
	Reload     bool             `json:",omitempty"` // SIGHUP came
	// Prepare is the group whose addresses are about to go up: have the table go by the
	// checks here, and say Prepared.
	Prepare string `json:",omitempty"`
	Leave   bool   `json:",omitempty"` // the addresses are off: take your part along
	// Bequeath asks what the next director needs to know. Restarted is the end of a
	// restart; where it was one the director leaves.
	Bequeath  bool       `json:",omitempty"`
	Restarted *Restarted `json:",omitempty"`
	// Begin follows a greeting with Wait: the director before has gone.
	Begin *Bequest `json:",omitempty"`

	Files []*os.File `json:"-"` // the sockets of Begin
}

func (m *ToDirector) carried() *[]*os.File { return &m.Files }

// Restarted is what came of a restart in place.
type Restarted struct {
	Refused *Refuse `json:",omitempty"` // why not; nothing has changed then
	PID     int     // of the new engine
	Version string  // of the new program
}

// Hello is the engine's first message to each director process.
type Hello struct {
	// Resume: the service was up before, in this engine's life or in that of one
	// that was killed, so a broken file must not end it.
	Resume bool
	// StateDir is where a director of before kept its memory; empty: there was none.
	StateDir string
	// Wait: another director is at work. Read the configuration, say Waits, and
	// touch nothing before Begin.
	Wait bool
}

// Status is the answer to a Query.
type Status struct {
	Query   uint64
	Now     vrrp.Instant
	Routers []vrrp.RouterStatus
	// Unmatched counts, by interface and [vrrp.Reject], the packets of no router.
	Unmatched map[string]map[string]uint64 `json:",omitempty"`
	// DirectorStarts counts the director processes of this engine.
	DirectorStarts int
}
