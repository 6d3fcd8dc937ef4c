package linux

import (
	"fmt"
	"log/slog"
	"slices"

	"failover/internal/state"
)

// deviceSet is the list of the devices that are ours, in memory and on disk. They
// are not addresses: they stay while the group is a backup.
type deviceSet struct {
	store *state.Store[[]HeldDevice]
	log   *slog.Logger
	held  []HeldDevice
	stale bool // the disk could not be made to agree
}

// load reads what the previous process of this boot left.
func (s *deviceSet) load() error {
	held, origin, err := s.store.Load()
	if err != nil {
		return fmt.Errorf("vrrp: read the owned devices: %w", err)
	}
	if origin == state.ThisBoot {
		s.held = held
	}
	return nil
}

// include adds an entry, or corrects its group and router.
func (s *deviceSet) include(d HeldDevice) {
	i := slices.IndexFunc(s.held, func(x HeldDevice) bool { return x.key() == d.key() })
	switch {
	case i < 0:
		s.held = append(s.held, d)
	case s.held[i] != d:
		s.held[i] = d
	case !s.stale:
		return
	}
	s.save()
}

// exclude takes an entry out.
func (s *deviceSet) exclude(k deviceKey) {
	s.held = slices.DeleteFunc(s.held, func(x HeldDevice) bool { return x.key() == k })
	s.save()
}

// save has the disk agree. What a crash leaves where it cannot carries our alias,
// by which the next process knows it, and is down or without an address.
func (s *deviceSet) save() {
	err := s.store.Save(s.held)
	if err != nil && !s.stale {
		s.log.Warn("owned devices not on disk, trying again", "error", err)
	}
	s.stale = err != nil
}

func (s *deviceSet) has(k deviceKey) bool {
	return slices.ContainsFunc(s.held, func(x HeldDevice) bool { return x.key() == k })
}
