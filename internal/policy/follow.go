package policy

import (
	"fmt"
	"time"

	"failover/check"
	"failover/conf"
	"failover/vrrp"
)

// Rule: with follow_health the director that sees clearly more real servers becomes
// master. The one that sees fewer advertises priority 1, as one does that sees none, so
// that the other takes over and nothing is lost on the way; nobody else does anything.
//
// Clearly more is a tenth of those that count, and one at least; the way back begins
// when the lead is below half of that. Either has to last for the hold of
// follow_health, and for [Disagreement], which is how much later one of two directors
// may find out what both see. Real servers count that have checks and that the operator
// lets take connections, of the virtual servers of the group and of those of none. What
// is not known yet is not seen. Of a director that is not reached nothing is seen, so
// that without a link the rule has no influence once its time is over.

// Behind is how a group stands with this rule.
type Behind struct {
	// Low: another director sees clearly more.
	Low bool
	// Director is who sees most, There how many of Of, Here how many this one.
	Director        string
	Here, There, Of int
	// Since is when the numbers began to speak against Low; zero: they do not.
	Since time.Time
}

// Follow is how the groups with follow_health stand at a moment; w has how they stood.
func Follow(now time.Time, w *World) map[string]Behind {
	next := make(map[string]Behind, len(w.Node.Follow))
	for _, g := range w.Node.Groups {
		if _, follows := w.Node.Follow[g.Name]; follows {
			next[g.Name] = behind(now, w, g)
		}
	}
	return next
}

// Patience is how long the numbers have to speak for a change.
func Patience(n conf.Node, group string) time.Duration {
	return max(n.Follow[group], Disagreement(n))
}

func behind(now time.Time, w *World, g vrrp.GroupConfig) Behind {
	b := w.Behind[g.Name]
	lead := -1
	if len(w.Others) > 0 {
		b.Here, b.Of = seen(w, g, func(id check.ID) check.Status { return w.Verdicts[id].Status })
	}
	for i, o := range w.Others {
		there, _ := seen(w, g, o.Says)
		if i == 0 || there-b.Here > lead {
			b.Director, b.There, lead = o.Director, there, there-b.Here
		}
	}
	need := max(1, (b.Of+9)/10)
	if b.Low {
		need = (need + 1) / 2
	}
	switch against := (lead >= need) != b.Low; {
	case !against:
		b.Since = time.Time{}
	case b.Since.IsZero():
		b.Since = now
	case now.Sub(b.Since) >= Patience(w.Node, g.Name):
		b.Low, b.Since = !b.Low, time.Time{}
	}
	return b
}

// seen counts the real servers behind a group that count, and those of them that are
// up.
func seen(w *World, g vrrp.GroupConfig, says func(check.ID) check.Status) (up, of int) {
	tables := map[string]bool{}
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		if tables[vs.Name] || !behindGroup(vs, g) {
			continue
		}
		tables[vs.Name] = true
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			if len(rs.Checks) == 0 || wantedWeight(w, vs, rs) == 0 {
				continue
			}
			of++
			if says(CheckID(vs, rs)) == check.Up {
				up++
			}
		}
	}
	return up, of
}

// behindGroup tells whether a virtual server's address moves with a group, or with
// none.
func behindGroup(vs *conf.VirtualServer, g vrrp.GroupConfig) bool {
	if vs.VirtualRouter == conf.NoRouter {
		return true
	}
	for _, r := range g.Routers {
		if r.Name == vs.VirtualRouter {
			return true
		}
	}
	return false
}

// followHealth is what seeing fewer real servers makes of a group's health.
func followHealth(w *World, group string, h vrrp.Health) vrrp.Health {
	if b := w.Behind[group]; b.Low {
		h.Lowest = true
		h.Causes = append(h.Causes, vrrp.Cause{Kind: vrrp.CauseServers, Detail: b.Text()})
	}
	return h
}

// Text says in words why a group is low.
func (b Behind) Text() string {
	return fmt.Sprintf("%s sees %d of %d real servers up, this director %d", b.Director, b.There, b.Of, b.Here)
}
