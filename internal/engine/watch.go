package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"failover/internal/pause"
	"failover/vrrp"
	"failover/vrrp/linux"
)

// watch keeps the engine informed of its links and of addresses that strangers
// took off, following changes of the set of interfaces.
func (p *process) watch(ctx context.Context) {
	var interfaces []string
	for ctx.Err() == nil {
		watching, stop := context.WithCancel(ctx)
		current := interfaces
		var running sync.WaitGroup
		running.Go(func() { p.watchThese(watching, current) })
		interfaces = p.otherInterfaces(ctx, current)
		stop()
		running.Wait()
	}
}

// otherInterfaces waits until the configuration names other interfaces.
func (p *process) otherInterfaces(ctx context.Context, current []string) []string {
	for {
		select {
		case <-ctx.Done():
			return current
		case next := <-p.rewatch:
			if !slices.Equal(next, current) {
				return next
			}
		}
	}
}

func (p *process) watchThese(ctx context.Context, interfaces []string) {
	reports := linux.Reports{
		Link: func(l vrrp.Link) { p.engine.SetLinks([]vrrp.Link{l}) },
		Lost: func(h linux.Held) { p.engine.AddressLost(h.Interface, h.Address) },
		Way:  p.engine.WayLost,
	}
	for len(interfaces) > 0 && ctx.Err() == nil {
		if err := p.host.Watch(ctx, interfaces, reports); err != nil {
			p.log.Error("watch links", "error", err)
			_ = pause.For(ctx, time.Second) // the loop sees its end
		}
	}
}
