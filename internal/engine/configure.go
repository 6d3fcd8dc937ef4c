package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"failover/internal/ipc"
	"failover/internal/state"
	"failover/vrrp"
	"failover/vrrp/linux"
)

// goOn takes up what the process before this one was doing, without waiting for
// a director to read the file: the same configuration, and its masterships where
// they are fresh.
func (p *process) goOn() {
	c, origin, err := p.runtime.Configuration().Load()
	if err != nil {
		p.log.Warn("the configuration of the process before is not known", "error", err)
	}
	if err != nil || origin != state.ThisBoot {
		// Nothing of ours is to be adopted, so nothing of ours may stay, and what comes
		// starts without a past.
		p.records = nil
		p.purge(nil)
		return
	}
	p.resume = true
	p.configure(c)
}

// configure makes c the whole configuration of the engine.
func (p *process) configure(c ipc.Configure) {
	names := make([]string, 0, len(c.Groups))
	for _, g := range c.Groups {
		names = append(names, g.Name)
	}
	p.assign(names)
	p.mu.Lock()
	p.configured = c
	p.mu.Unlock()
	p.engine.Configure(c.Groups, p.records)
	p.records = nil // they are of use once
	p.watchInterfaces(c.Groups)
}

// assign gives the groups their places on the page.
func (p *process) assign(names []string) {
	if p.page == nil {
		return
	}
	if err := p.page.Assign(names); err != nil {
		p.log.Warn("a restart will not be able to adopt", "error", err)
	}
}

// watchInterfaces has the interfaces of these groups watched.
func (p *process) watchInterfaces(groups []vrrp.GroupConfig) {
	interfaces := make(map[string]bool)
	for _, g := range groups {
		for i := range g.Routers {
			for _, name := range g.Routers[i].Interfaces() {
				interfaces[name] = true
			}
		}
	}
	sorted := slices.Sorted(maps.Keys(interfaces))
	select {
	case <-p.rewatch:
	default:
	}
	p.rewatch <- sorted
}

// purge takes off everything of ours that belongs to no group of keep.
func (p *process) purge(keep []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if n, err := p.host.Purge(ctx, keep...); err != nil {
		p.log.Error("addresses of an earlier process", "error", err)
	} else if n != (linux.Purged{}) {
		p.log.Info("addresses of an earlier process taken off", "count", n.Addresses, "routes", n.Routes, "rules", n.Rules, "devices", n.Devices)
	}
}
