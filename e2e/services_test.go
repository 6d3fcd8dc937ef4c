package e2e

import (
	"bufio"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/internal/api"
)

// several are services with what the pair's first one has not: thresholds,
// persistence, clients on the network of the real servers or beyond it, IPv6.
const several = `
[virtual_server.few]
address = "172.20.10.4:8080"
scheduler = "rr"
check = { kind = "tcp", interval = "1s" }
real_server = [
  { name = "web1", address = "192.168.33.92:8080", max_connections = 3, min_connections = 1 },
  { name = "web2", address = "192.168.33.93:8080" },
]
[virtual_server.bound]
address = "172.20.10.4:8081"
protocol = "udp"
scheduler = "rr"
persistence = "3s"
check = { kind = "tcp", interval = "1s" }
real_server = [
  { name = "web1", address = "192.168.33.92:8081" },
  { name = "web2", address = "192.168.33.93:8081" },
]
[virtual_server.inward]
address = "192.168.33.90:8082"
scheduler = "rr"
masquerade = true
check = { kind = "tcp", interval = "1s" }
real_server = [
  { name = "web1", address = "192.168.33.92:8082" },
  { name = "web2", address = "192.168.33.93:8082" },
]
[virtual_server.armed]
address = "192.168.33.90:8084"
scheduler = "rr"
check = { kind = "tcp", interval = "1s" }
real_server = [
  { name = "web1", address = "192.168.33.92:8084" },
  { name = "web2", address = "192.168.33.93:8084" },
]
[virtual_server.six]
address = "[2001:db8:20::4]:8083"
scheduler = "rr"
check = { kind = "tcp", interval = "1s" }
real_server = [
  { name = "web1", address = "[2001:db8:33::92]:8083" },
  { name = "web2", address = "[2001:db8:33::93]:8083" },
]
[ipvs]
udp_timeout = "1s"
`

// TestServices plays with services of a kind each, on one pair.
func TestServices(t *testing.T) {
	t.Parallel()
	s := failover(t, lab.Setup{AdvertInterval: 100 * time.Millisecond, Routers: lab.BothFamilies(), Lines: several})
	must(t, s.AddIPv6())
	for _, w := range []*lab.Web{s.Web1, s.Web2} {
		for _, port := range []string{":8080", ":8081", ":8082", ":8083", ":8084"} { // the check of 8081 is one of TCP
			_, err := w.Node.Serve(w.Name, port)
			must(t, err)
		}
		names(t, w, ":8081")
	}
	s.starts(t, 12)
	s.play(t,
		scenario{"thresholds", s.fills},
		scenario{"drain under persistence", s.drainsBound},
		scenario{"drain by IPv6", s.drainsSix},
		scenario{"one arm", s.servesByOneArm},
		scenario{"clients beside the servers", s.servesInward},
	)
}

// fills: a server takes as many connections as it may and the next ones go
// elsewhere, until it has fewer than its lower threshold. The kernel counts one that
// has ended for as long as it remembers it: two minutes, or ten seconds after a reset.
func (s *scene) fills(t *testing.T) {
	counts := map[string]int{}
	var open []net.Conn
	for range 12 {
		c, err := s.Client.Dial(within(t, 10*time.Second), "172.20.10.4:8080")
		must(t, err)
		open = append(open, c)
		must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(c, "GET /echo HTTP/1.1\r\nHost: few\r\n\r\n")
		must(t, err)
		who, err := bufio.NewReader(c).ReadString('\n')
		must(t, err)
		counts[strings.TrimSpace(who)]++
	}
	if counts["web1"] != 3 || counts["web2"] != 9 {
		t.Errorf("connections %v, want 3 at web1 and 9 at web2", counts)
	}
	for _, c := range open {
		if tcp, ok := c.(*net.TCPConn); ok {
			must(t, tcp.SetLinger(0)) // a reset
		}
		must(t, c.Close())
	}
	eventually(t, 60*time.Second, "web1 takes connections again", func() (bool, error) {
		r := s.Client.Get(within(t, 5*time.Second), "http://172.20.10.4:8080/")
		return r.Server == "web1", r.Err
	})
}

// member is a real server of one of several virtual servers, as a director sees it.
func (s *scene) member(t *testing.T, n *lab.Node, service, name string) api.RealServer {
	t.Helper()
	for _, d := range s.status(t, n).Directors {
		for _, vs := range d.VirtualServers {
			for _, rs := range vs.RealServers {
				if d.Self && vs.Name == service && rs.Name == name {
					return rs
				}
			}
		}
	}
	t.Fatalf("status of %s has no real server %s of %s", n.Name, name, service)
	return api.RealServer{}
}

