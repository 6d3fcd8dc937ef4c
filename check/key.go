package check

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// key names a spec by its content.
type key [sha256.Size]byte

// key returns the same value for equal specs, and only for them. Header maps
// that are nil and empty are equal, and so are lists.
func (s Spec) key() key {
	if s.HTTP != nil {
		h := *s.HTTP
		if len(h.Headers) == 0 {
			h.Headers = nil
		}
		if len(h.Status) == 0 {
			h.Status = nil
		}
		s.HTTP = &h
	}
	if s.Exec != nil {
		e := *s.Exec
		if len(e.Argv) == 0 {
			e.Argv = nil
		}
		s.Exec = &e
	}
	text, err := json.Marshal(s)
	if err != nil {
		// Strings, numbers and addresses: there is nothing that JSON cannot write.
		panic(fmt.Sprintf("check: encode a spec: %v", err))
	}
	return sha256.Sum256(text)
}

// Equal tells whether two specs ask the same of the same target.
func (s Spec) Equal(other Spec) bool { return s.key() == other.key() }
