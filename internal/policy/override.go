package policy

import (
	"time"

	"failover/check"
	"failover/conf"
)

// Rule: what the operator says of a real server stands beside what the file and
// the checks say and replaces neither. It can take a server out or change its
// weight; it never puts one in that is down by its checks.
//
//   - drain: no new connections (weight 0) until those there have ended or its
//     time is over, then out of the table;
//   - disable: out of the table at once;
//   - weight: this weight instead of the configured one.
//
// Under mh "out of the table" is weight 0, because leaving would move the clients
// of other servers.

// OverrideKind is what the operator wants of a real server.
type OverrideKind string

// The kinds of override.
const (
	Drain   OverrideKind = "drain"
	Disable OverrideKind = "disable"
	Weigh   OverrideKind = "weight"
)

// Override is the operator's word about one real server. It outlives reload,
// restart and reboot.
type Override struct {
	Kind   OverrideKind `json:"kind"`
	Weight int          `json:"weight,omitempty"` // of kind weight
	Since  time.Time    `json:"since"`
	// Now: the drain does not wait for clients that persistence binds to the server.
	Now bool `json:"now,omitempty"`
	// Drained: the drain has come to its end.
	Drained bool `json:"drained,omitempty"`
	// Forced: it came to its end by its timeout, with connections left.
	Forced bool `json:"forced,omitempty"`
}

// Known tells whether the kind is one of those here.
func (o Override) Known() bool {
	return o.Kind == Drain || o.Kind == Disable || o.Kind == Weigh
}

// Draining tells whether the override is a drain that is not over.
func (o Override) Draining() bool { return o.Kind == Drain && !o.Drained }

// Holds tells whether the override keeps a server that is up in the table with
// weight 0.
func (o Override) Holds() bool { return o.Draining() || o.Kind == Weigh && o.Weight == 0 }

// out tells whether the operator has the server out of the table.
func (o Override) out() bool { return o.Kind == Disable || o.Kind == Drain && o.Drained }

// override is the operator's word about a real server; the zero value is none.
func override(w *World, vs *conf.VirtualServer, rs *conf.RealServer) Override {
	if len(w.Overrides) == 0 { // nearly always
		return Override{}
	}
	return w.Overrides[CheckID(vs, rs)]
}

// wantedWeight is the weight that file and operator together give a real server
// that is up.
func wantedWeight(w *World, vs *conf.VirtualServer, rs *conf.RealServer) int {
	switch o := override(w, vs, rs); o.Kind {
	case Drain, Disable:
		return 0
	case Weigh:
		return o.Weight
	}
	return rs.Weight
}

// DropStale drops the overrides of real servers that the configuration does not
// have any more, and returns their names.
func DropStale(o map[check.ID]Override, n conf.Node) (dropped []check.ID) {
	known := map[check.ID]bool{}
	for i := range n.Servers {
		vs := &n.Servers[i]
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			known[CheckID(vs, rs)] = true
		}
	}
	for id := range o {
		if !known[id] {
			delete(o, id)
			dropped = append(dropped, id)
		}
	}
	return dropped
}
