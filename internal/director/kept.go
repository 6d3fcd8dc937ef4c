package director

import (
	"fmt"
	"maps"
	"sync"
)

// WordStore keeps what the operator has said, by what it is about, over reboots too.
type WordStore[K comparable, V any] interface {
	Load() (map[K]V, error)
	Save(map[K]V) error
}

// kept are words of the operator. What is in it is on disk, or was tried to be.
type kept[K, V comparable] struct {
	store WordStore[K, V]
	mu    sync.Mutex
	all   map[K]V // replaced, never changed; with the words that are over
}

// load reads what was said before.
func (k *kept[K, V]) load(s WordStore[K, V]) error {
	var err error
	k.store = s
	k.all, err = s.Load()
	return err
}

// words are all that was said, what is over too; the caller does not change it.
func (k *kept[K, V]) words() map[K]V {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all
}

// change replaces the whole by what f makes of a copy, once it is on disk. Where it
// cannot be written nothing changes: what a restart would forget is not promised.
func (k *kept[K, V]) change(f func(map[K]V)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := maps.Clone(k.all)
	if next == nil {
		next = map[K]V{}
	}
	f(next)
	if maps.Equal(next, k.all) {
		return nil
	}
	if err := k.store.Save(next); err != nil {
		return fmt.Errorf("keep what the operator said: %w", err)
	}
	k.all = next
	return nil
}
