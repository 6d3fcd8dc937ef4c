package e2e

import (
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestVirtualMACServes: a virtual server is served from a virtual MAC address that
// accepts nothing else, with nat and from either director, and the client's
// neighbour entry stays what it is over a hand-over and back.
func TestVirtualMACServes(t *testing.T) {
	s := failover(t, lab.Setup{RouterLines: "virtual_mac = true\naccept = false"})
	must(t, s.pair.Start(within(t, 60*time.Second)))
	s.settled(t)
	const mac = virtualMAC
	address := lab.VirtualOutside.Addr().String()
	look := func(master *lab.Node) {
		t.Helper()
		url := "http://" + lab.Service + "/"
		counts := map[string]int{}
		for range 6 {
			r := s.Client.Get(within(t, 5*time.Second), url)
			must(t, r.Err)
			counts[r.Server]++
		}
		if counts["web1"] != 3 || counts["web2"] != 3 {
			t.Errorf("%s: answers %v, want 3 of each", master.Name, counts)
		}
		if out, err := s.Client.Run(within(t, 20*time.Second), "ping", "-c1", "-W1", address); err == nil {
			t.Errorf("%s answers a ping:\n%s", master.Name, out)
		}
		if entry := s.tool(t, s.Client, "ip", "neigh", "show", address); !strings.Contains(entry, mac) {
			t.Errorf("%s: the client has %q", master.Name, entry)
		}
		port, err := s.Behind("outside", mac)
		must(t, err)
		if port != master.Name {
			t.Errorf("the switch has %s at %q, the master is %s", mac, port, master.Name)
		}
	}
	look(s.LB1)
	c := s.clients(t, true)
	must(t, s.pair.Unit(s.LB1).Stop(within(t, 60*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB2))
	c.end().nothingLost(t)
	look(s.LB2)
	must(t, s.pair.Unit(s.LB1).Start(within(t, 60*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB1))
	look(s.LB1)
}
