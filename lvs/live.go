package lvs

import (
	"net/netip"
	"slices"
)

// live follows, through the operations of a pass, which servers of each service
// take connections, where the wanted table has one that does.
type live map[Key]map[netip.AddrPort]bool

// newLive begins with the table as it is. Of the services, of which there may be
// thousands, those count from which the operations take something.
func newLive(actual, wanted Table, ops []Op) live {
	l := live{}
	for _, op := range ops {
		if op.takes() {
			l[op.Service.Key] = nil
		}
	}
	if len(l) == 0 {
		return l
	}
	for _, s := range wanted.Services {
		if _, concerned := l[s.Key]; concerned && slices.ContainsFunc(s.Servers, func(r Server) bool { return r.Weight > 0 }) {
			l[s.Key] = map[netip.AddrPort]bool{}
		}
	}
	for _, s := range actual.Services {
		for _, r := range s.Servers {
			if r.Weight > 0 && l[s.Key] != nil {
				l[s.Key][r.Address] = true
			}
		}
	}
	return l
}

// apply notes an operation that was carried out.
func (l live) apply(op Op) {
	servers := l[op.Service.Key]
	switch {
	case servers == nil || !op.ofServer():
	case op.Kind == DelServer || op.Server.Weight == 0:
		delete(servers, op.Server.Address)
	default:
		servers[op.Server.Address] = true
	}
}

// bares tells whether operations, which belong together, would leave a service
// with no server that takes connections. [Diff] never asks for that, so one that
// was to come before has failed: better the old server than none.
func (l live) bares(ops []Op) bool {
	last := ops[len(ops)-1]
	servers := l[last.Service.Key]
	if !last.takes() {
		return false
	}
	return len(servers) == 1 && servers[last.Server.Address]
}

// takes tells whether the operation takes a server that may be one that takes
// connections.
func (o Op) takes() bool { return o.ofServer() && (o.Kind == DelServer || o.Server.Weight == 0) }
