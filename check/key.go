package check

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
)

// key names a spec by its content.
type key [sha256.Size]byte

// key returns the same value for equal specs, and only for them. Header maps
// that are nil and empty are equal, and so are lists. A reload computes it for
// every check there is, so it is written out by hand; a test changes every field
// there is and looks whether the key follows.
func (s Spec) key() key {
	b := make([]byte, 0, 256)
	b = text(b, string(s.Kind))
	b = text(b, s.Target.String())
	b = text(b, s.Object)
	b = numbers(b, int(s.Interval), int(s.Timeout), s.Rise, s.Fall)
	if h := s.HTTP; h != nil {
		b = text(b, "http")
		b = text(b, h.Method)
		b = text(b, h.Path)
		b = text(b, h.Host)
		b = numbers(b, len(h.Headers))
		for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
			b = text(b, name)
			b = text(b, h.Headers[name])
		}
		b = numbers(b, len(h.Status))
		for _, r := range h.Status {
			b = numbers(b, r.From, r.To)
		}
		b = text(b, h.Body)
		b = text(b, h.ServerName)
		b = text(b, h.CAFile)
		if h.SkipVerify {
			b = text(b, "skip")
		}
	}
	if e := s.Exec; e != nil {
		b = text(b, "exec")
		b = numbers(b, len(e.Argv))
		for _, arg := range e.Argv {
			b = text(b, arg)
		}
		b = text(b, e.Name)
		b = text(b, e.User)
	}
	return sha256.Sum256(b)
}

// text appends a string with its length, so that no two lists of strings look
// alike.
func text(b []byte, s string) []byte {
	return append(numbers(b, len(s)), s...)
}

func numbers(b []byte, ns ...int) []byte {
	for _, n := range ns {
		b = binary.AppendVarint(b, int64(n))
	}
	return b
}

// Equal tells whether two specs ask the same of the same target.
func (s Spec) Equal(other Spec) bool { return s.key() == other.key() }
