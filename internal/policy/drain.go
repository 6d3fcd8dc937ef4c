package policy

import (
	"time"

	"failover/conf"
	"failover/lvs"
)

// Rule: a drain is over when nothing of the server's has been left for
// [DrainCalm] in any service of its table, or when its time (drain.timeout) is up.
// Left are the established connections; of UDP every entry, which the kernel keeps
// for udp_timeout after the last packet; and the clients that persistence binds to
// the server, unless the drain said now. A server that is in no table any more, its
// checks took it out, has nothing left.

// DrainCalm is for how long nothing may be left before a drain is over: a client
// that has ended its side of a connection may still be getting the answer.
const DrainCalm = 2 * time.Second

// Left is what a real server has left, in all services of its table together.
type Left struct {
	Connections uint32 // those that are waited for
	Clients     uint32 // bound by persistence
}

// Nothing tells whether a drain waits for nothing of it.
func (l Left) Nothing(o Override) bool {
	return l.Connections == 0 && (o.Now || l.Clients == 0)
}

// LeftOf adds up what a real server of a node has left.
func LeftOf(n conf.Node, vs string, rs string, stats lvs.Stats) (l Left) {
	for i := range n.Servers {
		s := &n.Servers[i]
		if s.Name != vs {
			continue
		}
		for j := range s.Servers {
			r := &s.Servers[j]
			if r.Name != rs {
				continue
			}
			has := stats.Servers[s.Key][lvs.ServerID(r.Address.String())]
			l.Connections += has.Active
			l.Clients += has.Persistent
			if s.Key.Protocol != lvs.TCP && s.Key.Protocol != lvs.SCTP {
				l.Connections += has.Inactive // of UDP, or of who knows what behind a mark
			}
		}
	}
	return l
}

// DrainOver tells whether a drain that began at o.Since is over at now: calm is
// for how long nothing has been left, timeout the virtual server's (0: none).
// forced: it ends with something left.
func DrainOver(o Override, left Left, calm, timeout time.Duration, now time.Time) (over, forced bool) {
	switch {
	case left.Nothing(o) && calm >= DrainCalm:
		return true, false
	case timeout > 0 && now.Sub(o.Since) >= timeout:
		return true, !left.Nothing(o)
	}
	return false, false
}
