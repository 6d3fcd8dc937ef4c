package director

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"failover/internal/api"
	"failover/internal/state"
	"failover/vrrp"
)

const (
	// handOver is how long a command waits for a neighbour to take over.
	handOver = 10 * time.Second
	// handOverLook is how often it looks.
	handOverLook = 50 * time.Millisecond
)

// MaintenanceStore keeps since when the director is in maintenance, over reboots too;
// the zero time: it is not.
type MaintenanceStore interface {
	Load() (time.Time, error)
	Save(time.Time) error
}

// maintenance is whether the operator is at work on this machine. What is in it is on
// disk.
type maintenance struct {
	store MaintenanceStore
	mu    sync.Mutex
	since time.Time
}

func loadMaintenance(s MaintenanceStore) (*maintenance, error) {
	m := &maintenance{store: s}
	var err error
	m.since, err = s.Load()
	return m, err
}

// now is since when; the zero time: it is not.
func (m *maintenance) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.since
}

// set begins or ends it, and tells whether that is new.
func (m *maintenance) set(on bool, now time.Time) (changed bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if on == !m.since.IsZero() {
		return false, nil
	}
	if !on {
		now = time.Time{}
	}
	if err := m.store.Save(now); err != nil {
		return false, err
	}
	m.since = now
	return true, nil
}

// Maintain begins or ends maintenance. It returns when the engine has been told, and
// at the beginning when no group is master here any more, or after [handOver].
func (d *Director) Maintain(ctx context.Context, want api.Maintenance) (api.Maintained, error) {
	if d.shown.Load() == nil {
		return api.Maintained{}, errors.New("the director is still starting")
	}
	changed, err := d.maintenance.set(want.On, time.Now().UTC().Truncate(time.Millisecond))
	if err != nil {
		return api.Maintained{}, err
	}
	if changed {
		d.log.Warn("maintenance", "on", want.On)
	}
	d.box.look()
	look := time.NewTicker(handOverLook)
	defer look.Stop()
	for deadline := time.Now().Add(handOver); ; {
		s := d.shown.Load()
		done := api.Maintained{On: want.On, Since: d.maintenance.now(), MasterOf: mastersOf(s)}
		if s.world.Maintenance == want.On && (!want.On || len(done.MasterOf) == 0) || time.Now().After(deadline) {
			return done, nil
		}
		select {
		case <-ctx.Done():
			return done, ctx.Err()
		case <-look.C:
		}
	}
}

// mastersOf are the groups that this director is master of.
func mastersOf(s *shown) []string {
	groups := []string{}
	for name, state := range s.roles {
		if state == vrrp.Master {
			groups = append(groups, name)
		}
	}
	slices.Sort(groups)
	return groups
}

// maintenanceFile is the store in the state directory.
type maintenanceFile struct{ path string }

// Maintenance is kept in a state directory; it is durable and knows no boot.
func Maintenance(stateDir string) MaintenanceStore {
	return maintenanceFile{filepath.Join(stateDir, "maintenance.json")}
}

// marked is what the file has.
type marked struct {
	Since time.Time `json:"since"`
}

func (f maintenanceFile) store() *state.Store[marked] { return &state.Store[marked]{Path: f.path} }

func (f maintenanceFile) Load() (time.Time, error) {
	m, _, err := f.store().Load()
	return m.Since, err
}

func (f maintenanceFile) Save(since time.Time) error { return f.store().Save(marked{since}) }
