package lvstest

import (
	"context"
	"sync"

	"failover/lvs"
)

// Store is an [lvs.OwnedStore] in memory. The zero value holds the empty set.
type Store struct {
	mu    sync.Mutex
	owned lvs.Owned
	saves int
	err   error
}

// Load implements [lvs.OwnedStore].
func (s *Store) Load(context.Context) (lvs.Owned, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owned, s.err
}

// Save implements [lvs.OwnedStore].
func (s *Store) Save(_ context.Context, o lvs.Owned) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.owned = o
		s.saves++
	}
	return s.err
}

// Fail makes Load and Save fail with err until it is called with nil.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Owned returns the set as saved, and how often it was saved.
func (s *Store) Owned() (lvs.Owned, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owned, s.saves
}
