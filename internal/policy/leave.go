package policy

import (
	"failover/internal/host"
	"failover/lvs"
)

// Rule: with on_stop = "remove" a director that was asked to stop takes its part
// along once the addresses are off and the connections have ended: the services
// that are ours, synchronisation, and the guard and marks after them. Settings of
// the machine stay; release gives those back.

// Nothing is the table and the settings that a director leaves behind. It asks for
// nothing, which takes away what is ours and leaves sysctls as they are.
func Nothing() (lvs.Table, host.Desired) { return lvs.Table{}, host.Desired{} }
