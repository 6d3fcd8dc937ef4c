package director

import (
	"time"

	"failover/internal/policy"
	"failover/vrrp"
)

// note keeps when a group's fault ended, and comes back to it when the wait that
// follows is over.
func (d *Director) note(t vrrp.Transition) {
	switch vrrp.Fault {
	case t.To:
		d.faults[t.Group] = time.Time{}
	case t.From:
		d.faults[t.Group] = time.Now()
		d.patience.Reset(policy.Recovery(d.world.Node))
	}
}

// sinceFaults is the age of each group's last fault.
func (d *Director) sinceFaults() map[string]time.Duration {
	m := make(map[string]time.Duration, len(d.faults))
	for group, ended := range d.faults {
		m[group] = 0
		if !ended.IsZero() {
			m[group] = time.Since(ended)
		}
	}
	return m
}
