package director

import (
	"fmt"
	"slices"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/policy"
)

// serverProblems names the real servers that are down, the entries that are
// missing and the quorums that are. What the services of one table share is named
// once. That the operator has a server out is no problem.
func serverProblems(f facts, self api.Director) []string {
	var ps []string
	for i, vs := range f.world.Node.Servers {
		shown := self.VirtualServers[i]
		first := slices.IndexFunc(f.world.Node.Servers, func(o conf.VirtualServer) bool { return o.Name == vs.Name }) == i
		up := 0
		for j, rs := range vs.Servers {
			at := shown.RealServers[j]
			switch {
			case at.Check == string(check.Up):
				up++
				if at.KernelWeight == nil && policy.InTable(f.world, vs, rs) {
					ps = append(ps, fmt.Sprintf("%s: %s is up but not in the kernel's table%s", vs.Name, rs.Name, ofService(f, shown)))
				}
			case at.Check == string(check.Down) && first:
				ps = append(ps, fmt.Sprintf("%s: %s is down: %s", vs.Name, rs.Name, at.CheckDetail))
			}
		}
		if shown.Quorum != "up" && first {
			ps = append(ps, quorumProblem(shown, up))
		}
	}
	return ps
}

// ofService says which of several services of a table is meant.
func ofService(f facts, vs api.VirtualServer) string {
	n := 0
	for _, o := range f.world.Node.Servers {
		if o.Name == vs.Name {
			n++
		}
	}
	if n < 2 {
		return ""
	}
	return ", " + vs.Service()
}

func quorumProblem(vs api.VirtualServer, up int) string {
	text := fmt.Sprintf("%s: quorum is down: %d of %d real servers are up", vs.Name, up, len(vs.RealServers))
	if vs.QuorumNeeded > 1 || up > 0 {
		text = fmt.Sprintf("%s: quorum is down: a weight of %d may take connections, %d is needed", vs.Name, vs.QuorumWeight, vs.QuorumNeeded)
	}
	if vs.Sorry {
		text += "; the sorry server has them"
	}
	return text
}
