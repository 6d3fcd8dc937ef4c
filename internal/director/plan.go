package director

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/host"
	"failover/internal/policy"
	"failover/lvs"
)

// Plan tells what a reload would change, in the configuration, in the kernel's
// table and in the machine's settings, and changes nothing.
func (d *Director) Plan(ctx context.Context) (api.Plan, error) {
	d.reload.Lock()
	defer d.reload.Unlock()
	return d.planFile(ctx)
}

// planFile is Plan with the lock held.
func (d *Director) planFile(ctx context.Context) (api.Plan, error) {
	_, node, err := d.load()
	if err != nil {
		told := d.refused(err)
		told.Message = strings.Replace(told.Message, "reload refused, the old configuration stays", "the file is not usable, a reload would refuse it", 1)
		return api.Plan{}, told
	}
	before := d.shown.Load()
	if before == nil {
		return api.Plan{}, errors.New("the director is still starting")
	}
	p := api.Plan{File: d.o.File, Changes: []api.Change{}, ConfigDigest: node.Digest}
	for _, c := range conf.Diff(before.world.Node, node) {
		p.Changes = append(p.Changes, changed(c))
	}
	p.Changes = append(p.Changes, dropsOverrides(before.world.Overrides, node)...)
	world := before.world
	world.Node = node
	hoped := hope(&world)
	wanted := policy.Desired(world)
	if before.table != nil {
		ops, err := before.table.loop.Plan(ctx, wanted.Table)
		if err != nil {
			return api.Plan{}, err
		}
		p.Changes = append(p.Changes, tableChanges(ops, hoped)...)
	}
	p.Changes = append(p.Changes, hostChanges(policy.Desired(before.world).Host, wanted.Host)...)
	return p, nil
}

// seat is a real server's place in the table.
type seat struct {
	service lvs.Key
	server  netip.AddrPort
}

// hope takes servers that no verdict is known of for up, and tells which: those of
// a new file would not be in the plan otherwise.
func hope(w *policy.World) map[seat]bool {
	hoped := map[seat]bool{}
	verdicts := maps.Clone(w.Verdicts)
	if verdicts == nil {
		verdicts = map[check.ID]check.Verdict{}
	}
	for _, vs := range w.Node.Servers {
		for _, rs := range vs.Servers {
			id := policy.CheckID(&vs, &rs)
			if _, known := w.Verdicts[id]; !known && len(rs.Checks) > 0 {
				verdicts[id] = check.Verdict{ID: id, Status: check.Up}
				hoped[seat{vs.Key, rs.Address}] = true
			}
		}
	}
	w.Verdicts = verdicts
	return hoped
}

func tableChanges(ops []lvs.Op, hoped map[seat]bool) []api.Change {
	var list []api.Change
	for _, op := range ops {
		c := opChange(op)
		if op.Kind == lvs.AddServer && hoped[seat{op.Service.Key, op.Server.Address}] {
			c.Detail += ", once its checks find it up"
		}
		list = append(list, c)
	}
	return list
}

// hostChanges tells what becomes of the machine's settings. What follows the
// services one by one, the guard, is not in it.
func hostChanges(old, new host.Desired) []api.Change {
	list := diffWords("sysctl ", old.Sysctls, new.Sysctls)
	list = append(list, diffWords("module ", set(old.Modules, text), set(new.Modules, text))...)
	list = append(list, diffWords("nftables ", filterWords(old), filterWords(new))...)
	list = append(list, diffWords("tunnel ", set(old.Tunnels, host.Tunnel.String), set(new.Tunnels, host.Tunnel.String))...)
	return append(list, diffWords("address of lo ", set(old.Local, netip.Addr.String), set(new.Local, netip.Addr.String))...)
}

// filterWords are the marks and the masquerading of our nftables table.
func filterWords(d host.Desired) map[string]string {
	words := map[string]string{}
	for _, m := range d.Marks.Services {
		words["mark "+keyWords(m.Service)] = fmt.Sprintf("%#x", m.Mark)
	}
	for _, m := range d.Masquerade {
		words["masquerade "+keyWords(m.Service)+" at "+m.Server.String()] = ""
	}
	return words
}

// keyWords calls a service as the file does.
func keyWords(k lvs.Key) string {
	if k.FWMark != 0 {
		return fmt.Sprintf("mark %d", k.FWMark)
	}
	return fmt.Sprintf("%s %s", k.Protocol, k.Address)
}

func text(s string) string { return s }

func set[T any](list []T, word func(T) string) map[string]string {
	m := make(map[string]string, len(list))
	for _, one := range list {
		m[word(one)] = ""
	}
	return m
}

// diffWords compares named settings, in the order of their names.
func diffWords(prefix string, old, new map[string]string) []api.Change {
	all := maps.Clone(new)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, old)
	var list []api.Change
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := old[name]
		is, has := new[name]
		switch {
		case !had:
			list = append(list, api.Change{Op: "+", Object: prefix + name, Detail: is})
		case !has:
			list = append(list, api.Change{Op: "-", Object: prefix + name, Detail: "not needed any more"})
		case was != is:
			list = append(list, api.Change{Op: "~", Object: prefix + name, Detail: was + " → " + is})
		}
	}
	return list
}
