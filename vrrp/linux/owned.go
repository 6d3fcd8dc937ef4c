package linux

import (
	"fmt"
	"log/slog"
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

// ownedSet is the list of the addresses that are ours, in memory and on disk. An
// interface's index is part of it: an address does not outlive its interface.
type ownedSet struct {
	store *state.Store[[]Held]
	log   *slog.Logger
	held  []Held
	stale bool // the disk could not be made to agree
}

// load reads what the previous process of this boot left. Of an earlier boot
// nothing is true any more.
func (s *ownedSet) load() error {
	held, origin, err := s.store.Load()
	if err != nil {
		return fmt.Errorf("vrrp: read the owned addresses: %w", err)
	}
	if origin == state.ThisBoot {
		s.held = held
	}
	return nil
}

// include adds entries, or corrects their group and router, before the addresses
// are added.
func (s *ownedSet) include(entries []Held) {
	next, changed := slices.Clone(s.held), false
	for _, e := range entries {
		i := slices.IndexFunc(next, func(x Held) bool { return x.key() == e.key() })
		switch {
		case i < 0:
			next, changed = append(next, e), true
		case next[i] != e:
			next[i], changed = e, true
		}
	}
	s.become(next, changed)
}

// exclude takes entries out, after the addresses have been removed.
func (s *ownedSet) exclude(gone map[key]bool) {
	next := slices.DeleteFunc(slices.Clone(s.held), func(e Held) bool { return gone[e.key()] })
	s.become(next, len(next) != len(s.held))
}

// become makes the next list the current one and has the disk agree. A disk that
// cannot be written must not keep the service down: it is a warning, tried again
// with the next change or renewal. What a crash leaves then ends with its lease.
func (s *ownedSet) become(next []Held, changed bool) {
	s.held = next
	if !changed && !s.stale {
		return
	}
	err := s.store.Save(next)
	if err != nil && !s.stale {
		s.log.Warn("owned addresses not on disk, trying again", "error", err)
	}
	s.stale = err != nil
}

// groups lists the groups that have an entry.
func (s *ownedSet) groups() []string {
	var out []string
	for _, e := range s.held {
		if !slices.Contains(out, e.Group) {
			out = append(out, e.Group)
		}
	}
	return out
}

// has tells whether an address is in the set.
func (s *ownedSet) has(k key) bool {
	return find(s.held, k) != nil
}
