package director

import (
	"fmt"

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
	shown := self.VirtualServers // beside the services of the node
	for services := range conf.ByTable(f.world.Node.Servers) {
		for i, vs := range services {
			which := ""
			if len(services) > 1 {
				which = ", " + shown[i].Service()
			}
			ps = append(ps, serviceProblems(f, vs, shown[i], i == 0, which)...)
		}
		shown = shown[len(services):]
	}
	return ps
}

// serviceProblems are those of one service; first: it is the first one of its table;
// which: which one of several is meant.
func serviceProblems(f facts, vs conf.VirtualServer, shown api.VirtualServer, first bool, which string) (ps []string) {
	up := 0
	for j, rs := range vs.Servers {
		at := shown.RealServers[j]
		switch {
		case at.Check == string(check.Up):
			up++
			if at.KernelWeight == nil && policy.InTable(&f.world, &vs, &rs) {
				ps = append(ps, fmt.Sprintf("%s: %s is up but not in the kernel's table%s", vs.Name, rs.Name, which))
			}
		case at.Check == string(check.Down) && first:
			ps = append(ps, fmt.Sprintf("%s: %s is down: %s", vs.Name, rs.Name, at.CheckDetail))
		}
	}
	if shown.Quorum != "up" && first {
		ps = append(ps, quorumProblem(shown, up))
	}
	return ps
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
