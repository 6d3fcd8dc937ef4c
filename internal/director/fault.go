package director

import (
	"time"

	"failover/check"
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
		d.lookIn(policy.Recovery(d.world.Node))
		d.askAgain()
	}
}

// askAgain begins the checks of the real servers anew. What was asked behind a
// dead link says nothing of them: a probe that is still under way would take a
// server out of the table just when the group takes over. A server that is up
// stays so until it fails anew; of one that is down the first result decides.
func (d *Director) askAgain() {
	adopted := make(map[check.ID]bool)
	rest := make(map[check.ID]check.Work)
	trackWork(d.world.Node, rest)
	for id, v := range d.world.Verdicts {
		adopted[id] = v.Status == check.Up
		v.Asked = false
		d.world.Verdicts[id] = v
	}
	d.pool.Set(rest)
	d.pool.Set(work(d.world.Node, adopted))
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
