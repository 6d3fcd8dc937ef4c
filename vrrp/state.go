package vrrp

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// StateVersion is the version of [EngineState] that this program writes, and the
// one that it reads. Fields may be added without another version: a reader ignores
// what it does not know, and takes what is missing for its zero value.
const StateVersion = 1

// EngineState is everything that an engine knows and that another one of the same
// boot needs to go on. It survives a round trip through JSON.
type EngineState struct {
	Version   int
	Taken     Instant
	Groups    []GroupState // in the order of the configuration
	Links     []Link
	Health    map[string]Health
	Unmatched map[string]map[string]uint64 `json:",omitempty"`
}

// GroupState is one group, with what the engine keeps beside it.
type GroupState struct {
	Group   Group
	Traffic []TrafficState // one per router
	Bursts  []BurstState   // likewise
	// Rounds are announcements that are due and have waited for their pace.
	Rounds []OwnedAddress `json:",omitempty"`
	// Held and Settled are what the host said of the newest wish, Trouble why it is
	// not as wanted; Fresh: nothing was announced yet.
	Held, Settled, Fresh bool
	Trouble              string `json:",omitempty"`
	Backoff              time.Duration
	PostAt               Instant // when the host is told again
	Late                 uint64
	LateFor              Instant
}

// TrafficState counts the adverts of one router, and has who was heard.
type TrafficState struct {
	Sent, SendErrors, Received uint64
	Rejected                   map[string]uint64 `json:",omitempty"` // by [Reject]
	Mismatched                 map[string]uint64 `json:",omitempty"` // by [Mismatch]
	Mute                       bool
	Neighbours                 []NeighbourState `json:",omitempty"`
}

// NeighbourState is what an advert told of a neighbour.
type NeighbourState struct {
	Address  netip.Addr
	Version  uint8
	Priority uint8
	AuthType uint8
	Interval time.Duration
	Checksum ChecksumForm
	Seen     Instant
	Rejected Reject       `json:",omitempty"`
	Others   []netip.Addr `json:",omitempty"` // its addresses, where they are not ours
}

// BurstState is a schedule of announcements under way.
type BurstState struct {
	Start     Instant
	Next      int
	At        Instant
	Again     []Instant `json:",omitempty"`
	Contested Instant
	Apart     time.Duration
}

// SpeakBy is by when somebody has to go on with the adverts: two intervals after
// the last one, when no neighbour has missed a third; Never where the engine is
// master of nothing.
func (s *EngineState) SpeakBy() Instant {
	by := Never
	for i := range s.Groups {
		g := &s.Groups[i].Group
		if g.State != Master {
			continue
		}
		for j := range g.Routers {
			by = min(by, g.Routers[j].SentAt.Add(2*g.interval(j)))
		}
	}
	return by
}

// check tells why an engine cannot go on with a state.
func (s *EngineState) check() error {
	if s.Version != StateVersion {
		return fmt.Errorf("vrrp: go on: the state has version %d, this program knows %d", s.Version, StateVersion)
	}
	seen := map[string]bool{}
	for i := range s.Groups {
		g := &s.Groups[i]
		name, n := g.Group.Config.Name, len(g.Group.Config.Routers)
		switch {
		case name == "" || seen[name]:
			return fmt.Errorf("vrrp: go on: group %q is there twice, or has no name", name)
		case len(g.Group.Routers) != n || len(g.Traffic) != n || len(g.Bursts) != n:
			return fmt.Errorf("vrrp: go on: group %s has %d routers, and the state of %d", name, n, len(g.Group.Routers))
		case !slices.Contains([]State{Init, Backup, Master, Fault}, g.Group.State):
			return fmt.Errorf("vrrp: go on: group %s is %q", name, g.Group.State)
		case !g.Group.Started:
			return fmt.Errorf("vrrp: go on: group %s is not started", name)
		}
		seen[name] = true
	}
	return nil
}

// state is that of the engine at this moment. Nothing in it is shared with it.
func (e *Engine) state() EngineState {
	s := EngineState{Version: StateVersion, Taken: e.now, Health: maps.Clone(e.health), Unmatched: e.strangers()}
	for _, name := range e.order {
		if el := e.groups[name]; el != nil {
			s.Groups = append(s.Groups, el.state())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.links)) {
		s.Links = append(s.Links, e.links[name])
	}
	return s
}

// strangers counts the packets of no router, by interface and reason.
func (e *Engine) strangers() map[string]map[string]uint64 {
	all := make(map[string]map[string]uint64)
	for iface, counts := range e.unmatched {
		all[iface] = byReason(counts)
	}
	return all
}

func (el *elector) state() GroupState {
	s := GroupState{
		Group: el.group, Held: el.held, Settled: el.settled, Fresh: el.fresh, Trouble: el.trouble, Backoff: el.backoff,
		PostAt: el.postAt, Rounds: el.exec.waiting(), Late: el.late, LateFor: el.lateFor,
	}
	s.Group.Routers = slices.Clone(el.group.Routers)
	for i := range s.Group.Routers {
		r := &s.Group.Routers[i]
		r.Rivals = slices.Clone(r.Rivals)
	}
	for i := range el.traffic {
		s.Traffic = append(s.Traffic, el.traffic[i].state())
	}
	for _, b := range el.bursts {
		s.Bursts = append(s.Bursts, BurstState{b.start, b.next, b.at, slices.Clone(b.again), b.contested, b.apart})
	}
	return s
}

func (t *traffic) state() TrafficState {
	s := TrafficState{
		Sent: t.sent, SendErrors: t.sendErrors, Received: t.received, Rejected: byReason(&t.rejected),
		Mismatched: t.oddities(), Mute: t.mute,
	}
	for _, n := range t.neighbours {
		s.Neighbours = append(s.Neighbours, NeighbourState{
			Address: n.address, Version: n.version, Priority: n.priority, AuthType: n.authType, Interval: n.interval,
			Checksum: n.checksum, Seen: n.seen, Rejected: n.rejected, Others: slices.Clone(n.others),
		})
	}
	return s
}

// oddities counts by [Mismatch] what was odd.
func (t *traffic) oddities() (m map[string]uint64) {
	for i, n := range t.mismatched {
		if n > 0 {
			if m == nil {
				m = make(map[string]uint64)
			}
			m[string(Mismatches[i])] = n
		}
	}
	return m
}
