package e2e

import (
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// own is a service whose real servers are the directors themselves.
const own = `
[virtual_server.own]
fwmark = 7
match = ["tcp 172.20.10.4:8080"]
scheduler = "rr"
forward = "dr"
check = { kind = "tcp", interval = "1s" }
real_server = [
  { name = "lb1", address = "192.168.33.91:8080" },
  { name = "lb2", address = "192.168.33.94:8080" },
]
`

// TestDirectorsServe: both directors are real servers of their own pair. Whichever
// is master, each gets its share, also the one whose daemon has stopped: it is still
// a real server.
func TestDirectorsServe(t *testing.T) {
	s := failover(t, lab.Setup{Lines: own})
	// Both have the address, on lo: who is master is for the director to say.
	leads := func(n *lab.Node) {
		t.Helper()
		eventually(t, 60*time.Second, n.Name+" is master", func() (bool, error) {
			st, err := s.ask(t, n)
			return err == nil && router(t, st, "outside").State == "master", nil
		})
	}
	for _, n := range s.Directors() {
		if _, err := n.Serve(n.Name, ":8080"); err != nil {
			t.Fatal(err)
		}
		must(t, s.pair.Unit(n).Start(within(t, 60*time.Second)))
	}
	leads(s.LB1)
	for _, n := range s.Directors() {
		must(t, s.pair.WaitServers(within(t, 30*time.Second), n, 4))
	}
	// The neighbour's card is found before it is needed, or soon after.
	for _, n := range s.Directors() {
		eventually(t, 20*time.Second, n.Name+" knows the other one's card", func() (bool, error) {
			return strings.Contains(s.tool(t, n, "nft", "list", "table", "inet", "failover"), "@directors"), nil
		})
	}
	share := func(when string) {
		t.Helper()
		counts := map[string]int{}
		for range 6 {
			r := s.Client.Get(within(t, 10*time.Second), "http://"+lab.VirtualOutside.Addr().String()+":8080/")
			must(t, r.Err)
			counts[r.Server]++
		}
		if counts["lb1"] != 3 || counts["lb2"] != 3 {
			t.Errorf("%s: answers %v, want 3 of each", when, counts)
		}
	}
	share("lb1 is master")
	must(t, s.pair.Unit(s.LB1).Stop(within(t, 60*time.Second)))
	leads(s.LB2)
	share("lb1 has stopped")
	must(t, s.pair.Unit(s.LB1).Start(within(t, 60*time.Second)))
	leads(s.LB1)
	share("lb1 is back")
}
