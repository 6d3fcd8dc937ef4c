package engine

import (
	"fmt"
	"net"
	"os"
	"time"
)

// What a service manager is told (sd_notify(3)).
const (
	ready    = "READY=1"
	stopping = "STOPPING=1"
)

// notifyPatience bounds the wait for a service manager that does not listen: its
// socket holds a few messages, and a manager that is busy with itself must not
// keep a hand-over from ending.
const notifyPatience = 500 * time.Millisecond

// tellManager tells the service manager of $NOTIFY_SOCKET; without one it does
// nothing.
func tellManager(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(notifyPatience)); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}
