package policy

import (
	"failover/check"
	"failover/conf"
)

// Rule: a virtual server has its quorum while the weights of its real servers
// that may take connections, by their checks and by the operator, come to quorum
// at least (1 where the file says nothing). With hysteresis one that has it keeps
// it down to quorum - hysteresis, though never without any server, and one that
// has lost it gets it back at quorum + hysteresis. What it had is the state that
// Desired hands out and is given again; it begins when every server has been
// judged, with the plain quorum, so that a start decides like its neighbour.

// quorums is which virtual servers have their quorum. One of which that cannot be
// told yet is not in it.
func quorums(w *World) map[string]bool {
	m := make(map[string]bool, len(w.Node.Servers))
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		if up := QuorumUp(w, vs); up || lost(w, vs) {
			m[vs.Name] = up
		}
	}
	return m
}

// QuorumUp tells whether a virtual server has its quorum.
func QuorumUp(w *World, vs *conf.VirtualServer) bool {
	return Available(w, vs) >= Needed(w, vs)
}

// Needed is the weight at which a virtual server that has its quorum keeps it, or
// one that has not gets it.
func Needed(w *World, vs *conf.VirtualServer) int {
	need := max(vs.Quorum, 1)
	switch was, known := w.Quorum[vs.Name]; {
	case !known:
		return need
	case was:
		return max(need-vs.Hysteresis, 1)
	}
	return need + vs.Hysteresis
}

// Available is the weight of a virtual server's real servers that may take
// connections.
func Available(w *World, vs *conf.VirtualServer) int {
	sum := 0
	for j := range vs.Servers {
		rs := &vs.Servers[j]
		if inForce(w, vs, rs) == check.Up {
			sum += wantedWeight(w, vs, rs)
		}
	}
	return sum
}

// lost tells whether a quorum that is not there is missing, and not only unknown:
// every server has been judged, or it was missing before.
func lost(w *World, vs *conf.VirtualServer) bool {
	was, known := w.Quorum[vs.Name]
	return known && !was || judged(w, vs)
}

// judged tells whether something is known of every real server.
func judged(w *World, vs *conf.VirtualServer) bool {
	for j := range vs.Servers {
		rs := &vs.Servers[j]
		if Standing(w, vs, rs) == check.Unknown {
			return false
		}
	}
	return true
}
