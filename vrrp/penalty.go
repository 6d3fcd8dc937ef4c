package vrrp

import (
	"fmt"
	"net/netip"
)

// Fellow is another director of the same deployment.
type Fellow struct {
	Source netip.Addr // of its adverts
	Full   uint8      // its priority in full health; 0 where we preempt by priority alone
}

// Health apart from priority: what a router lacks of its full priority is its
// penalty. A director may have a low priority and be in perfect health, and with
// Preempt_Mode False that is what counts.

// Penalty is what the group lacks of its full priority, 0 in full health.
func (g *Group) Penalty() int {
	full := g.Config.Full
	if full == 0 {
		full = g.Config.Priority
	}
	return max(0, int(full)-int(g.Priority))
}

// penaltyOf is that of the master heard on router i. What the file does not know,
// a foreign router for one, has none: its priority is its own affair. Where the
// file does not tell a source on one interface it may on another: the routers of a
// group have one health, so who advertises the same priority there is the same.
func (g *Group) penaltyOf(i int, h Heard) int {
	if p, known := g.Config.Routers[i].penaltyOf(h); known {
		return p
	}
	for j := range g.Routers {
		r := &g.Routers[j]
		if j == i || r.MasterPriority != h.Priority || r.MasterSeen == 0 {
			continue
		}
		if p, known := g.Config.Routers[j].penaltyOf(Heard{Src: r.MasterAddress, Priority: r.MasterPriority}); known {
			return p
		}
	}
	return 0
}

// penaltyOf is that of a router that is known by its source.
func (c *RouterConfig) penaltyOf(h Heard) (penalty int, known bool) {
	for _, f := range c.Fellows {
		if f.Source == h.Src {
			return max(0, int(f.Full)-int(h.Priority)), true
		}
	}
	return 0, false
}

// lessHealthy tells whether the master heard on router i is less healthy than
// this group. Priority 1 asks any healthy neighbour to take over, known or not.
func (g *Group) lessHealthy(i int, h Heard) bool {
	return h.Priority == priorityLowest || g.penaltyOf(i, h) > g.Penalty()
}

// preemptDetail says why the master heard on router i is preempted.
func (g *Group) preemptDetail(i int) string {
	r := &g.Routers[i]
	text := fmt.Sprintf("%v has priority %d, we have %d", r.MasterAddress, r.MasterPriority, g.Priority)
	if g.Config.Preempt || g.owner() {
		return text
	}
	penalty := g.penaltyOf(i, Heard{Src: r.MasterAddress, Priority: r.MasterPriority})
	if penalty == 0 {
		return text + ", and it asks to be relieved"
	}
	return text + fmt.Sprintf(", and it is less healthy: it lacks %d of its priority, we %d", penalty, g.Penalty())
}
