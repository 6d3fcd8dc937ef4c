package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// shop is a service of two ports by firewall mark; who buys at one pays at the other.
const shop = `
[virtual_server.shop]
fwmark = 7
match = ["tcp 172.20.10.4:8080", "tcp 172.20.10.4:8443"]
scheduler = "rr"
persistence = "300s"
check = { kind = "tcp", port = 8080, interval = "1s" }
real_server = [
  { name = "web1", address = "192.168.33.92" },
  { name = "web2", address = "192.168.33.93" },
]
`

// TestMarkedServiceKeepsItsClients: persistence over two ports binds a client to a
// server, and the template that says so is on the other director when that takes
// over (net/netfilter/ipvs/ip_vs_sync.c sends it along with its connection).
func TestMarkedServiceKeepsItsClients(t *testing.T) {
	t.Parallel()
	s := failover(t, lab.Setup{AdvertInterval: 100 * time.Millisecond, Lines: shop})
	for _, w := range []*lab.Web{s.Web1, s.Web2} {
		for _, port := range []string{":8080", ":8443"} {
			if _, err := w.Node.Serve(w.Name, port); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.starts(t, 4)
	server := s.buys(t, "")
	eventually(t, 20*time.Second, "lb2 knows which server the client has", func() (bool, error) {
		return s.bound(t.Context(), s.LB2, server)
	})
	must(t, s.Cut(s.LB1))
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB2))
	s.buys(t, server)
}

// buys asks both ports in turn and returns the one server that answered all; it is
// want, unless that is empty.
func (s *scene) buys(t *testing.T, want string) string {
	t.Helper()
	for i := range 10 {
		port := []string{"8080", "8443"}[i%2]
		r := s.Client.Get(within(t, 5*time.Second), "http://"+lab.VirtualOutside.Addr().String()+":"+port+"/")
		must(t, r.Err)
		if want == "" {
			want = r.Server
		}
		if r.Server != want {
			t.Fatalf("request %d, to port %s, was answered by %s, want %s", i, port, r.Server, want)
		}
	}
	return want
}

// bound tells whether a director has the template that binds the client of the mark
// to a server.
func (s *scene) bound(ctx context.Context, n *lab.Node, server string) (bool, error) {
	out, err := n.Run(ctx, "ipvsadm", "-Lnc")
	if err != nil {
		return false, err
	}
	address := map[string]string{"web1": " 192.168.33.92:", "web2": " 192.168.33.93:"}[server]
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "IP ") && strings.Contains(line, address) {
			return true, nil
		}
	}
	return false, nil
}