// drainsBound: a server that is drained keeps the clients that persistence binds to
// it, as long as they come, and is drained when they have stayed away. With --now
// they go elsewhere at their next connection.
func (s *scene) drainsBound(t *testing.T) {
	const persistence = 3 * time.Second
	// Of UDP the kernel forgets a flow in a second, and with it what it binds: of TCP it
	// takes two minutes.
	asks := func() (who string) {
		t.Helper()
		eventually(t, 10*time.Second, "a datagram is answered", func() (bool, error) {
			var err error
			who, err = s.flowTo(t, "172.20.10.4:8081").ask()
			return who != "", err
		})
		return who
	}
	first := asks()
	second := map[string]string{"web1": "web2", "web2": "web1"}[first]
	s.says(t, s.LB1, "drain", "bound", first)
	for begin := time.Now(); time.Since(begin) < 2*persistence; time.Sleep(300 * time.Millisecond) {
		if who := asks(); who != first {
			t.Fatalf("after %v a bound client is answered by %s, want %s", time.Since(begin), who, first)
		}
	}
	if rs := s.member(t, s.LB1, "bound", first); rs.Drained || rs.KernelWeight == nil || *rs.KernelWeight != 0 {
		t.Errorf("with a bound client: %+v", rs)
	}
	begin := time.Now()
	eventually(t, 30*time.Second, first+" is drained", func() (bool, error) {
		return s.member(t, s.LB1, "bound", first).Drained, nil
	})
	figure(t, "drained", time.Since(begin).Seconds(), "s")
	if who := asks(); who != second {
		t.Errorf("once %s is drained, %s answers", first, who)
	}
	s.says(t, s.LB1, "enable", "bound", first)
	s.says(t, s.LB1, "drain", "bound", second, "--now")
	if who := asks(); who != first {
		t.Errorf("after drain --now of %s, %s answers", second, who)
	}
	s.says(t, s.LB1, "enable", "bound", second)
}

// drainsSix: by IPv6 too a server that is drained keeps its connections, gets no new
// ones, and leaves when the last one has ended.
func (s *scene) drainsSix(t *testing.T) {
	const address = "[2001:db8:20::4]:8083"
	held, err := s.Client.Hold(within(t, 20*time.Second), lab.HeldSpec{Address: address, Count: 6, Every: 400 * time.Millisecond})
	must(t, err)
	s.says(t, s.LB1, "drain", "six", "web1")
	for range 6 {
		r := s.Client.Get(within(t, 10*time.Second), "http://"+address+"/")
		must(t, r.Err)
		if r.Server != "web2" {
			t.Errorf("a new connection is answered by %s, which is being drained", r.Server)
		}
	}
	since := time.Now()
	eventually(t, 20*time.Second, "every held connection is used", func() (bool, error) { return held.Conns().Since(since), nil })
	// Status shows counters that may be a second old.
	eventually(t, 10*time.Second, "web1 is being drained of three connections", func() (bool, error) {
		rs := s.member(t, s.LB1, "six", "web1")
		return !rs.Drained && rs.KernelWeight != nil && *rs.KernelWeight == 0 && rs.ActiveConnections == 3, nil
	})
	if conns := held.Stop(); conns.Broken() > 0 {
		t.Errorf("%s", conns)
	}
	s.says(t, s.LB1, "drain", "six", "web1", "--wait")
	if table := s.table(t, s.LB1); strings.Contains(table, "[2001:db8:33::92]") {
		t.Errorf("drained, and in the table:\n%s", table)
	}
	s.says(t, s.LB1, "enable", "six", "web1")
}

// servesByOneArm: a service on the network of its real servers, for a client beyond
// it. The servers' replies leave the director by the interface that they came in by;
// were it to tell them of a shorter way, they would answer past it.
func (s *scene) servesByOneArm(t *testing.T) {
	far, err := s.AddWeb("far", "192.168.33.51/24")
	must(t, err)
	s.tool(t, far.Node, "ip", "address", "add", "172.31.0.51/24", "dev", "eth0")
	s.tool(t, far.Node, "ip", "route", "add", "192.168.33.90/32", "dev", "eth0", "src", "172.31.0.51")
	for _, n := range s.Directors() {
		s.tool(t, n, "ip", "route", "add", "172.31.0.0/24", "dev", "eth1")
	}
	counts := map[string]int{}
	for range 12 {
		r := far.Node.Get(within(t, 10*time.Second), "http://192.168.33.90:8084/")
		must(t, r.Err)
		counts[r.Server]++
	}
	if counts["web1"] != 6 || counts["web2"] != 6 {
		t.Errorf("answers %v, want 6 of each", counts)
	}
	for _, w := range []*lab.Web{s.Web1, s.Web2} {
		if n := redirects(t, w.Node); n != "0" {
			t.Errorf("%s was told of a shorter way %s times", w.Name, n)
		}
	}
}

// redirects is how many a node has been sent.
func redirects(t *testing.T, n *lab.Node) string {
	t.Helper()
	text, err := n.ReadFile("/proc/thread-self/net/snmp")
	must(t, err)
	var names []string
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Icmp:" {
			continue
		}
		if i := slices.Index(names, "InRedirects"); i >= 0 && i < len(f) {
			return f[i]
		}
		names = f
	}
	t.Fatalf("%s counts no redirects:\n%s", n.Name, text)
	return ""
}

// servesInward: clients on the network of the real servers are served, by a service
// that is masqueraded: else the servers would answer them past the director. So they
// are by the other director.
func (s *scene) servesInward(t *testing.T) {
	beside, err := s.AddWeb("beside", "192.168.33.50/24")
	must(t, err)
	share := func(when string) {
		t.Helper()
		counts := map[string]int{}
		for range 6 {
			r := beside.Node.Get(within(t, 10*time.Second), "http://192.168.33.90:8082/")
			must(t, r.Err)
			counts[r.Server]++
		}
		if counts["web1"] != 3 || counts["web2"] != 3 {
			t.Errorf("%s: answers %v, want 3 of each", when, counts)
		}
	}
	share("lb1 is master")
	must(t, s.pair.Unit(s.LB1).Stop(within(t, 30*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB2))
	share("lb1 has stopped")
	must(t, s.pair.Unit(s.LB1).Start(within(t, 30*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB1))
}
