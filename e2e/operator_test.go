package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/internal/api"
)

// TestOperator is a pair whose servers are drained, weighed and missed, under
// traffic.
func TestOperator(t *testing.T) {
	s := failover(t, lab.Setup{
		Check: "tcp", Rise: 1, Fall: 2, Scheduler: "wlc",
		ServerLines: `quorum = 2
sorry_server = "192.168.33.99:80"`,
		Lines: "[ipvs]\non_stop = \"remove\"\nstop_timeout = \"2s\"",
	})
	_, err := s.AddWeb("sorry", "192.168.33.99/24")
	must(t, err)
	for _, n := range s.Directors() {
		must(t, s.pair.Unit(n).Start(within(t, 30*time.Second)))
	}
	s.settled(t)
	s.play(t,
		scenario{"drain", s.drains},
		scenario{"sorry server", s.sorryServes},
		scenario{"stranger edits", s.strangersEdit},
		scenario{"leave", s.leavesNothing},
	)
}

// real is a real server as a director itself sees it.
func (s *scene) real(t *testing.T, n *lab.Node, name string) (api.VirtualServer, api.RealServer) {
	t.Helper()
	for _, d := range s.status(t, n).Directors {
		for _, vs := range d.VirtualServers {
			for _, rs := range vs.RealServers {
				if d.Self && rs.Name == name {
					return vs, rs
				}
			}
		}
	}
	t.Fatalf("status of %s has no real server %s", n.Name, name)
	return api.VirtualServer{}, api.RealServer{}
}

// says runs a command of the operator on a director.
func (s *scene) says(t *testing.T, n *lab.Node, args ...string) string {
	t.Helper()
	out, code := s.command(t, n, args...)
	if code != 0 {
		t.Fatalf("failover %s: exit code %d: %s", strings.Join(args, " "), code, out)
	}
	return out
}

// drains: a server is drained under load. No request fails, no connection breaks,
// it leaves when the last one has ended, and a restart forgets nothing.
func (s *scene) drains(t *testing.T) {
	t.Run("drain", func(t *testing.T) {
		// A quorum of 2 needs both: this is about draining alone.
		s.says(t, s.LB1, "weight", "web", "web2", "2")
		c := s.clients(t, true)
		out := s.says(t, s.LB1, "drain", "web", "web1")
		if !strings.Contains(out, "web web1, tcp 172.20.10.4:80: drain, kernel weight 0") {
			t.Errorf("it says %q", out)
		}
		served := s.Web1.Served()
		c.served(time.Now(), 10*time.Second)
		if now := s.Web1.Served(); now != served {
			// Connections are kept alive by nobody: each request is one of its own.
			t.Logf("web1 answered %d more requests, those under way", now-served)
		}
		vs, rs := s.real(t, s.LB1, "web1")
		if rs.Operator != "drain" || rs.Drained || rs.KernelWeight == nil || *rs.KernelWeight != 0 || rs.ActiveConnections == 0 || vs.Quorum != "up" {
			t.Errorf("%+v, quorum %s", rs, vs.Quorum)
		}
		s.nextAdvert(t)
		must(t, s.pair.Unit(s.LB1).Kill9(true))
		eventually(t, 20*time.Second, "status answers", func() (bool, error) {
			_, err := s.ask(t, s.LB1)
			return err == nil, nil
		})
		if _, rs := s.real(t, s.LB1, "web1"); rs.Operator != "drain" || rs.KernelWeight == nil || *rs.KernelWeight != 0 {
			t.Errorf("after a kill: %+v", rs)
		}
		c.end().nothingLost(t)
		s.held.Stop()
		s.held = nil
		s.says(t, s.LB1, "drain", "web", "web1", "--wait")
		if table := s.table(t, s.LB1); strings.Contains(table, "192.168.33.92") {
			t.Errorf("drained, and in the table:\n%s", table)
		}
	})
	t.Run("enable", func(t *testing.T) {
		c := s.stream(t, false)
		s.says(t, s.LB1, "enable", "web", "192.168.33.92")
		if _, rs := s.real(t, s.LB1, "web1"); rs.KernelWeight == nil || *rs.KernelWeight != 1 {
			t.Errorf("%+v", rs)
		}
		s.says(t, s.LB1, "enable", "web", "web2")
		c.end().nothingLost(t)
	})
}

