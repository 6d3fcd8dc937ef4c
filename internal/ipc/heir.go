package ipc

import (
	"encoding/json"
	"os"

	"failover/vrrp"
)

// The line between two engines, the one that runs and the one that is to go on in its
// place. The two may be of different versions: fields may be added, and what a
// reader does not know it ignores; what it cannot do without has a version of its
// own.

// ToHeir is one message of the engine that runs. Exactly one field is set.
type ToHeir struct {
	// Legacy comes when the heir is ready, State at the very end.
	Legacy *Legacy           `json:",omitempty"`
	State  *vrrp.EngineState `json:",omitempty"`

	Files []*os.File `json:"-"` // of Legacy: the lock of the runtime directory, then the sockets
}

func (m *ToHeir) carried() *[]*os.File { return &m.Files }

// Legacy is what the new engine needs beside the state of the election.
type Legacy struct {
	// Configuration is what the groups of the state belong to.
	Configuration Configure
	Health        map[string]vrrp.Health
	Bequest       Bequest
}

// Bequest is what a director leaves to the next one.
type Bequest struct {
	// Memory is the director's, in a form of its own.
	Memory json.RawMessage `json:",omitempty"`
	// Sockets are the names of the listening sockets that come along.
	Sockets []string `json:",omitempty"`
}

// ToHolder is one message of the engine that is to go on. Exactly one field is set.
type ToHolder struct {
	Ready   *HeirReady `json:",omitempty"` // it wants Legacy and State
	Running bool       `json:",omitempty"` // it has taken the state, and goes on from now
	Refuse  *Refuse    `json:",omitempty"` // it cannot, and ends
}

// HeirReady says who is ready.
type HeirReady struct {
	Version string // of the program
}

// HolderEnd is the line's end of the engine that runs.
type HolderEnd = Conn[ToHeir, ToHolder]

// HeirEnd is the end of the engine that is to go on.
type HeirEnd = Conn[ToHolder, ToHeir]

// HeirPair makes the line between two engines: the end of the one that runs, and the
// file to hand to the other.
func HeirPair() (*HolderEnd, *os.File, error) { return pair[ToHeir, ToHolder]() }

// OpenHeir takes the heir's end from an inherited descriptor.
func OpenHeir(fd uintptr) (*HeirEnd, error) {
	return take[ToHolder, ToHeir](fd, "line to the engine of before")
}
