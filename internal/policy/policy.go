// Package policy decides what the machine should look like. [Desired] is a pure
// function of everything the director knows, the [World]; one rule stands in
// each file. It reads no clock, no socket and no kernel.
package policy

import (
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/host"
	"failover/lvs"
	"failover/vrrp"
)

// FirstVerdicts is how long a start waits for the first verdict on every real
// server and track before the addresses may go up without them.
const FirstVerdicts = 5 * time.Second

// JoinPatience is how long a start waits for the connections of the other director.
const JoinPatience = 10 * time.Second

// World is everything the director knows when it decides.
type World struct {
	Node conf.Node
	// Verdicts on the real servers that have checks and on tracks. A missing one is
	// unknown.
	Verdicts map[check.ID]check.Verdict
	// Overrides are what the operator says of real servers, by [CheckID].
	Overrides map[check.ID]Override
	// Quorum is which virtual servers have their quorum, by name, as Desired said
	// last; of one that is not in it nothing is known.
	Quorum map[string]bool
	// SorryIdle has the virtual servers, by name, whose sorry server has no connections
	// left, or has had its time, since it is not needed any more.
	SorryIdle map[string]bool
	// Leaving: the director takes its part along ([Nothing]).
	Leaving bool
	// Preferred has the groups for which the operator prefers a director.
	Preferred map[string]Preferred
	// Maintenance: the operator is at work on this machine ([maintenanceHealth]).
	Maintenance bool
	// Joining: another director was not tried yet, or its connections are being taken
	// over. It holds up a start, for [JoinPatience] at most.
	Joining bool
	// SinceStart is the age of this director process.
	SinceStart time.Duration
	// GuardStands: the host settings, the guard among them, have been written.
	GuardStands bool
	// StepFailed has the groups whose take-over step has failed, and how.
	StepFailed map[string]string
	// Reconciled: the table has been brought to what we want at least once.
	Reconciled bool
	// Kernel is the table that the kernel has, as last read.
	Kernel lvs.Table
	// SinceFault is how long ago each group came back from its last fault, 0 while
	// that lasts. A group that has had none is not in it.
	SinceFault map[string]time.Duration
	// Masters has the groups that are master, as far as that is known.
	Masters map[string]bool
	// Sight is whether [Sees] holds, and for how long.
	Sight Sight
	// Others are the directors that are reached and have the same configuration.
	Others []Other
	// Disputes are what [Agree] has found, Behind what [Follow] has, by group.
	Disputes Disputes
	Behind   map[string]Behind
}

// Wanted is the whole of what should be: the table, the machine's settings, and
// each group's health for the engine.
type Wanted struct {
	Table  lvs.Table
	Host   host.Desired
	Health map[string]vrrp.Health
	// Quorum is World.Quorum for the next decision.
	Quorum map[string]bool
}

// Desired computes what should be.
func Desired(w World) Wanted {
	t := table(&w)
	h := settings(&w, t)
	if w.Leaving {
		t, _ = Nothing() // the guard goes when this is in the kernel
	}
	return Wanted{
		Table:  t,
		Host:   h,
		Health: health(&w),
		Quorum: quorums(&w),
	}
}
