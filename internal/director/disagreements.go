package director

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"failover/check"
	"failover/internal/api"
	"failover/internal/policy"
)

// disagreements are the real servers that another director's checks have found
// otherwise for longer than the directors wait for each other, but for those that are
// named already.
func disagreements(f facts, other api.Director, named map[check.ID]bool) (ps []string) {
	details := map[check.ID]api.RealServer{}
	for _, vs := range other.VirtualServers {
		for _, rs := range vs.RealServers {
			details[check.ID{VirtualServer: vs.Name, RealServer: rs.Name}] = rs
		}
	}
	for _, d := range differing(f, other.Name) {
		if named[d.id] {
			continue
		}
		at, since := d.address, sinceText(f.now, d.since)
		if d.here.Status == check.Up {
			why := ""
			if rs := details[d.id]; rs.Check == string(check.Down) {
				why = ": " + rs.CheckDetail
			}
			ps = append(ps, fmt.Sprintf("%s finds %s (%s) down, here it is up%s%s", other.Name, at, d.id.VirtualServer, since, why))
			continue
		}
		ps = append(ps, fmt.Sprintf("%s finds %s (%s) up, here it is down%s: %s", other.Name, at, d.id.VirtualServer, since, d.here.Result.Detail))
	}
	return ps
}

// difference is a real server that two directors find differently.
type difference struct {
	id      check.ID
	address netip.AddrPort
	here    check.Verdict
	since   time.Time
}

// differing are the real servers that another director has found otherwise for longer
// than the directors wait for each other.
func differing(f facts, name string) (list []difference) {
	i := slices.IndexFunc(f.world.Others, func(o policy.Other) bool { return o.Director == name })
	if i < 0 {
		return nil
	}
	seen := map[check.ID]bool{}
	for _, vs := range f.world.Node.Servers {
		for _, rs := range vs.Servers {
			id := policy.CheckID(&vs, &rs)
			since, differ := policy.Differ(f.now, &f.world, f.world.Others[i], id)
			if differ && !seen[id] {
				seen[id] = true
				list = append(list, difference{id, rs.Address, f.world.Verdicts[id], since})
			}
		}
	}
	return list
}
