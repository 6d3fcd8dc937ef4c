package e2e

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestExpireTCP: who has a connection to a server that has died without a word is
// told so by a reset, from the server that has the connection now and does not know
// it, instead of waiting for its own patience to end. The connections of the other
// server go on.
func TestExpireTCP(t *testing.T) {
	for _, forward := range []string{"nat", "dr"} {
		t.Run(forward, func(t *testing.T) {
			setup := lab.Setup{Check: "tcp", Forward: forward, ServerLines: `on_server_down = "expire"`}
			if forward == "dr" {
				setup.Servers = lab.DirectServers()
			}
			s := failover(t, setup)
			if forward == "dr" {
				must(t, s.DirectRouting())
			}
			must(t, s.pair.Start(within(t, 60*time.Second)))
			var err error
			s.held, err = s.Client.Hold(within(t, 20*time.Second), lab.HeldSpec{
				Address: lab.Service, Count: 12, Every: 400 * time.Millisecond, Patience: 2 * time.Minute,
			})
			must(t, err)
			must(t, s.Cut(s.Web1.Node))
			begin := time.Now()
			eventually(t, 60*time.Second, "every connection to web1 has ended", func() (bool, error) {
				for _, c := range s.held.Conns() {
					if c.Server == "web1" && c.Err == nil {
						return false, nil
					}
				}
				return true, nil
			})
			figure(t, "told", time.Since(begin).Seconds(), "s")
			since := time.Now()
			eventually(t, 20*time.Second, "the connections to web2 are used, or broken", func() (bool, error) {
				for _, c := range s.held.Conns() {
					if c.Server == "web2" && c.Err == nil && c.Last.Before(since) {
						return false, nil
					}
				}
				return true, nil
			})
			for i, c := range s.held.Stop() {
				switch {
				case c.Server == "web2" && c.Err != nil:
					t.Errorf("connection %d to web2, which is up, broke: %v", i, c.Err)
				case c.Server == "web1" && !errors.Is(c.Err, syscall.ECONNRESET):
					t.Errorf("connection %d to web1 ended with %v, want a reset", i, c.Err)
				}
			}
			s.held = nil
		})
	}
}
