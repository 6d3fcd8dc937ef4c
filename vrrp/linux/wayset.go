package linux

import (
	"errors"
	"fmt"
	"log/slog"

	"failover/internal/state"
)

// waySet is the list of the routes and rules that are ours, in memory and on disk.
type waySet struct {
	store *state.Store[Ways]
	log   *slog.Logger
	held  Ways
	stale bool // the disk could not be made to agree
}

// load reads what the previous process of this boot left. A damaged file costs
// what it spoke of: a route of ours that nobody knows to be ours stays.
func (s *waySet) load() error {
	held, origin, err := s.store.Load()
	switch {
	case errors.Is(err, state.ErrCorrupt):
		s.log.Warn("owned routes and rules unknown, those of an earlier process stay", "error", err)
	case err != nil:
		return fmt.Errorf("vrrp: read the owned routes and rules: %w", err)
	case origin == state.ThisBoot:
		s.held = held
	}
	return nil
}

// become makes the next list the current one and has the disk agree, or tries
// again with the next change.
func (s *waySet) become(next Ways, changed bool) {
	s.held = next
	if !changed && !s.stale {
		return
	}
	err := s.store.Save(next)
	if err != nil && !s.stale {
		s.log.Warn("owned routes and rules not on disk, trying again", "error", err)
	}
	s.stale = err != nil
}

func (s *waySet) include(w Ways) { s.become(s.held.with(w), !s.held.has(w)) }

func (s *waySet) exclude(w Ways) {
	next := s.held.without(w)
	s.become(next, next.count() != s.held.count())
}
