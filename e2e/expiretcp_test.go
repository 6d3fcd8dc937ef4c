package e2e

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"failover/e2e/lab"
)

// web6 is the service of IPv6 beside the pair's own: by forward and network of the
// real servers.
func web6(forward, network string, servers ...int) string {
	list := ""
	for i, n := range servers {
		list += fmt.Sprintf("  { name = \"web%d\", address = \"[%s::%d]:80\" },\n", i+1, network, n)
	}
	return fmt.Sprintf(`
[virtual_server.web6]
address = %q
scheduler = "rr"
forward = %q
on_server_down = "expire"
check = { kind = "tcp", interval = "1s", timeout = "1s", rise = 1, fall = 2 }
real_server = [
%s]
`, lab.Service6, forward, list)
}

// TestExpireTCP: who has a connection to a server that has died without a word is
// told so by a reset, from the server that has the connection now and does not know
// it, instead of waiting for its own patience to end, by IPv4 and by IPv6. The
// connections of the other server go on.
func TestExpireTCP(t *testing.T) {
	t.Parallel()
	for _, forward := range []string{"nat", "dr"} {
		t.Run(forward, func(t *testing.T) {
			t.Parallel()
			setup := lab.Setup{
				Check: "tcp", Forward: forward, ServerLines: `on_server_down = "expire"`,
				Routers: lab.BothFamilies(), Lines: web6(forward, "2001:db8:33", 92, 93),
			}
			if forward == "dr" {
				setup.Servers, setup.Lines = lab.DirectServers(), web6(forward, "2001:db8:20", 7, 8)
			}
			s := failover(t, setup)
			must(t, s.AddIPv6())
			if forward == "dr" {
				must(t, s.DirectRouting())
			}
			s.starts(t, 4)
			var list []*lab.Held
			for _, address := range []string{lab.Service, lab.Service6} {
				h, err := s.Client.Hold(within(t, 20*time.Second), lab.HeldSpec{
					Address: address, Count: 12, Every: 400 * time.Millisecond, Patience: 2 * time.Minute,
				})
				must(t, err)
				list = append(list, h)
			}
			must(t, s.Cut(s.Web1.Node))
			begin := time.Now()
			for _, h := range list {
				toldOf(t, h)
			}
			figure(t, "told", time.Since(begin).Seconds(), "s")
			since := time.Now()
			for _, h := range list {
				goesOn(t, h, since)
			}
		})
	}
}

// toldOf waits until every connection to web1 has ended.
func toldOf(t *testing.T, h *lab.Held) {
	t.Helper()
	eventually(t, 60*time.Second, "every connection to web1 has ended", func() (bool, error) {
		for _, c := range h.Conns() {
			if c.Server == "web1" && c.Err == nil {
				return false, nil
			}
		}
		return true, nil
	})
}

// goesOn: those to web2 have been used since a time, and those to web1 were reset.
func goesOn(t *testing.T, h *lab.Held, since time.Time) {
	t.Helper()
	eventually(t, 20*time.Second, "the connections to web2 are used, or broken", func() (bool, error) {
		for _, c := range h.Conns() {
			if c.Server == "web2" && c.Err == nil && c.Last.Before(since) {
				return false, nil
			}
		}
		return true, nil
	})
	for i, c := range h.Stop() {
		switch {
		case c.Server == "web2" && c.Err != nil:
			t.Errorf("connection %d from %s to web2, which is up, broke: %v", i, c.Local, c.Err)
		case c.Server == "web1" && !errors.Is(c.Err, syscall.ECONNRESET):
			t.Errorf("connection %d from %s to web1 ended with %v, want a reset", i, c.Local, c.Err)
		}
	}
}
