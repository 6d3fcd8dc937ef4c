// Package sockets keeps the listening sockets of a process by name, so that another
// process can go on listening where it ends: who connects in between waits for the
// new one and is not refused.
package sockets

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
)

// Set is the listening sockets of one process. A nil Set keeps nothing.
type Set struct {
	mu        sync.Mutex
	inherited map[string]*os.File
	open      map[string]net.Listener
}

// Inherit returns a Set that has the sockets another process has left, by name.
func Inherit(names []string, files []*os.File) (*Set, error) {
	s := &Set{inherited: map[string]*os.File{}, open: map[string]net.Listener{}}
	if len(names) != len(files) {
		return s, fmt.Errorf("sockets: %d names of %d sockets", len(names), len(files))
	}
	for i, name := range names {
		s.inherited[name] = files[i]
	}
	return s, nil
}

// Listen returns the socket of that name which another process has left, else what
// open makes.
func (s *Set) Listen(name string, open func() (net.Listener, error)) (net.Listener, error) {
	if s == nil {
		return open()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.take(name)
	if l == nil {
		var err error
		if l, err = open(); err != nil {
			return nil, err
		}
	}
	s.open[name] = l
	return l, nil
}

// take is the inherited socket of a name; nil: there is none, or it is of no use.
func (s *Set) take(name string) net.Listener {
	f := s.inherited[name]
	if f == nil {
		return nil
	}
	delete(s.inherited, name)
	l, err := net.FileListener(f)
	if errors.Join(err, f.Close()) != nil {
		return nil
	}
	return l
}

// CloseRest closes the sockets that were left and that nobody has asked for.
func (s *Set) CloseRest() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.inherited {
		errs = append(errs, f.Close())
	}
	clear(s.inherited)
	return errors.Join(errs...)
}

// Close ends the listening of this process. What was handed on is listened on still,
// and those that connect wait there.
func (s *Set) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.open {
		_ = l.Close() // it listens no more either way
	}
	clear(s.open)
}

// filer is a listener whose socket can be handed on.
type filer interface{ File() (*os.File, error) }

// Files are duplicates of the sockets that are listened on now, with their names.
// The caller closes them.
func (s *Set) Files() (names []string, files []*os.File) {
	if s == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.open)) {
		l, ok := s.open[name].(filer)
		if !ok {
			continue
		}
		f, err := l.File()
		if err != nil { // closed meanwhile
			delete(s.open, name)
			continue
		}
		names, files = append(names, name), append(files, f)
	}
	return names, files
}
