package director

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
)

// heard is how many connections the backup daemon was told of, and how often.
func (f *fakeConns) heard() (messages, connections int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.told {
		connections += int(m[4])
	}
	return len(f.told), connections
}

// TestBind: when a server comes into the table, the kernel is told again of the
// connections to it that it would drop; of those that work as they are it is not.
func TestBind(t *testing.T) {
	for _, c := range []struct {
		name   string
		change []string
		told   int
	}{
		{"by tunnel", []string{`forward = "nat"`, `forward = "tun"`}, 3},
		{"by nat", nil, 0},
		{"with persistence, by nat", []string{`scheduler = "rr"`, "scheduler = \"rr\"\npersistence = \"5m\""}, 1},
		{"without synchronisation", []string{`forward = "nat"`, `forward = "tun"`, "[ipvs.sync]", ""}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t, strings.NewReplacer(c.change...).Replace(pairFile+"\n[ipvs.sync]\n"))
				template, elsewhere := youngConn(0), youngConn(4)
				template.Template, template.State = true, "NONE"
				elsewhere.Server = netip.MustParseAddrPort("192.168.33.93:80")
				s.conns.has(youngConn(2), youngConn(3), template, elsewhere)
				s.setDown("192.168.33.92:80", true)
				s.setDown("192.168.33.93:80", true)
				s.start(ipc.Hello{})
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if n, _ := s.conns.heard(); n != 0 {
					t.Errorf("%d messages before any server came", n)
				}
				s.setDown("192.168.33.92:80", false)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if _, n := s.conns.heard(); n != c.told {
					t.Errorf("%d connections were told of, want %d", n, c.told)
				}
			})
		})
	}
}
