package lab

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// notifySocket receives what a service says by sd_notify(3).
type notifySocket struct {
	path string

	mu   sync.Mutex
	up   chan struct{} // closed at READY=1
	said bool
	main int           // as MAINPID= says; 0: nobody has said it
	read chan struct{} // takes one for each barrier that was read
	gone chan struct{} // closed when nothing is read any more
}

func (l *Lab) notifySocket(name string) (*notifySocket, error) {
	s := &notifySocket{path: filepath.Join(l.Dir, name+".notify"), up: make(chan struct{}), read: make(chan struct{}, 16), gone: make(chan struct{})}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("lab: notification socket: %w", err)
	}
	if err := os.Chmod(s.path, 0o666); err != nil {
		c.Close()
		return nil, fmt.Errorf("lab: notification socket: %w", err)
	}
	l.onClose(c.Close)
	go s.receive(c)
	return s, nil
}

func (s *notifySocket) receive(c *net.UnixConn) {
	defer close(s.gone)
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(buf[:n])) {
			s.hear(strings.TrimSpace(line))
		}
	}
}

func (s *notifySocket) hear(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, value, _ := strings.Cut(line, "=")
	switch {
	case line == "READY=1" && !s.said:
		s.said = true
		close(s.up)
	case key == "MAINPID":
		s.main, _ = strconv.Atoi(value)
	case line == barrier:
		s.read <- struct{}{} // each has somebody who waits for it
	}
}

// barrier is what the supervisor says itself, to know that all before it was read.
const barrier = "X_BARRIER=1"

// mainPID is the main process that the service has named, once everything that it
// has said was read; 0: none.
func (s *notifySocket) mainPID() (int, error) {
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		return 0, fmt.Errorf("lab: notification socket: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(barrier)); err != nil {
		return 0, fmt.Errorf("lab: notification socket: %w", err)
	}
	select {
	case <-s.read:
	case <-s.gone:
	}
	return s.named(), nil
}

// named is the main process that the service has named; 0: none.
func (s *notifySocket) named() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.main
}

// reset forgets the READY of the last life.
func (s *notifySocket) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.main = 0
	if s.said {
		s.said, s.up = false, make(chan struct{})
	}
}

// ready is closed when the present life has said READY=1.
func (s *notifySocket) ready() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up
}
