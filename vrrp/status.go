package vrrp

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Status tells the state of every router, in the order of the configuration;
// groups that are on their way out come last. It waits for the loop, which
// answers between two events; the error is ctx's, or [ErrStopped]. After a
// [Engine.HandOver] it tells how things stood then.
func (e *Engine) Status(ctx context.Context) ([]RouterStatus, error) {
	return askLast(ctx, e, (*Engine).status)
}

// Unmatched counts, by interface and [Reject], the packets that belong to none of
// our virtual routers.
func (e *Engine) Unmatched(ctx context.Context) (map[string]map[string]uint64, error) {
	return askLast(ctx, e, (*Engine).strangers)
}

// askLast is ask, also of an engine in whose place another one goes on: its loop has
// ended, and nothing changes any more.
func askLast[T any](ctx context.Context, e *Engine, f func(*Engine) T) (T, error) {
	a, err := ask(ctx, e, f)
	if errors.Is(err, ErrStopped) && e.handedOver {
		e.mu.Lock()
		defer e.mu.Unlock()
		return f(e), nil
	}
	return a, err
}

// ask runs f in the loop and waits for its answer.
func ask[T any](ctx context.Context, e *Engine, f func(*Engine) T) (T, error) {
	answer := make(chan T, 1)
	e.do(func() { answer <- f(e) })
	var zero T
	select {
	case a := <-answer:
		return a, nil
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-e.done:
		return zero, ErrStopped
	}
}

func (e *Engine) status() []RouterStatus {
	var all []RouterStatus
	add := func(name string) {
		if el := e.groups[name]; el != nil {
			for i := range el.group.Routers {
				s := el.status(i, e.now)
				if index := e.links[s.Interface].Index; s.MAC != (MAC{}) && index != 0 {
					s.Device = DeviceName(index, s.MAC)
				}
				all = append(all, s)
			}
		}
	}
	for _, name := range e.order {
		add(name)
	}
	for _, name := range slices.Sorted(maps.Keys(e.groups)) {
		if !slices.Contains(e.order, name) {
			add(name)
		}
	}
	return all
}

// status is that of router i.
func (el *elector) status(i int, now Instant) RouterStatus {
	g := &el.group
	rc, r, t := &g.Config.Routers[i], &g.Routers[i], &el.traffic[i]
	s := RouterStatus{
		Group: g.Config.Name, Name: rc.Name, Interface: rc.Interface, VRID: rc.VRID,
		Version: rc.version(), State: g.State, Since: g.Since, Cause: g.Cause,
		Priority: g.Config.Priority, EffectivePriority: g.Priority,
		MasterAddress: r.MasterAddress, MasterPriority: r.MasterPriority,
		MasterSeen: r.MasterSeen, MasterInterval: r.MasterInterval,
		Source: g.Source(i), MAC: rc.MAC(), HoldsAddresses: el.held && g.Hold, HostError: el.trouble,
		Transitions: g.Transitions, LateWakeups: el.late,
		AdvertsSent: t.sent, AdvertsReceived: t.received, SendErrors: t.sendErrors,
		AdvertsRejected: byReason(&t.rejected), OneSided: g.oneSided(i, now),
	}
	if g.Leaving {
		s.EffectivePriority = priorityResign
	}
	if g.State == Master {
		s.MasterAddress, s.MasterPriority, s.MasterSeen = s.Source, g.Priority, r.SentAt
	}
	s.Neighbours = neighboursOf(t.neighbours, rc, el.addresses[i])
	for j := range s.Neighbours {
		g.beheld(i, &s.Neighbours[j])
	}
	s.Mismatches = t.oddities()
	return s
}

func byReason(counts *[rejectCount]uint64) map[string]uint64 {
	var m map[string]uint64
	for i, n := range counts {
		if n > 0 {
			if m == nil {
				m = make(map[string]uint64)
			}
			m[string(Rejects[i])] = n
		}
	}
	return m
}

// oneSided names the router of the group on which the master is heard while router
// i of a backup hears nothing. The group waits there for nothing: it takes over
// when every router is silent. But a segment, or a port of a switch, does not carry
// adverts, or the master does not send them.
func (g *Group) oneSided(i int, now Instant) string {
	lately := func(i int) bool {
		r := &g.Routers[i]
		since := max(r.MasterSeen, g.Since) // a start has to hear one first
		return now.Sub(since) <= g.Config.Routers[i].masterDown(max(r.MasterInterval, g.interval(i)), priorityLowest)
	}
	if g.State != Backup || lately(i) {
		return ""
	}
	for j := range g.Routers {
		if r := &g.Routers[j]; j != i && r.MasterSeen > g.Since && r.MasterPriority != priorityResign && lately(j) {
			return g.Config.Routers[j].Name
		}
	}
	return ""
}
