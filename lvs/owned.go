package lvs

import (
	"context"
	"slices"
	"strings"
)

// Owned is what in the kernel's table is ours, now or from before: only that is
// ever deleted. It is a plain value that outlives the process.
type Owned struct {
	Services []Key  `json:"services"` // sorted, each once
	Roles    []Role `json:"roles"`    // sync daemons, sorted, each once
}

// OwnedStore keeps an [Owned] set where a restarted process finds it. The set
// says nothing after a reboot (the table went with the kernel, and what stands
// there now was made by others): Load returns the empty set for one that was
// saved under another boot id.
type OwnedStore interface {
	Load(ctx context.Context) (Owned, error)
	// Save replaces the set; it is durable when Save returns.
	Save(ctx context.Context, o Owned) error
}

// Has tells whether the service is in the set.
func (o Owned) Has(k Key) bool {
	_, ok := slices.BinarySearchFunc(o.Services, k, Key.Compare)
	return ok
}

// HasRole tells whether the sync daemon is in the set.
func (o Owned) HasRole(r Role) bool { return slices.Contains(o.Roles, r) }

// Equal tells whether both sets hold the same.
func (o Owned) Equal(p Owned) bool {
	return slices.Equal(o.Services, p.Services) && slices.Equal(o.Roles, p.Roles)
}

// With returns the set with everything in t added: nearly always it has all of it.
func (o Owned) With(t Table) Owned {
	keys, roles := slices.Clip(o.Services), slices.Clip(o.Roles)
	for i := range t.Services {
		if k := t.Services[i].Key; !o.Has(k) {
			keys = append(keys, k)
		}
	}
	for _, s := range t.Sync {
		if !o.HasRole(s.Role) {
			roles = append(roles, s.Role)
		}
	}
	if len(keys) == len(o.Services) && len(roles) == len(o.Roles) {
		return o
	}
	return newOwned(slices.Clone(keys), slices.Clone(roles))
}

// Shrink returns the set without what is neither wanted nor in the kernel any
// more: its deletion has succeeded.
func (o Owned) Shrink(wanted, actual Table) Owned {
	keep := Owned{}.With(wanted).With(actual)
	return newOwned(
		slices.DeleteFunc(slices.Clone(o.Services), func(k Key) bool { return !keep.Has(k) }),
		slices.DeleteFunc(slices.Clone(o.Roles), func(r Role) bool { return !keep.HasRole(r) }),
	)
}

func newOwned(keys []Key, roles []Role) Owned {
	slices.SortFunc(keys, Key.Compare)
	slices.SortFunc(roles, func(a, b Role) int { return strings.Compare(string(a), string(b)) })
	return Owned{Services: slices.Compact(keys), Roles: slices.Compact(roles)}
}
