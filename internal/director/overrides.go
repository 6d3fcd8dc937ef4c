package director

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"failover/check"
	"failover/conf"
	"failover/internal/policy"
	"failover/internal/state"
)

// OverrideStore keeps what the operator says of real servers.
type OverrideStore = WordStore[check.ID, policy.Override]

// overrides is the operator's word about every real server that he has spoken of.
type overrides struct {
	kept[check.ID, policy.Override]
}

// now is what the operator wants.
func (o *overrides) now() map[check.ID]policy.Override {
	live := maps.Clone(o.words())
	maps.DeleteFunc(live, func(_ check.ID, o policy.Override) bool { return !o.Speaks() })
	return live
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
