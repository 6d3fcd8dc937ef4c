package director

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/policy"
	"failover/vrrp"
)

// owner is the priority of a director that owns the addresses (RFC 9568 section
// 5.2.4): nobody else is master while it runs.
const owner = 255

// Switchover makes the chosen director the preferred one of its groups, here and on
// the others, and returns when it is master, or after [handOver]. Nothing is changed
// where it is not ready to be.
func (d *Director) Switchover(ctx context.Context, want api.Switchover) (api.Switched, error) {
	f, err := d.gather(ctx)
	if err != nil {
		return api.Switched{}, err
	}
	f.link.others = d.peers.ask(ctx, f.link.views)
	groups, err := chooseGroups(f, want.Group)
	if err != nil {
		return api.Switched{}, err
	}
	to := ""
	if !want.Clear {
		if to, err = chooseDirector(f, groups, want.To); err == nil && !want.Force {
			err = readyToSwitch(f, groups, to)
		}
		if err == nil {
			err = possible(d.shown.Load().deployment, groups, to)
		}
		if err != nil {
			return api.Switched{}, err
		}
	}
	if err := d.preferences.prefer(groups, to, time.Now()); err != nil {
		return api.Switched{}, err
	}
	d.log.Info("switchover", "groups", groups, "preferred", to)
	d.box.look()
	done := api.Switched{Notes: d.peers.tell(ctx)}
	done.Groups, err = d.awaitMaster(ctx, groups, to)
	return done, err
}

// chooseGroups are the groups that are meant.
func chooseGroups(f facts, name string) (groups []string, err error) {
	var names []string
	for _, g := range f.world.Node.Groups {
		names = append(names, g.Name)
		if name == "" || g.Name == name {
			groups = append(groups, g.Name)
		}
	}
	switch {
	case len(names) == 0:
		return nil, &api.Error{Message: "there is no virtual router: nobody is master of anything", Invalid: true}
	case len(groups) == 0:
		return nil, unknown("no group is named", name, names, "groups")
	}
	return groups, nil
}

// chooseDirector is the director that is meant: by its name, else of a pair the one
// that is not master.
func chooseDirector(f facts, groups []string, name string) (string, error) {
	self, others := f.world.Node.Name, f.world.Node.Peers
	names := []string{self}
	for _, o := range others {
		names = append(names, o.Name)
	}
	switch {
	case name != "" && !slices.Contains(names, name):
		return "", unknown("no director is named", name, names, "directors")
	case name != "":
		return name, nil
	case len(others) != 1:
		return "", &api.Error{Message: fmt.Sprintf("the file has %d directors: which one is to be master?", len(names)), Hint: "failover switchover --to NAME", Invalid: true}
	}
	mine := 0
	for _, g := range groups {
		if f.world.Masters[g] {
			mine++
		}
	}
	switch mine {
	case len(groups):
		return others[0].Name, nil
	case 0:
		return self, nil
	}
	return "", &api.Error{Message: "each of the two is master of some groups: which one is to be master?", Hint: "name a group, or --to NAME", Invalid: true}
}

// possible refuses what no priority can bring about.
func possible(dep conf.Deployment, groups []string, to string) error {
	for _, r := range dep.VirtualRouters {
		if !slices.Contains(groups, r.Group) {
			continue
		}
		for _, x := range dep.Directors {
			if x.Name != to && r.Priority.For(x.Name) == owner {
				return &api.Error{Message: fmt.Sprintf("%s owns the addresses of %s (priority 255): it is master whenever it runs", x.Name, r.Name), Invalid: true}
			}
		}
		if r.Priority.For(to) < 2 {
			return &api.Error{
				Message: fmt.Sprintf("%s has priority %d in %s: nobody can have a lower one", to, r.Priority.For(to), r.Name),
				Hint:    "give it at least 2", Invalid: true,
			}
		}
	}
	return nil
}

