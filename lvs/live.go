package lvs

import "net/netip"

// live follows, through the operations of a pass, which servers of each service
// take connections, where the wanted table has one that does.
type live map[Key]map[netip.AddrPort]bool

// newLive begins with the table as it is.
func newLive(actual, wanted Table) live {
	l := make(live, len(wanted.Services))
	for _, s := range wanted.Services {
		for _, r := range s.Servers {
			if r.Weight > 0 {
				l[s.Key] = map[netip.AddrPort]bool{}
				break
			}
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
	if !last.ofServer() || last.Kind != DelServer && last.Server.Weight > 0 {
		return false
	}
	return len(servers) == 1 && servers[last.Server.Address]
}
