package director

import (
	"fmt"

	"failover/internal/api"
	"failover/vrrp"
)

// neighbours are the other routers that one virtual router hears.
func neighbours(f facts, st vrrp.RouterStatus) []api.Neighbour {
	var list []api.Neighbour
	for _, n := range st.Neighbours {
		one := api.Neighbour{
			Address: n.Address.String(), Director: directorAt(f.deployment, st.Name, n.Address),
			Alive: n.Alive(f.engine.Now), Version: int(n.Version), Priority: int(n.Priority),
			AdvertIntervalMS: n.Interval.Milliseconds(), Seen: f.wall(n.Seen), RejectedBy: string(n.Rejected),
		}
		for _, d := range n.Differs {
			one.Differs = append(one.Differs, api.Difference{Field: string(d.In), Ours: d.Ours, Theirs: d.Theirs})
		}
		list = append(list, one)
	}
	return list
}

// neighbourProblems names the neighbours that are alive and yet do not fit: they
// and this director may both be master, each within its rights.
func neighbourProblems(f facts, st vrrp.RouterStatus) []string {
	var ps []string
	for _, n := range st.Neighbours {
		bad := n.Incompatible()
		if len(bad) == 0 || !n.Alive(f.engine.Now) {
			continue
		}
		who := n.Address.String()
		if name := directorAt(f.deployment, st.Name, n.Address); name != "" {
			who = fmt.Sprintf("%s (%s)", name, who)
		}
		effect := "differs from us"
		if n.Rejected != "" {
			effect = "is alive, but its adverts are discarded"
		}
		text := fmt.Sprintf("%s: neighbour %s %s", st.Name, who, effect)
		for i, d := range bad {
			text += map[bool]string{true: ": ", false: "; "}[i == 0]
			text += fmt.Sprintf("%s %s, ours %s", d.In, d.Theirs, d.Ours)
		}
		ps = append(ps, text)
	}
	return ps
}

// incompatible counts those neighbours.
func incompatible(f facts, st vrrp.RouterStatus) int { return len(neighbourProblems(f, st)) }
