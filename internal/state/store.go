package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Version is the version of the files that a [Store] writes. A reader of an
// earlier version does not touch a later one's file.
const Version = 1

// Store is one JSON file that holds one value of type T:
//
//	{"version":1,"boot_id":"…","data":…}
//
// It does no locking: one goroutine of one process writes it.
type Store[T any] struct {
	Path   string
	BootID string      // of the current boot, see [BootID]
	Perm   fs.FileMode // of the file; 0 means 0600
	// Volatile says that the value is void after a reboot. Save then does not wait
	// for the disk: what a process wrote its successor reads all the same, and a
	// take-over must not wait for a slow disk.
	Volatile bool
}

// envelope is the file around the value. Version is read first and alone: what
// the rest of a later version looks like is not known.
type envelope struct {
	Version int             `json:"version"`
	BootID  string          `json:"boot_id"`
	Data    json.RawMessage `json:"data"`
}

// Load reads the value and tells of when it is. With Missing it is the zero
// value. A file that is damaged or of a later version is set aside and the
// error wraps [ErrCorrupt].
func (s *Store[T]) Load() (T, Origin, error) {
	var none, v T
	b, err := os.ReadFile(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, Missing, nil
	}
	if err != nil {
		return none, Missing, fmt.Errorf("state: %w", err)
	}
	var e envelope
	if err := json.Unmarshal(b, &e); err != nil {
		return none, Missing, setAside(s.Path, err)
	}
	if e.Version != Version {
		return none, Missing, setAside(s.Path, fmt.Errorf("version %d, this program knows %d", e.Version, Version))
	}
	if err := json.Unmarshal(e.Data, &v); err != nil {
		return none, Missing, setAside(s.Path, err)
	}
	if e.BootID != s.BootID {
		return v, EarlierBoot, nil
	}
	return v, ThisBoot, nil
}

// Save replaces the file by one that holds v.
func (s *Store[T]) Save(v T) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("state: write %s: %w", s.Path, err)
	}
	b, err := json.Marshal(envelope{Version: Version, BootID: s.BootID, Data: data})
	if err != nil {
		return fmt.Errorf("state: write %s: %w", s.Path, err)
	}
	perm := s.Perm
	if perm == 0 {
		perm = 0o600
	}
	return replace(s.Path, append(b, '\n'), perm, !s.Volatile)
}
