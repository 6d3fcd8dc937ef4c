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
			GoesOn: n.GoesOn, Left: n.Left,
		}
		for _, d := range n.Differs {
			one.Differs = append(one.Differs, api.Difference{Field: string(d.In), Ours: d.Ours, Theirs: d.Theirs})
		}
		list = append(list, one)
	}
	return list
}

// neighbourProblems names the neighbours that are alive and yet do not fit, and
// those that are master beside this director.
func neighbourProblems(f facts, st vrrp.RouterStatus) []string {
	var ps []string
	for _, n := range st.Neighbours {
		bad := n.Incompatible()
		if len(bad) == 0 && !n.GoesOn || !n.Alive(f.engine.Now) {
			continue
		}
		who := n.Address.String()
		if name := directorAt(f.deployment, st.Name, n.Address); name != "" {
			who = fmt.Sprintf("%s (%s)", name, who)
		}
		text := fmt.Sprintf("%s: neighbour %s ", st.Name, who)
		switch {
		case n.GoesOn && len(bad) == 0:
			text += fmt.Sprintf("is master too, with priority %d: it does not hear our %d", n.Priority, st.EffectivePriority)
		case n.GoesOn:
			text += "is master too and discards our adverts"
		case n.Left:
			text += "does not fit, and the mastership is left to it"
		case n.Rejected != "":
			text += "is alive, but its adverts are discarded"
		default:
			text += "differs from us"
		}
		for i, d := range bad {
			text += map[bool]string{true: ": ", false: "; "}[i == 0]
			text += fmt.Sprintf("%s %s, ours %s", d.In, d.Theirs, d.Ours)
		}
		ps = append(ps, text)
	}
	return ps
}

// incompatible counts the alive neighbours that do not fit, rivals those that are
// master beside this director.
func incompatible(f facts, st vrrp.RouterStatus) (n int) {
	for _, x := range st.Neighbours {
		if len(x.Incompatible()) > 0 && x.Alive(f.engine.Now) {
			n++
		}
	}
	return n
}

func rivals(f facts, st vrrp.RouterStatus) (n int) {
	for _, x := range st.Neighbours {
		if x.GoesOn && x.Alive(f.engine.Now) {
			n++
		}
	}
	return n
}
