package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// reloads: a new file changes what differs and nothing else; a broken one
// changes nothing.
func (s *scene) reloads(t *testing.T) {
	for name, at := range map[string]string{"web3": ":8080", "web4": ":8081"} {
		w, err := s.Web1.Node.Serve(name, at)
		must(t, err)
		t.Cleanup(w.Stop)
	}
	was := s.pair.Setup
	t.Run("difference", s.reloadsDifference)
	t.Run("broken", s.reloadsBroken)
	t.Run("signal", func(t *testing.T) {
		c := s.clients(t, true)
		must(t, s.pair.Configure(was))
		must(t, s.pair.Reload())
		s.servers(t, 2, time.Now(), 20*time.Second)
		c.end().nothingLost(t)
		s.identical(t)
	})
}

const (
	web1 = "-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w "
	web2 = "-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w "
	web3 = "-a -t 172.20.10.4:80 -r 192.168.33.92:8080 -m -w "
	web4 = "-a -t 172.20.10.4:80 -r 192.168.33.92:8081 -m -w "
)

func (s *scene) reloadsDifference(t *testing.T) {
	c := s.clients(t, true)
	server := func(name, address string, weight int) lab.Server {
		return lab.Server{Name: name, Address: address, Weight: weight}
	}
	one := func(weight int) lab.Server { return server("web1", "192.168.33.92:80", weight) }
	two := func(weight int) lab.Server { return server("web2", "192.168.33.93:80", weight) }
	three := func(weight int) lab.Server { return server("web3", "192.168.33.92:8080", weight) }
	four := func(weight int) lab.Server { return server("web4", "192.168.33.92:8081", weight) }
	// A server gets weight 0 before it goes: what is under way on one that is taken
	// out is lost.
	steps := []struct {
		name       string
		servers    []lab.Server
		gone, come []string
	}{
		{"a weight changed, a server added", []lab.Server{one(1), two(3), three(1)},
			[]string{web2 + "1"}, []string{web2 + "3", web3 + "1"}},
		{"weights changed", []lab.Server{one(2), two(1), three(0)},
			[]string{web1 + "1", web2 + "3", web3 + "1"}, []string{web1 + "2", web2 + "1", web3 + "0"}},
		{"a weight changed, a server added, one removed", []lab.Server{one(1), two(1), four(0)},
			[]string{web1 + "2", web3 + "0"}, []string{web1 + "1", web4 + "0"}},
	}
	for _, step := range steps {
		set := s.pair.Setup
		set.Servers = step.servers
		must(t, s.pair.Configure(set))
		for _, n := range s.Directors() {
			before, err := s.pair.Table(t.Context(), n)
			must(t, err)
			s.plans(t, n, 1)
			if out, code := s.command(t, n, "reload"); code != 0 {
				t.Fatalf("%s: reload exits %d: %s", step.name, code, out)
			}
			want := slices.DeleteFunc(before, func(line string) bool { return slices.Contains(step.gone, line) })
			want = append(want, step.come...)
			slices.Sort(want)
			what := n.Name + ": " + step.name
			must(t, s.pair.WaitTable(within(t, 10*time.Second), n, what, func(have []string) bool { return slices.Equal(have, want) }))
			s.plans(t, n, 0)
		}
	}
	c.end().nothingLost(t)
}

// plans: 1 where a reload would change something, and says what; 0 where not.
func (s *scene) plans(t *testing.T, n *lab.Node, want int) {
	t.Helper()
	out, code := s.command(t, n, "plan")
	if code != want {
		t.Errorf("%s: plan exits %d, want %d: %s", n.Name, code, want, out)
	}
	if says := strings.Contains(out, "weight"); says != (want == 1) {
		t.Errorf("%s: plan says %q", n.Name, out)
	}
}

// brokenFile has two errors that have nothing to do with each other.
const brokenFile = `
[director.lb1]
address = "192.168.33.91"
[director.lb2]
address = "192.168.33.94"
[virtual_router.outside]
interface = "eth2"
vrid = 256
adresses = ["172.20.10.4/28"]
`

func (s *scene) reloadsBroken(t *testing.T) {
	before := s.table(t, s.LB1)
	digest := s.status(t, s.LB1).Directors[0].ConfigDigest
	must(t, s.LB1.WriteFile("/etc/failover/failover.toml", []byte(brokenFile), 0o644))
	for _, command := range []string{"reload", "plan", "validate"} {
		out, code := s.command(t, s.LB1, command)
		if code != 2 {
			t.Errorf("%s of a broken file exits %d, want 2: %s", command, code, out)
		}
		for _, word := range []string{"256", "adresses", "addresses", "failover.toml:8:", "failover.toml:9:"} {
			if !strings.Contains(out, word) {
				t.Errorf("%s of a broken file does not say %q: %s", command, word, out)
			}
		}
	}
	unit := s.pair.Unit(s.LB1)
	must(t, unit.Reload())
	eventually(t, 10*time.Second, "the log tells of the refused reload", func() (bool, error) {
		return strings.Contains(unit.LogTail(5), "reload refused"), nil
	})
	if after := s.table(t, s.LB1); after != before {
		t.Errorf("a broken file changed the table:\n%s\nbefore:\n%s", after, before)
	}
	if now := s.status(t, s.LB1).Directors[0].ConfigDigest; now != digest {
		t.Errorf("a broken file changed the configuration in force: %s, was %s", now, digest)
	}
	must(t, s.pair.Configure(s.pair.Setup))
}
