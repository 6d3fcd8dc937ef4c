package policy

import (
	"failover/check"
	"failover/vrrp"
)

// Rule: a group may become master once what stands behind its addresses is in
// place: the guard, the table, and a first verdict of every real server, which
// a start waits for at most [FirstVerdicts]. A group that is master already, an
// adopting restart, does not wait: the engine never takes readiness as a reason
// to step down.

// health is each group's fitness.
func health(w World) map[string]vrrp.Health {
	ready := Ready(w)
	h := make(map[string]vrrp.Health, len(w.Node.Groups))
	for _, g := range w.Node.Groups {
		h[g.Name] = vrrp.Health{Ready: ready}
	}
	return h
}

// Ready tells whether the addresses may go up.
func Ready(w World) bool {
	if len(w.Node.Servers) == 0 {
		return true
	}
	if !w.GuardStands || !w.Reconciled {
		return false
	}
	return w.SinceStart >= FirstVerdicts || allJudged(w)
}

func allJudged(w World) bool {
	for _, vs := range w.Node.Servers {
		for _, rs := range vs.Servers {
			if Standing(w, vs, rs) == check.Unknown {
				return false
			}
		}
	}
	return true
}
