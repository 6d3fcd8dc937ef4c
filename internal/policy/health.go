package policy

import (
	"slices"
	"time"

	"failover/check"
	"failover/conf"
	"failover/vrrp"
)

// Rule: a group may become master once what stands behind its addresses is in
// place: the guard, the table, and a first verdict on every real server and track,
// which a start waits for at most [FirstVerdicts]. A group that is master already,
// an adopting restart, does not wait: the engine never takes readiness as a reason
// to step down.

// Rule: a group comes back from a fault blind. While its interface was down its
// checks failed and its table ran empty; with a higher priority it would take
// over from a neighbour that serves, and refuse every request. So it waits until
// the kernel's table can serve each virtual server again and every server in it
// has answered: after a short fault the table may be full and the way to the
// servers not yet there (the kernel asks for a hardware address once a second).
// It waits for as long as a check takes to find a server up, no longer: where all
// servers are dead there is still a master.

// Rule: with a peer link a start does not take a mastership over to serve less. A
// machine that boots has its daemon before its last address or route, and finds servers
// down that are up: as long as a virtual server has none that is up here and one that is
// up by another director's word, this one is not ready, for as long as a check takes to
// find a server up. Where the other one has gone there is no such word.

// health is each group's fitness.
func health(w *World) map[string]vrrp.Health {
	ready := Ready(w)
	h := make(map[string]vrrp.Health, len(w.Node.Groups))
	for _, g := range w.Node.Groups {
		fault, delta, causes := trackHealth(w, g.Name)
		own := vrrp.Health{Ready: ready && quiet(w, g) && !blind(w, g.Name) && !lacks(w), Fault: fault, Delta: delta, Causes: causes}
		own = followHealth(w, g.Name, sightHealth(w, g.Name, stepHealth(w, g.Name, own)))
		h[g.Name] = maintenanceHealth(w, preferredHealth(w, g, own))
	}
	return h
}

// quiet tells whether what must not be answered is not: by the interface below a
// virtual MAC address, with its own, and at an address that is not accepted.
func quiet(w *World, g vrrp.GroupConfig) bool {
	return w.GuardStands || !slices.ContainsFunc(g.Routers, func(r vrrp.RouterConfig) bool { return r.VirtualMAC || r.NoAccept })
}

func blind(w *World, group string) bool {
	since, faulted := w.SinceFault[group]
	return faulted && since < Recovery(w.Node) && (since == 0 || !serves(w) || !answered(w))
}

// StartPatience is for how long a start waits to serve what another director serves.
func StartPatience(n conf.Node) time.Duration { return max(JoinPatience, Recovery(n)) }

// lacks tells whether a director that starts would serve less than another one does.
func lacks(w *World) bool {
	if len(w.Others) == 0 || w.SinceStart >= StartPatience(w.Node) {
		return false
	}
	return slices.ContainsFunc(w.Node.Servers, func(one conf.VirtualServer) bool {
		vs, there := &one, false
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			switch {
			case Standing(w, vs, rs) == check.Up:
				return false
			case slices.ContainsFunc(w.Others, func(o Other) bool { return o.Says(CheckID(vs, rs)) == check.Up }):
				there = true
			}
		}
		return there
	})
}

// answered tells whether every server that takes connections by the kernel's
// table has answered since its check began, and not failed since.
func answered(w *World) bool {
	have := inKernel(w)
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		there := have[vs.Key]
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			if len(rs.Checks) == 0 || !there.takesThere(rs.Address) {
				continue
			}
			if v := w.Verdicts[CheckID(vs, rs)]; !v.Asked || v.Streak > 0 {
				return false
			}
		}
	}
	return true
}

// Recovery is how long the checks of a node need at most to find its servers up
// again: [FirstVerdicts] at least, a minute at most.
func Recovery(n conf.Node) time.Duration {
	d := FirstVerdicts
	for i := range n.Servers {
		vs := &n.Servers[i]
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			for _, c := range rs.Checks {
				d = max(d, time.Duration(c.Rise)*c.Interval+c.Timeout)
			}
		}
	}
	return min(d, time.Minute)
}

// serves tells whether the kernel's table has for each virtual server a server
// that takes connections, be it the sorry server.
func serves(w *World) bool {
	have := inKernel(w)
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		there := have[vs.Key]
		if !anyOf(vs, func(rs *conf.RealServer) bool { return there.takesThere(rs.Address) }) {
			return false
		}
	}
	return true
}

// Ready tells whether the addresses may go up.
func Ready(w *World) bool {
	if w.Joining && w.SinceStart < JoinPatience {
		return false
	}
	if len(w.Node.Servers) > 0 && (!w.GuardStands || !w.Reconciled) {
		return false
	}
	return w.SinceStart >= FirstVerdicts || allJudged(w) && allThere(w)
}

// allThere tells whether every server that belongs into the kernel's table has
// arrived there.
func allThere(w *World) bool {
	have := inKernel(w)
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		there := have[vs.Key]
		for _, s := range members(w, vs, there) {
			if _, is := there.weight(s.Address); !is {
				return false
			}
		}
	}
	return true
}

func allJudged(w *World) bool {
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			if Standing(w, vs, rs) == check.Unknown {
				return false
			}
		}
	}
	for _, t := range w.Node.Tracks {
		if TrackStanding(w, t).Status == check.Unknown {
			return false
		}
	}
	return true
}