// sorryServes: below the quorum the sorry server takes the new connections, and
// only those; no request is refused on the way in but what the dead server had, and
// none on the way back.
func (s *scene) sorryServes(t *testing.T) {
	t.Run("in", func(t *testing.T) {
		c := s.clients(t, true)
		s.Web1.Stop()
		begin := time.Now()
		eventually(t, 20*time.Second, "the sorry server serves", func() (bool, error) {
			vs, _ := s.real(t, s.LB1, "web1")
			return vs.Sorry, nil
		})
		in := time.Now()
		c.served(in, 10*time.Second)
		o := c.end()
		// What the dead server got until it was out is lost with it, and nothing else.
		for _, r := range o.requests.From(in).Failed() {
			t.Errorf("after %v: %v", r.Start.Sub(begin), r.Err)
		}
		for _, conn := range o.held {
			if conn.Server == "web2" && conn.Err != nil {
				t.Errorf("a connection to web2, which is up, broke: %v", conn.Err)
			}
		}
		answer := s.Client.Get(within(t, 5*time.Second), "http://"+lab.Service+"/")
		if answer.Err != nil || answer.Server != "sorry" {
			t.Errorf("answered by %q (%v)", answer.Server, answer.Err)
		}
		_, web2 := s.real(t, s.LB1, "web2")
		if web2.KernelWeight == nil || *web2.KernelWeight != 0 {
			t.Errorf("web2, which has connections: %+v", web2)
		}
	})
	t.Run("out", func(t *testing.T) {
		s.held.Stop()
		s.held = nil
		c := s.stream(t, false)
		must(t, s.Web1.Start())
		for _, n := range s.Directors() {
			eventually(t, 20*time.Second, "the sorry server is out on "+n.Name, func() (bool, error) {
				have, err := serversIn(n)
				vs, _ := s.real(t, n, "web1")
				return !vs.Sorry && have == len(s.pair.Setup.Servers), err
			})
		}
		c.end().nothingLost(t)
		if vs, _ := s.real(t, s.LB1, "web1"); vs.Sorry || vs.Quorum != "up" {
			t.Errorf("sorry %v, quorum %s", vs.Sorry, vs.Quorum)
		}
	})
}

// procTable is a director's table as the kernel shows it, without counts of
// connections: asking ipvsadm over and over would take the guest's processors from
// who repairs.
func procTable(n *lab.Node) (string, error) {
	text, err := n.ReadFile("/proc/thread-self/net/ip_vs")
	var lines []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 6 && words[0] == "->" {
			words = words[:4]
		}
		lines = append(lines, strings.Join(words, " "))
	}
	slices.Sort(lines) // one that was deleted comes back at another place
	return strings.Join(lines, "\n"), err
}

// strangersEdit: a stranger edits, deletes and empties what is ours; it is put back
// and nobody notices.
func (s *scene) strangersEdit(t *testing.T) {
	// One that was in use leaves when its connections have ended.
	eventually(t, 10*time.Second, "the sorry server has left", func() (bool, error) {
		table, err := procTable(s.LB1)
		return !strings.Contains(table, "C0A82163"), err
	})
	want, err := procTable(s.LB1)
	must(t, err)
	c := s.clients(t, true)
	for _, args := range []string{
		"-e -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 0",
		"-d -t 172.20.10.4:80 -r 192.168.33.93:80",
		"-E -t 172.20.10.4:80 -s rr",
		"-D -t 172.20.10.4:80",
		"-a -t 172.20.10.4:80 -r 192.168.33.77:80 -m -w 0",
		"-C",
	} {
		s.tool(t, s.LB1, append([]string{"ipvsadm"}, strings.Fields(args)...)...)
		begin := time.Now()
		eventually(t, 10*time.Second, fmt.Sprintf("ipvsadm %s is put back", args), func() (bool, error) {
			now, err := procTable(s.LB1)
			return now == want, err
		})
		repaired(t, begin)
	}
	c.end().nothingLost(t)
}

// leavesNothing: with on_stop = "remove" a stop loses nobody anything and leaves
// nothing of ours in the kernel; what is somebody else's stays.
func (s *scene) leavesNothing(t *testing.T) {
	unit := s.pair.Unit(s.LB1)
	s.tool(t, s.LB1, append([]string{"ipvsadm"}, strings.Fields(foreignService)...)...)
	c := s.clients(t, true)
	must(t, unit.Stop(within(t, 30*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB2))
	c.end().nothingLost(t)
	if table := s.table(t, s.LB1); table != foreignService {
		t.Errorf("left in the table:\n%s\nwant\n%s", table, foreignService)
	}
	if daemons := s.tool(t, s.LB1, "ipvsadm", "-l", "--daemon"); strings.Contains(daemons, "sync daemon") {
		t.Errorf("left of synchronisation: %s", daemons)
	}
	if tables := s.tool(t, s.LB1, "nft", "list", "tables"); strings.Contains(tables, "failover") {
		t.Errorf("left of nftables: %s", tables)
	}
	must(t, unit.Start(within(t, 30*time.Second)))
	s.settled(t)
}
