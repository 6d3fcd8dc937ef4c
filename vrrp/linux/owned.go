package linux

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"

	"failover/internal/state"
)

// Held is one address that this program added to an interface.
type Held struct {
	Group     string
	Router    string
	Interface string
	Index     int // of the interface when the address was added
	Address   netip.Prefix
	// Label is what was written for it; of an address that has none the kernel makes
	// one up when the interface is renamed.
	Label string `json:",omitempty"`
}

// key is what tells one address of a machine from another.
type key struct {
	index  int
	prefix netip.Prefix
}

func (e Held) key() key { return key{e.Index, e.Address} }

// place is where an address is, whatever its prefix.
type place struct {
	index   int
	address netip.Addr
}

func (e Held) place() place { return place{e.Index, e.Address.Addr()} }

// ownedSet is the list of the addresses that are ours, in memory and on disk. An
// interface's index is part of it: an address does not outlive its interface.
type ownedSet struct {
	store *state.Store[[]Held]
	log   *slog.Logger
	held  []Held
	stale bool // the disk could not be made to agree

	// The same, to be found in.
	byGroup map[string][]Held
	byPlace map[place][]Held
}

// load reads what the previous process of this boot left. Of an earlier boot
// nothing is true any more.
func (s *ownedSet) load() error {
	held, origin, err := s.store.Load()
	if err != nil {
		return fmt.Errorf("vrrp: read the owned addresses: %w", err)
	}
	if origin == state.ThisBoot {
		s.hold(held)
	}
	return nil
}

// hold makes the next list the current one, in memory.
func (s *ownedSet) hold(next []Held) {
	s.held = next
	s.byGroup, s.byPlace = map[string][]Held{}, make(map[place][]Held, len(next))
	for _, e := range next {
		s.byGroup[e.Group] = append(s.byGroup[e.Group], e)
		s.byPlace[e.place()] = append(s.byPlace[e.place()], e)
	}
}

// include adds entries, or corrects their group and router, before the addresses
// are added.
func (s *ownedSet) include(entries []Held) {
	if !slices.ContainsFunc(entries, func(e Held) bool { had := s.find(e.key()); return had == nil || *had != e }) {
		s.become(s.held, false)
		return
	}
	next, at := slices.Clone(s.held), make(map[key]int, len(s.held))
	for i, e := range next {
		at[e.key()] = i
	}
	for _, e := range entries {
		if i, is := at[e.key()]; is {
			next[i] = e
			continue
		}
		at[e.key()] = len(next)
		next = append(next, e)
	}
	s.become(next, true)
}

// exclude takes entries out, after the addresses have been removed.
func (s *ownedSet) exclude(gone map[key]bool) {
	if len(gone) == 0 {
		s.become(s.held, false)
		return
	}
	next := slices.DeleteFunc(slices.Clone(s.held), func(e Held) bool { return gone[e.key()] })
	s.become(next, len(next) != len(s.held))
}

// become makes the next list the current one and has the disk agree. A disk that
// cannot be written must not keep the service down: it is a warning, tried again
// with the next change or renewal. What a crash leaves then ends with its lease.
func (s *ownedSet) become(next []Held, changed bool) {
	if changed {
		s.hold(next)
	} else if !s.stale {
		return
	}
	err := s.store.Save(next)
	if err != nil && !s.stale {
		s.log.Warn("owned addresses not on disk, trying again", "error", err)
	}
	s.stale = err != nil
}

// groups lists the groups that have an entry.
func (s *ownedSet) groups() []string { return slices.Sorted(maps.Keys(s.byGroup)) }

// of are the entries of a group.
func (s *ownedSet) of(group string) []Held { return s.byGroup[group] }

// near are the entries that a decision about a group's wishes looks at: the
// group's own, and those of the same addresses.
func (s *ownedSet) near(group string, wanted []wish) []Held {
	list := slices.Clone(s.byGroup[group])
	for _, w := range wanted {
		for _, e := range s.byPlace[w.place()] {
			if e.Group != group {
				list = append(list, e)
			}
		}
	}
	return list
}

// find is the entry of an address; nil: there is none.
func (s *ownedSet) find(k key) *Held { return find(s.byPlace[place{k.index, k.prefix.Addr()}], k) }

// has tells whether an address is in the set.
func (s *ownedSet) has(k key) bool { return s.find(k) != nil }
