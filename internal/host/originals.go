package host

import (
	"errors"

	"failover/internal/state"
)

// Originals are the sysctls that we changed since the machine was booted.
type Originals map[string]Original

// Original is one sysctl before us and by us.
type Original struct {
	Before string `json:"before"`
	Ours   string `json:"ours"`
}

// Store keeps [Originals] from one process to the next.
type Store interface {
	// Load returns what was saved since the machine was booted; nothing is no error.
	Load() (Originals, error)
	Save(Originals) error
}

// FileStore keeps Originals in a file of the state directory.
type FileStore struct {
	file state.Store[Originals]
}

// NewFileStore is the store at path. After a reboot the kernel has its own values
// again, so that what an earlier boot recorded is void.
func NewFileStore(path, bootID string) *FileStore {
	return &FileStore{file: state.Store[Originals]{Path: path, BootID: bootID, Volatile: true}}
}

// Load reads the file. A damaged one is set aside, and counts as none.
func (s *FileStore) Load() (Originals, error) {
	o, origin, err := s.file.Load()
	if errors.Is(err, state.ErrCorrupt) {
		return nil, nil
	}
	if err != nil || origin != state.ThisBoot {
		return nil, err
	}
	return o, nil
}

// Save replaces the file.
func (s *FileStore) Save(o Originals) error { return s.file.Save(o) }
