package policy

import (
	"fmt"

	"failover/vrrp"
)

// Rule: a director that the operator prefers is master of the group while it is
// healthy. The others advertise a priority just below its configured one, so that it
// outbids them, takes over as from any master it outbids, and stays; with a fault or a
// penalty of its own it falls below them, and one of them is master meanwhile.

// Preferred is who is to be master of a group, and its configured priority there.
type Preferred struct {
	Director string
	Priority int
}

// preferredHealth is what the preference for another director makes of a group's
// health.
func preferredHealth(w *World, g vrrp.GroupConfig, h vrrp.Health) vrrp.Health {
	p, some := w.Preferred[g.Name]
	if !some || p.Director == w.Node.Name {
		return h
	}
	if over := int(g.Priority) - (p.Priority - 1); over > 0 {
		h.Delta -= over
		h.Causes = append(h.Causes, vrrp.Cause{Kind: vrrp.CausePreferred, Detail: fmt.Sprintf("%s is preferred", p.Director)})
	}
	return h
}
