package policy

import (
	"iter"
	"time"

	"failover/conf"
)

// SorryLeave is for how long at most a sorry server that is not needed any more
// keeps its connections.
const SorryLeave = 30 * time.Second

// Rule: below its quorum a virtual server that has a sorry server sends every new
// connection there. The servers that are still up stay with weight 0, so that
// their connections live on; only where the scheduler refuses the clients of a
// server of weight 0 they leave. The sorry server is the last of the list: it
// comes in by an addition and goes by a deletion, and lvs.Diff does the one before
// and the other after everything else, so that there is no instant without a
// server. It goes in two steps, as a drained server does: with weight 0 first, until
// the connections it has have ended, for [SorryLeave] at most, because they would
// stall otherwise. A start gives the checks the time for their first verdicts before it
// calls a server missing.

// Sorry tells whether the sorry server takes a virtual server's connections.
func Sorry(w *World, vs *conf.VirtualServer) bool {
	return vs.Sorry != nil && !QuorumUp(w, vs) && (lost(w, vs) || w.SinceStart >= FirstVerdicts)
}

// sorryWeight is the weight of the sorry server, if it is in the table.
func sorryWeight(w *World, vs *conf.VirtualServer, serves bool, there *entries) (weight int, in bool) {
	switch {
	case vs.Sorry == nil:
		return 0, false
	case serves:
		return max(vs.Sorry.Weight, 1), true
	case w.SorryIdle[vs.Name] || !Skips(vs):
		return 0, false
	}
	_, in = there.weight(vs.Sorry.Address)
	return 0, in
}

// withSorry are all servers that may get a virtual server's connections.
func withSorry(vs *conf.VirtualServer) iter.Seq[*conf.RealServer] {
	return func(yield func(*conf.RealServer) bool) {
		for i := range vs.Servers {
			if !yield(&vs.Servers[i]) {
				return
			}
		}
		if vs.Sorry != nil {
			yield(vs.Sorry)
		}
	}
}

// anyOf tells whether something holds for one of them.
func anyOf(vs *conf.VirtualServer, holds func(*conf.RealServer) bool) bool {
	for rs := range withSorry(vs) {
		if holds(rs) {
			return true
		}
	}
	return false
}
