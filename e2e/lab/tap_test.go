package lab

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"failover/internal/testenv"
)

// TestTap: who cannot read for a while misses nothing of what directors say in
// that time, and who misses something is told when the lab closes.
func TestTap(t *testing.T) {
	testenv.Need(t, "netns", Usable())
	for _, c := range []struct {
		name   string
		frames int
		lost   bool
	}{{"a pause", 2000, false}, {"a long one", 40000, true}} {
		t.Run(c.name, func(t *testing.T) {
			l, err := New()
			if err != nil {
				t.Fatal(err)
			}
			closed := sync.OnceValue(l.Close)
			t.Cleanup(func() { _ = closed() })
			reading := make(chan struct{})
			if _, err := l.LB1.Tap("eth2", func(time.Time, []byte) { <-reading }); err != nil {
				t.Fatal(err)
			}
			err = l.LB1.Do(func() error {
				conn, err := net.Dial("udp", "172.20.10.6:9")
				if err != nil {
					return err
				}
				defer conn.Close()
				for range c.frames {
					_, _ = conn.Write([]byte("told")) // nobody listens there
				}
				return nil
			})
			close(reading)
			if err != nil {
				t.Fatal(err)
			}
			err = closed()
			if said := err != nil && strings.Contains(err.Error(), "frames were lost"); said != c.lost {
				t.Errorf("after %d frames Close says %v", c.frames, err)
			}
		})
	}
}
