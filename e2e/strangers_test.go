package e2e

import (
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// What somebody else keeps on the directors, and we must not touch.
const (
	foreignService = "-A -t 10.99.0.1:99 -s wlc"
	foreignAddress = "10.99.0.1/32"
)

// clears is how often a stranger clears the table: the moment in which a client
// could be refused is short.
const clears = 5

// strangersArrive puts foreign things on both directors.
func (s *scene) strangersArrive(t *testing.T) {
	for _, n := range s.Directors() {
		s.tool(t, n, "ip", "address", "add", foreignAddress, "dev", "eth1")
		s.tool(t, n, append([]string{"ipvsadm"}, strings.Fields(foreignService)...)...)
	}
}

// strangersStay: what they put there is still there.
func (s *scene) strangersStay(t *testing.T) {
	for _, n := range s.Directors() {
		if table := s.table(t, n); !strings.Contains(table, foreignService) {
			t.Errorf("%s: the foreign service is gone:\n%s", n.Name, table)
		}
		if out := s.tool(t, n, "ip", "-4", "address", "show", "dev", "eth1"); !strings.Contains(out, foreignAddress) {
			t.Errorf("%s: the foreign address is gone:\n%s", n.Name, out)
		}
	}
}

func (s *scene) tool(t *testing.T, n *lab.Node, argv ...string) string {
	t.Helper()
	out, err := n.Run(within(t, 20*time.Second), argv...)
	must(t, err)
	return out
}

// strangersMeddle: a stranger clears the table of the master, or takes an
// address off it. It is put back within a second, and nobody notices.
func (s *scene) strangersMeddle(t *testing.T) {
	t.Run("table", func(t *testing.T) {
		c := s.clients(t, true)
		for range clears {
			s.tool(t, s.LB1, "ipvsadm", "--clear")
			begin := time.Now()
			eventually(t, 10*time.Second, "the table is full again", func() (bool, error) {
				have, err := serversIn(s.LB1)
				return have == len(s.pair.Setup.Servers), err
			})
			repaired(t, begin)
		}
		c.end().nothingLost(t)
		// With their own order the strangers have cleared their own service too.
		s.tool(t, s.LB1, append([]string{"ipvsadm"}, strings.Fields(foreignService)...)...)
	})
	t.Run("address", func(t *testing.T) {
		c := s.clients(t, true)
		s.tool(t, s.LB1, "ip", "address", "del", lab.VirtualOutside.String(), "dev", "eth2")
		begin := time.Now()
		eventually(t, 10*time.Second, "the address is back", func() (bool, error) {
			return s.LB1.Holds(lab.VirtualOutside.Addr())
		})
		repaired(t, begin)
		c.end().nothingLost(t)
	})
}

// repaired is the promise to put foreign changes back within a second.
func repaired(t *testing.T, begin time.Time) {
	t.Helper()
	took := time.Since(begin)
	figure(t, "repaired", took.Seconds(), "s")
	if took > time.Second {
		t.Errorf("repaired after %v, want at most 1 s", took)
	}
}
