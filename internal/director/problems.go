package director

import (
	"fmt"
	"strings"

	"failover/internal/api"
	"failover/internal/policy"
	"failover/vrrp"
)

// problems says in words what is not as it should be; an empty list is health.
func problems(f facts, self api.Director) []string {
	var ps []string
	if f.fileErr != "" {
		ps = append(ps, f.fileErr)
	}
	if f.engine == nil {
		ps = append(ps, "the engine process does not answer")
	} else {
		ps = append(ps, groupProblems(f)...)
		for _, r := range self.VirtualRouters {
			ps = append(ps, routerProblems(f, r)...)
			ps = append(ps, trackProblems(f, r)...)
		}
	}
	ps = append(ps, hookProblems(f)...)
	ps = append(ps, serverHookProblems(f)...)
	for _, g := range f.world.Node.Groups {
		if policy.LostSight(&f.world, g.Name) {
			ps = append(ps, fmt.Sprintf("%s: advertises priority 1: %s", g.Name, policy.NoServer))
		}
	}
	for _, g := range f.world.Node.Groups {
		if b := f.world.Behind[g.Name]; b.Low {
			ps = append(ps, fmt.Sprintf("%s: advertises priority 1: %s", g.Name, b.Text()))
		}
	}
	ps = append(ps, maintenanceProblems(f)...)
	if f.hostErr != nil {
		ps = append(ps, eachOf("settings of this machine", f.hostErr)...)
	}
	if f.webErr != nil {
		ps = append(ps, f.webErr.Error())
	}
	for _, e := range f.result.Errors {
		ps = append(ps, fmt.Sprintf("IPVS table: %s: %v", e.Op, e.Err))
	}
	if f.result.Err != nil {
		ps = append(ps, eachOf("IPVS table", f.result.Err)...)
	}
	return append(ps, serverProblems(f, self)...)
}

// eachOf makes a problem of each error of those that were joined.
func eachOf(what string, err error) (ps []string) {
	for line := range strings.Lines(err.Error()) {
		ps = append(ps, what+": "+strings.TrimSuffix(line, "\n"))
	}
	return ps
}

// maintenanceProblems names the groups that a director in maintenance is still master
// of. That it is in maintenance is no problem: the operator has said so.
func maintenanceProblems(f facts) (ps []string) {
	for _, g := range f.world.Node.Groups {
		if !f.maintenance.IsZero() && f.world.Masters[g.Name] {
			ps = append(ps, g.Name+": in maintenance, and still master: no other director takes over")
		}
	}
	return ps
}

// groupProblems names each group that is out of the election, or whose addresses
// are not as wanted, once: its routers are in one state for one cause.
func groupProblems(f facts) []string {
	var ps []string
	for _, g := range f.world.Node.Groups {
		for _, r := range g.Routers {
			st, ok := f.routerStatus(r.Name)
			if !ok {
				ps = append(ps, fmt.Sprintf("%s: %s: %s", r.Name, vrrp.Init, notTaken))
			} else if st.State == vrrp.Init || st.State == vrrp.Fault {
				ps = append(ps, fmt.Sprintf("%s: %s: %s", g.Name, st.State, CauseText(g.Name, st.Cause)))
				break
			} else if st.HostError != "" {
				// One error a line, all of the whole group.
				trouble := strings.ReplaceAll(st.HostError, "\n", "; ")
				ps = append(ps, fmt.Sprintf("%s: %s, but %s", g.Name, st.State, trouble))
				break
			}
		}
	}
	return ps
}

func routerProblems(f facts, r api.VirtualRouter) []string {
	st, ok := f.routerStatus(r.Name)
	if !ok {
		return nil
	}
	ps := neighbourProblems(f, st)
	if st.OneSided != "" {
		ps = append(ps, fmt.Sprintf("%s: no advert is heard on %s, though the master is heard on %s: a switch in between drops them, or it does not send them",
			r.Name, r.Interface, st.OneSided))
	}
	if st.State == vrrp.Master && !st.HoldsAddresses && st.HostError == "" {
		ps = append(ps, fmt.Sprintf("%s: master, but its addresses are not all on %s", r.Name, r.Interface))
	}
	return ps
}

// CauseText writes a cause for people; router is the one it is shown with.
func CauseText(router string, c vrrp.Cause) string {
	text := causeWords[c.Kind]
	if text == "" {
		text = string(c.Kind)
	}
	if c.Detail != "" {
		text = c.Detail
	}
	if c.Router != "" && c.Router != router {
		text = c.Router + ": " + text
	}
	if c.Peer.IsValid() && c.Detail == "" { // a detail is complete in itself
		text += fmt.Sprintf(" (%s)", c.Peer)
	}
	return text
}

// causeWords stand where a cause brings no words of its own.
var causeWords = map[vrrp.CauseKind]string{
	vrrp.CauseStarted:       "started",
	vrrp.CauseAdopted:       "was master before this process started",
	vrrp.CauseOwner:         "address owner",
	vrrp.CauseTimeout:       "no advert from a master",
	vrrp.CausePriorityZero:  "the master resigned",
	vrrp.CauseHigher:        "heard a higher priority",
	vrrp.CauseTie:           "heard the same priority from a higher address",
	vrrp.CauseIncompatible:  "a neighbour discards our adverts and goes on as master",
	vrrp.CauseStalled:       "this machine stood still for too long",
	vrrp.CauseFault:         "not healthy",
	vrrp.CauseTrack:         "a tracked object fails",
	vrrp.CauseTakeOver:      "the take-over step failed",
	vrrp.CauseServers:       "no real server is up",
	vrrp.CauseMaintenance:   "in maintenance",
	vrrp.CausePreferred:     "another director is preferred",
	vrrp.CauseRecovered:     "healthy again",
	vrrp.CauseInterface:     "interface missing or down",
	vrrp.CauseStopped:       "asked to stop",
	vrrp.CauseDirectorLost:  "the director process is gone",
	vrrp.CauseConfiguration: "the configuration changed",
}
