package lab

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// notifySocket receives what a service says by sd_notify(3).
type notifySocket struct {
	path string

	mu   sync.Mutex
	up   chan struct{} // closed at READY=1
	said bool
}

func (l *Lab) notifySocket(name string) (*notifySocket, error) {
	s := &notifySocket{path: filepath.Join(l.Dir, name+".notify"), up: make(chan struct{})}
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
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(buf[:n])) {
			if strings.TrimSpace(line) != "READY=1" {
				continue
			}
			s.mu.Lock()
			if !s.said {
				s.said = true
				close(s.up)
			}
			s.mu.Unlock()
		}
	}
}

// reset forgets the READY of the last life.
func (s *notifySocket) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
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
