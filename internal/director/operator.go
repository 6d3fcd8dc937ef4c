package director

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/policy"
)

// Operate takes the operator's word about a real server, keeps it and brings it
// about. It returns when the kernel's table has it, or has refused.
func (d *Director) Operate(ctx context.Context, want api.Operator) (api.Operated, error) {
	before := d.shown.Load()
	if before == nil {
		return api.Operated{}, errors.New("the director is still starting")
	}
	vs, rs, err := findServer(before.world.Node, want.VirtualServer, want.RealServer)
	if err == nil {
		err = mayOperate(want, vs, rs)
	}
	if err != nil {
		return api.Operated{}, err
	}
	id := policy.CheckID(&vs, &rs)
	was := before.world.Overrides[id]
	if err := d.overrides.change(func(all map[check.ID]policy.Override) { say(all, id, want, time.Now()) }); err != nil {
		return api.Operated{}, err
	}
	o := api.Operated{VirtualServer: vs.Name, RealServer: rs.Name, Operator: want.Operator, Before: string(was.Kind), Services: []api.Served{}, Problems: []string{}}
	o.Notes = d.peers.tell(ctx)
	d.log.Info("the operator's word", "virtual_server", vs.Name, "real_server", rs.Name, "operator", spell(d.overrides.now()[id]), "before", spell(was))
	done := make(chan []string, 1)
	d.box.await(&await{done: done})
	select {
	case problems := <-done:
		o.Problems = append(o.Problems, problems...)
	case <-time.After(applyTimeout):
		o.Problems = append(o.Problems, fmt.Sprintf("not in the kernel's table after %s: see failover status", applyTimeout))
	case <-ctx.Done():
		return api.Operated{}, ctx.Err()
	}
	f, err := d.gather(ctx)
	if err != nil {
		return api.Operated{}, err
	}
	for _, v := range virtualServers(f) {
		if i := slices.IndexFunc(v.RealServers, func(r api.RealServer) bool { return r.Name == rs.Name }); v.Name == vs.Name && i >= 0 {
			o.Quorum = v.Quorum
			o.Services = append(o.Services, api.Served{Service: v.Service(), RealServer: v.RealServers[i]})
		}
	}
	return o, nil
}

// say enters the operator's word. Said again it changes nothing but what is new in
// it: a drain goes on from where it began.
func say(all map[check.ID]policy.Override, id check.ID, want api.Operator, now time.Time) {
	was := all[id]
	o := policy.Override{Kind: policy.OverrideKind(want.Operator), Weight: want.Weight, Now: want.Now, Since: now.UTC().Truncate(time.Millisecond)}
	if !o.Since.After(was.Since) {
		o.Since = was.Since.Add(time.Millisecond) // by another director's clock; the newest word is this one
	}
	switch {
	case want.Operator == "" && !was.Speaks():
		return
	case o.Kind == was.Kind && o.Kind == policy.Drain:
		o = was
		o.Now = was.Now || want.Now
	case o.Kind == was.Kind && o.Weight == was.Weight:
		return
	}
	all[id] = o
}

// spell writes an override for the log.
func spell(o policy.Override) string {
	switch o.Kind {
	case "":
		return "none"
	case policy.Weigh:
		return fmt.Sprintf("weight %d", o.Weight)
	}
	return string(o.Kind)
}

// dropsOverrides are the words of the operator that another configuration ends:
// those about real servers that it does not have.
func dropsOverrides(all map[check.ID]policy.Override, n conf.Node) (list []api.Change) {
	for _, id := range policy.DropStale(maps.Clone(all), n) {
		list = append(list, api.Change{
			Op: "-", Object: fmt.Sprintf("operator virtual_server.%s real_server.%s", id.VirtualServer, id.RealServer),
			Detail: spell(all[id]) + ": the real server is not in the file any more",
		})
	}
	slices.SortFunc(list, func(a, b api.Change) int { return strings.Compare(a.Object, b.Object) })
	return list
}

// mayOperate refuses what makes no sense for a server.
func mayOperate(want api.Operator, vs conf.VirtualServer, rs conf.RealServer) error {
	kind := policy.OverrideKind(want.Operator)
	switch {
	case kind != "" && !policy.Override{Kind: kind}.Known():
		return &api.Error{Message: fmt.Sprintf("%q is nothing an operator can say: drain, disable, weight or nothing", want.Operator), Invalid: true}
	case kind == policy.Weigh && (want.Weight < 0 || want.Weight > conf.MaxWeight):
		return &api.Error{Message: fmt.Sprintf("weight %d is out of range: 0 to %d", want.Weight, conf.MaxWeight), Invalid: true}
	case policy.Skips(&vs) || kind != policy.Drain && (kind != policy.Weigh || want.Weight > 0):
		return nil
	}
	e := &api.Error{
		Message: fmt.Sprintf("%s: scheduler %s refuses the clients of a server with weight 0 instead of giving them another: %s cannot be drained", vs.Name, vs.Scheduler, rs.Name),
		Hint:    fmt.Sprintf("failover disable %s %s takes it out at once", vs.Name, rs.Name),
		Invalid: true,
	}
	if vs.Scheduler != "dh" {
		e.Hint = fmt.Sprintf("write scheduler_flags = [\"%s-fallback\"]; or %s", vs.Scheduler, e.Hint)
	}
	return e
}

// findServer finds a real server by the name of its virtual server and its own
// name, address and port, or address where no other has the same.
func findServer(n conf.Node, vsName, rsName string) (conf.VirtualServer, conf.RealServer, error) {
	i := slices.IndexFunc(n.Servers, func(vs conf.VirtualServer) bool { return vs.Name == vsName })
	if i < 0 {
		var names []string
		for _, vs := range n.Servers {
			names = append(names, vs.Name)
		}
		return conf.VirtualServer{}, conf.RealServer{}, unknown("no virtual server is named", vsName, slices.Compact(names), "virtual servers")
	}
	vs := n.Servers[i]
	var names []string
	var byAddress []conf.RealServer
	for _, rs := range vs.Servers {
		names = append(names, rs.Name)
		if rs.Name == rsName {
			return vs, rs, nil
		}
		if a, err := netip.ParseAddr(strings.Trim(rsName, "[]")); rs.Address.String() == rsName || err == nil && rs.Address.Addr() == a {
			byAddress = append(byAddress, rs)
		}
	}
	switch len(byAddress) {
	case 0:
		return vs, conf.RealServer{}, unknown(vs.Name+" has no real server", rsName, names, "real servers")
	case 1:
		return vs, byAddress[0], nil
	}
	return vs, conf.RealServer{}, &api.Error{
		Message: fmt.Sprintf("%s has %d real servers at %s", vs.Name, len(byAddress), rsName),
		Hint:    "name one of them: " + strings.Join(names, ", "), Invalid: true,
	}
}

func unknown(what, name string, names []string, label string) error {
	return &api.Error{Message: fmt.Sprintf("%s %q", what, name), Hint: conf.DidYouMean(name, names, label), Invalid: true}
}
