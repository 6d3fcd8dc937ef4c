package policy

import (
	"time"

	"failover/check"
	"failover/conf"
	"failover/vrrp"
)

// Rule: a director that has not one real server up is no use as a master while
// there is a neighbour that has: it advertises priority 1. So a master that is cut
// off from the servers is relieved, and one that was cut off from the neighbour
// too does not take the mastership back when the networks join again, only to
// refuse every request until its checks have come round.
//
// When all servers are dead both directors see the same, but not at the same
// moment; that alone must not move the mastership. So who is not master goes first
// on the way down and last on the way up: a master stays as it is until its
// neighbour has had the time to find out too ([Disagreement]), and is itself again
// with its first server; a backup waits that long with it. Two directors at
// priority 1 leave the mastership where it is.

// Sight is whether this director has a real server that is up.
type Sight struct {
	Lost bool          // there is none, and some are checked
	Ever bool          // it has been lost at some time in this process
	For  time.Duration // how long it has been as Lost says; without Ever it means nothing
}

// Sees tells whether a real server is up, or may be: there are none, or what is
// with one is not known yet.
func Sees(w *World) bool {
	dead := 0
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			if Standing(w, vs, rs) != check.Down {
				return true
			}
			dead++
		}
	}
	return dead == 0
}

// Disagreement is for how long at most two directors with the same checks can
// have different verdicts on a real server that has died: their rounds are up to
// an interval apart, and each probe of one may take its whole timeout while those
// of the other are refused at once.
func Disagreement(n conf.Node) time.Duration {
	var d time.Duration
	for i := range n.Servers {
		vs := &n.Servers[i]
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			for _, c := range rs.Checks {
				d = max(d, c.Interval+time.Duration(max(c.Rise, c.Fall))*c.Timeout)
			}
		}
	}
	return min(d, time.Minute)
}

// sightHealth is what a lost sight makes of a group's health.
func sightHealth(w *World, group string, h vrrp.Health) vrrp.Health {
	if LostSight(w, group) {
		h.Lowest = true
		h.Causes = append(h.Causes, vrrp.Cause{Kind: vrrp.CauseServers, Detail: NoServer})
	}
	return h
}

// NoServer says why a group has lost sight.
const NoServer = "no real server is up, as seen from here"

// LostSight tells whether a group advertises priority 1 because of this rule.
func LostSight(w *World, group string) bool { return low(w, w.Masters[group]) }

func low(w *World, master bool) bool {
	long := func() bool { return w.Sight.For >= Disagreement(w.Node) }
	switch {
	case w.Sight.Lost:
		return !master || long()
	case !w.Sight.Ever || master:
		return false
	}
	return w.Sight.For < Recovery(w.Node) && (!long() || !serves(w) || !answered(w))
}
