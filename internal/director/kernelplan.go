package director

import (
	"context"
	"fmt"
	"slices"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/host"
	"failover/internal/policy"
	"failover/lvs"
)

// PlanKernel tells what a start with a file would change in the kernel of this
// machine: in its IPVS table, where every real server is taken to be up but for
// what the operator says, and in its settings. It needs no daemon and changes
// nothing. The addresses are not in it: who has them is decided by election. Of o
// it takes File, Node and Parts.
func PlanKernel(ctx context.Context, o Options) (api.Plan, error) {
	d := &Director{o: o}
	deployment, err := conf.Peek(o.File)
	if err != nil {
		return api.Plan{}, err
	}
	node, err := d.nodeOf(deployment)
	if err != nil {
		return api.Plan{}, err
	}
	dir := node.Daemon.StateDir
	world := policy.World{Node: node, Verdicts: map[check.ID]check.Verdict{}}
	hope(&world)
	if world.Overrides, err = o.Parts.Overrides(dir).Load(); err != nil {
		return api.Plan{}, fmt.Errorf("read what the operator says: %w", err)
	}
	policy.DropStale(world.Overrides, node)
	wanted := policy.Desired(world)
	p := api.Plan{File: o.File, Changes: []api.Change{}}

	items, err := o.Parts.items(dir, wanted.Host)
	if err != nil {
		return api.Plan{}, err
	}
	ops, err := o.Parts.against(ctx, dir, wanted.Table, items)
	if err != nil {
		return api.Plan{}, err
	}
	p.Changes = append(p.Changes, tableChanges(ops, nil)...)
	for _, i := range items {
		if !i.OK {
			p.Changes = append(p.Changes, itemChange(i))
		}
	}
	return p, nil
}

// items compares the machine's settings with what is wanted.
func (p Parts) items(dir string, wanted host.Desired) ([]host.Item, error) {
	h, err := p.Host(dir)
	if err != nil {
		return nil, err
	}
	if h, ok := h.(interface {
		Look(host.Desired) []host.Item
	}); ok {
		return h.Look(wanted), nil
	}
	return nil, nil
}

// against compares the kernel's table with what is wanted. A kernel without the
// module has none, and is not made to load it.
func (p Parts) against(ctx context.Context, dir string, wanted lvs.Table, items []host.Item) ([]lvs.Op, error) {
	if slices.ContainsFunc(items, func(i host.Item) bool { return i.Kind == "module" && i.Name == "ip_vs" && !i.OK }) {
		return lvs.Diff(lvs.Table{}, wanted, lvs.Owned{}), nil
	}
	owned, err := p.Owned(dir).Load(ctx)
	if err != nil {
		return nil, err
	}
	if len(wanted.Services)+len(wanted.Sync) == 0 && owned.Equal(lvs.Owned{}) {
		return nil, nil
	}
	kernel, err := p.Kernel(ctx)
	if err != nil {
		return nil, err
	}
	defer kernel.Close()
	actual, err := kernel.Dump(ctx)
	if err != nil {
		return nil, err
	}
	return lvs.Diff(actual, wanted, owned), nil
}

// itemChange writes a setting that is not as wanted.
func itemChange(i host.Item) api.Change {
	if i.Have == "missing" {
		c := api.Change{Op: "+", Object: i.Kind + " " + i.Name}
		if i.Want != "present" {
			c.Detail = i.Want
		}
		return c
	}
	if i.Have == "present" {
		return api.Change{Op: "~", Object: i.Kind + " " + i.Name, Detail: "its content differs"}
	}
	return api.Change{Op: "~", Object: i.Kind + " " + i.Name, Detail: i.Have + " → " + i.Want}
}
