package director

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"failover/check"
	"failover/conf"
	"failover/internal/policy"
	"failover/internal/state"
)

// OverrideStore keeps what the operator says of real servers, over reboots too.
type OverrideStore interface {
	Load() (map[check.ID]policy.Override, error)
	Save(map[check.ID]policy.Override) error
}

// overrides is the operator's word about every real server that he has spoken of.
// What is in it is on disk, or was tried to be.
type overrides struct {
	store OverrideStore
	mu    sync.Mutex
	all   map[check.ID]policy.Override // replaced, never changed; with the words that are over
	live  map[check.ID]policy.Override // those of all that still say something
}

// loadOverrides reads what was said before.
func loadOverrides(s OverrideStore) (*overrides, error) {
	o := &overrides{store: s}
	var err error
	o.all, err = s.Load()
	o.live = speaking(o.all)
	return o, err
}

// speaking are the words that still say something.
func speaking(all map[check.ID]policy.Override) map[check.ID]policy.Override {
	live := maps.Clone(all)
	maps.DeleteFunc(live, func(_ check.ID, o policy.Override) bool { return !o.Speaks() })
	return live
}

// now is what the operator wants; the caller does not change it.
func (o *overrides) now() map[check.ID]policy.Override {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.live
}

// words are all that was said, what is over too; the caller does not change it.
func (o *overrides) words() map[check.ID]policy.Override {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all
}

// change replaces the whole by what f makes of a copy, once it is on disk. Where it
// cannot be written nothing changes: what a restart would forget is not promised.
func (o *overrides) change(f func(map[check.ID]policy.Override)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	next := maps.Clone(o.all)
	if next == nil {
		next = map[check.ID]policy.Override{}
	}
	f(next)
	if maps.Equal(next, o.all) {
		return nil
	}
	if err := o.store.Save(next); err != nil {
		return fmt.Errorf("keep what the operator said: %w", err)
	}
	o.all, o.live = next, speaking(next)
	return nil
}

// keepTo forgets what was said of real servers that a node does not have, and
// returns that.
func (o *overrides) keepTo(n conf.Node) (gone map[check.ID]policy.Override, err error) {
	before := o.now()
	var stale []check.ID
	err = o.change(func(m map[check.ID]policy.Override) { stale = policy.DropStale(m, n) })
	gone = map[check.ID]policy.Override{}
	for _, id := range stale {
		if was, spoke := before[id]; spoke {
			gone[id] = was
		}
	}
	return gone, err
}

// spoken is one override in the file.
type spoken struct {
	VirtualServer string `json:"virtual_server"`
	RealServer    string `json:"real_server"`
	policy.Override
}

// overrideFile is the store in the state directory.
type overrideFile struct{ path string }

// Overrides is what the operator says, kept in a state directory.
func Overrides(stateDir string) OverrideStore {
	return overrideFile{filepath.Join(stateDir, "overrides.json")}
}

// store is durable and knows no boot: the operator's word outlives a power cut.
func (f overrideFile) store() *state.Store[[]spoken] { return &state.Store[[]spoken]{Path: f.path} }

func (f overrideFile) Load() (map[check.ID]policy.Override, error) {
	list, _, err := f.store().Load()
	if err != nil {
		return nil, err
	}
	all := make(map[check.ID]policy.Override, len(list))
	for _, s := range list {
		if s.Speaks() && !s.Known() {
			err = errors.Join(err, fmt.Errorf("%s: %s of %s is %q, which this program does not know", f.path, s.RealServer, s.VirtualServer, s.Kind))
			continue
		}
		all[check.ID{VirtualServer: s.VirtualServer, RealServer: s.RealServer}] = s.Override
	}
	return all, err
}

func (f overrideFile) Save(all map[check.ID]policy.Override) error {
	list := make([]spoken, 0, len(all))
	for id, o := range all {
		list = append(list, spoken{id.VirtualServer, id.RealServer, o})
	}
	slices.SortFunc(list, func(a, b spoken) int {
		return cmp.Or(cmp.Compare(a.VirtualServer, b.VirtualServer), cmp.Compare(a.RealServer, b.RealServer))
	})
	return f.store().Save(list)
}
