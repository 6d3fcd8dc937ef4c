package vrrp

import (
	"context"
	"fmt"
	"slices"
)

// Expect opens the ports of groups that are to come, as their links are told, so
// that nothing is missed between another engine and this one. Until they come
// nothing is made of what is received.
func (e *Engine) Expect(groups []GroupConfig) {
	groups = slices.Clone(groups)
	e.do(func() {
		e.expected = groups
		e.relink()
	})
}

// Expecting tells what of the expected ports is not open yet; empty: all are,
// apart from those on interfaces that are not there. It is an error where one
// cannot be opened.
func (e *Engine) Expecting(ctx context.Context) (missing string, err error) {
	type answer struct {
		missing string
		err     error
	}
	a, err := ask(ctx, e, func(e *Engine) (a answer) {
		for key, want := range e.wantedPorts(nil) {
			p := e.ports[key]
			switch link, told := e.links[key.iface]; {
			case told && link.Index == 0:
			case p != nil && p.fault != "":
				return answer{err: fmt.Errorf("vrrp: listen on %s: %s", want.Interface, p.fault)}
			case p == nil || !p.open:
				a.missing = want.Interface
			}
		}
		return a
	})
	if err == nil {
		err = a.err
	}
	return a.missing, err
}

// Inherit goes on where another engine stopped, as it would have: nothing is sent,
// announced or changed but what is due. It takes the place of a first
// [Engine.Configure], and returns when it is done; the error says why the state
// cannot be used, and then nothing has happened.
func (e *Engine) Inherit(ctx context.Context, s EngineState) error {
	if err := s.check(); err != nil {
		return err
	}
	done, err := ask(ctx, e, func(e *Engine) error {
		if len(e.groups) > 0 || e.stopping {
			return fmt.Errorf("vrrp: go on: the engine has %d groups of its own, or is stopping", len(e.groups))
		}
		e.inherit(&s)
		return nil
	})
	if err != nil {
		return err
	}
	return done
}

func (e *Engine) inherit(s *EngineState) {
	e.now = max(e.now, s.Taken)
	e.health = s.Health
	for _, l := range s.Links {
		if _, told := e.links[l.Name]; !told {
			l.Moved = 0 // it is counted anew
			e.links[l.Name] = l
		}
	}
	e.order = e.order[:0]
	for i := range s.Groups {
		g := &s.Groups[i]
		e.order = append(e.order, g.Group.Config.Name)
		e.admit(g.Group.Config).inherit(g)
	}
	e.expected = nil
	clear(e.unmatched)
	e.relink()
	for iface, counts := range s.Unmatched {
		if e.listens(iface) {
			e.unmatched[iface] = new(countsOf(counts))
		}
	}
	for _, el := range e.groups {
		if el.group.Hold {
			// The lease hangs on this loop from now on.
			el.postAt = min(el.postAt, e.now.Add(renewEvery))
		}
		e.schedule(el)
	}
}

// inherit makes an elector that was just admitted what another one was.
func (el *elector) inherit(s *GroupState) {
	el.group = s.Group
	el.held, el.settled, el.fresh, el.trouble, el.backoff = s.Held, s.Settled, s.Fresh, s.Trouble, s.Backoff
	el.postAt, el.late, el.lateFor = s.PostAt, s.Late, s.LateFor
	el.version = 1 // something was asked of the host
	el.links = make([]RouterLink, len(s.Group.Routers))
	for i := range s.Group.Routers {
		el.links[i] = s.Group.Routers[i].Link
	}
	for i := range s.Traffic {
		el.traffic[i] = s.Traffic[i].traffic()
		b := s.Bursts[i]
		el.bursts[i] = burst{b.Start, max(b.Next, 0), b.At, slices.Clone(b.Again), b.Contested, max(b.Apart, 0)}
	}
	el.exec.resume(el.version, s.Rounds)
}

func (s *TrafficState) traffic() traffic {
	t := traffic{
		sent: s.Sent, sendErrors: s.SendErrors, received: s.Received, mute: s.Mute,
		rejected: countsOf(s.Rejected), mismatched: oddities(s.Mismatched),
	}
	for _, n := range s.Neighbours[:min(len(s.Neighbours), neighboursKept)] {
		t.neighbours = append(t.neighbours, neighbour{
			address: n.Address, version: n.Version, priority: n.Priority, authType: n.AuthType, interval: n.Interval,
			checksum: n.Checksum, seen: n.Seen, rejected: n.Rejected, others: n.Others,
		})
	}
	return t
}

// countsOf are counts by their reasons; reasons that this program does not know
// are left out.
func countsOf(by map[string]uint64) (counts [rejectCount]uint64) {
	for i, r := range Rejects {
		counts[i] = by[string(r)]
	}
	return counts
}

func oddities(by map[string]uint64) (counts [mismatchCount]uint64) {
	for i, m := range Mismatches {
		counts[i] = by[string(m)]
	}
	return counts
}