// readyToSwitch refuses a switchover that would cost something: to a director that
// cannot serve yet, or from one with connections that do not survive it.
func readyToSwitch(f facts, groups []string, to string) error {
	var reasons []string
	self := f.world.Node.Name
	other, asked := f.link.others[to]
	switch {
	case to == self:
		reasons = selfReasons(f, groups)
	case !f.link.wanted:
		reasons = []string{fmt.Sprintf("without a peer link it is not known whether %s is ready", to)}
	case !asked:
		reasons = []string{fmt.Sprintf("%s does not answer on the peer link: %s", to, f.link.views[to].Cause)}
	default:
		reasons = otherReasons(f, groups, other)
	}
	reasons = append(reasons, masqueradeReasons(f)...)
	if len(reasons) == 0 {
		return nil
	}
	return &api.Error{
		Message: fmt.Sprintf("%s is not ready to be master: %s", to, strings.Join(reasons, "; ")),
		Hint:    "--force does it all the same",
	}
}

// selfReasons are why this director is not ready to be master.
func selfReasons(f facts, groups []string) (reasons []string) {
	if !f.maintenance.IsZero() {
		reasons = append(reasons, "it is in maintenance")
	}
	if !policy.Ready(&f.world) {
		reasons = append(reasons, "its tables are not in place yet")
	}
	for _, g := range f.world.Node.Groups {
		for _, r := range g.Routers {
			st, ok := f.routerStatus(r.Name)
			if slices.Contains(groups, g.Name) && (!ok || st.State != vrrp.Backup && st.State != vrrp.Master) {
				reasons = append(reasons, fmt.Sprintf("its %s is in state %s", r.Name, st.State))
			}
		}
	}
	for _, o := range f.world.Node.Peers {
		if _, _, _, reached := f.theirs(o.Name); !reached {
			reasons = append(reasons, o.Name+" is not reached on the peer link and cannot be told")
		}
	}
	return reasons
}

// otherReasons are why another director is not.
func otherReasons(f facts, groups []string, other api.Director) (reasons []string) {
	if other.Maintenance {
		reasons = append(reasons, "it is in maintenance")
	}
	for _, r := range other.VirtualRouters {
		if slices.Contains(groups, r.Group) && r.State != string(vrrp.Backup) && r.State != string(vrrp.Master) {
			reasons = append(reasons, fmt.Sprintf("its %s is in state %s: %s", r.Name, r.State, r.Cause))
		}
	}
	switch config, table, _, _ := f.theirs(other.Name); {
	case config != f.world.Node.Digest:
		reasons = append(reasons, "it has another configuration in force")
	case table != f.result.Digest:
		reasons = append(reasons, "it has another IPVS table")
	}
	return reasons
}

// masqueradeReasons name the services whose connections break when the master changes:
// the servers know them by the old master's address.
func masqueradeReasons(f facts) (reasons []string) {
	for _, vs := range f.world.Node.Servers {
		if !vs.Masquerade {
			continue
		}
		var n uint32
		for _, has := range f.stats.Servers[vs.Key] {
			n += has.Active
		}
		if n > 0 {
			reasons = append(reasons, fmt.Sprintf("%d connections of %s are masqueraded and would break", n, vs.Name))
		}
	}
	return reasons
}

// awaitMaster waits until the preferred director is master of the groups, as far as
// this one can tell, and returns who is.
func (d *Director) awaitMaster(ctx context.Context, groups []string, to string) ([]api.SwitchedGroup, error) {
	look := time.NewTicker(handOverLook)
	defer look.Stop()
	for deadline := time.Now().Add(handOver); ; {
		list, done := d.mastersNow(groups, to)
		if done || time.Now().After(deadline) {
			return list, nil
		}
		select {
		case <-ctx.Done():
			return list, errors.New("interrupted: the preference stands")
		case <-look.C:
		}
	}
}

// mastersNow is who is master of each group by what is known here, and whether that is
// as wanted. A clearing is done at once: nobody has to become anything.
func (d *Director) mastersNow(groups []string, to string) (list []api.SwitchedGroup, done bool) {
	s := d.shown.Load()
	done = true
	var others []string
	for _, o := range s.world.Node.Peers {
		others = append(others, o.Name)
	}
	for _, g := range groups {
		one := api.SwitchedGroup{Group: g, Preferred: to}
		switch {
		case s.roles[g] == vrrp.Master:
			one.Master = s.world.Node.Name
		case len(others) == 1 && s.roles[g] == vrrp.Backup:
			one.Master = others[0]
		}
		done = done && (to == "" || one.Master == to)
		list = append(list, one)
	}
	return list, done
}
