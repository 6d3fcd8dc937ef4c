package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// linked gives both directors of a setup keys, and the configuration their public
// halves.
func (s *scene) linked(t *testing.T, setup lab.Setup) {
	t.Helper()
	setup.PublicKeys = map[string]string{}
	for _, n := range s.Directors() {
		out, code := s.command(t, n, "keygen")
		key, err := lab.PublicKey(out)
		if code != 0 || err != nil {
			t.Fatalf("%s: exit code %d: %v", n.Name, code, err)
		}
		setup.PublicKeys[n.Name] = key
	}
	must(t, s.pair.Configure(setup))
}

// linkedPair is a pair that talks, at work and in sync.
func linkedPair(t *testing.T, setup lab.Setup) *scene {
	t.Helper()
	s := failover(t, setup)
	s.linked(t, setup)
	must(t, s.pair.Start(within(t, 60*time.Second)))
	s.settled(t)
	for _, n := range s.Directors() {
		s.insync(t, n)
	}
	return s
}

// TestPeerLink is a pair that talks: each shows both, what the operator says on one
// counts on both, and a link that is cut changes nothing but what is known.
func TestPeerLink(t *testing.T) {
	setup := lab.Setup{AdvertInterval: 100 * time.Millisecond, Check: "tcp", Rise: 1, Fall: 2}
	s := linkedPair(t, setup)
	s.play(t,
		scenario{"the operator's word", s.saysOnce},
		scenario{"switchover", s.switchesOver},
		scenario{"maintenance", s.maintains},
		scenario{"reload of both", func(t *testing.T) { s.reloadsBoth(t, setup) }},
		scenario{"cut", s.cutsTheLink},
		scenario{"a difference", s.seesTheDifference},
	)
}

// insync waits until a director shows the pair in sync, with nothing wrong.
func (s *scene) insync(t *testing.T, n *lab.Node) {
	t.Helper()
	eventually(t, 30*time.Second, n.Name+" shows the pair in sync", func() (bool, error) {
		st, err := s.ask(t, n)
		if err != nil || st.InSync == nil || !*st.InSync || !st.Healthy {
			return false, nil //nolint:nilerr // while it starts nothing answers
		}
		for _, d := range st.Directors {
			if !d.Self && (d.Reachable == nil || !*d.Reachable || len(d.VirtualServers) == 0) {
				return false, nil
			}
		}
		return true, nil
	})
}

// saysOnce: a word given on the backup is in force on both, and so is its end, given
// on the master; one that was said while the other was away is heard on its return.
func (s *scene) saysOnce(t *testing.T) {
	operator := func(n *lab.Node, want string) {
		t.Helper()
		eventually(t, 20*time.Second, fmt.Sprintf("%s has the word %q", n.Name, want), func() (bool, error) {
			_, rs := s.real(t, n, "web1")
			return rs.Operator == want, nil
		})
	}
	s.says(t, s.LB2, "disable", "web", "web1")
	for _, n := range s.Directors() {
		operator(n, "disable")
	}
	s.insyncBut(t, s.LB1)
	s.says(t, s.LB1, "enable", "web", "web1")
	for _, n := range s.Directors() {
		operator(n, "")
	}
	must(t, s.pair.Unit(s.LB2).Stop(within(t, 30*time.Second)))
	out := s.says(t, s.LB1, "weight", "web", "web1", "3")
	if !strings.Contains(out, "lb2 has not been told") {
		t.Errorf("lb2 is away, and it says %q", out)
	}
	must(t, s.pair.Unit(s.LB2).Start(within(t, 30*time.Second)))
	operator(s.LB2, "weight")
	s.says(t, s.LB2, "enable", "web", "web1")
	operator(s.LB1, "")
	s.insync(t, s.LB1)
}

// insyncBut is insync where a real server is out, which is a problem of its own.
func (s *scene) insyncBut(t *testing.T, n *lab.Node) {
	t.Helper()
	eventually(t, 30*time.Second, n.Name+" shows the pair in sync", func() (bool, error) {
		st, err := s.ask(t, n)
		return err == nil && st.InSync != nil && *st.InSync, nil
	})
}

// cutsTheLink: without the link nobody changes a role, and status says what is not
// known any more.
func (s *scene) cutsTheLink(t *testing.T) {
	before := s.transitions(t, s.LB1)
	s.tool(t, s.LB1, "nft", "add", "table", "inet", "cut")
	s.tool(t, s.LB1, "nft", "add", "chain", "inet", "cut", "in", "{ type filter hook input priority 0; }")
	s.tool(t, s.LB1, "nft", "add", "rule", "inet", "cut", "in", "tcp", "dport", "9651", "drop")
	s.tool(t, s.LB1, "nft", "add", "rule", "inet", "cut", "in", "tcp", "sport", "9651", "drop")
	for _, n := range s.Directors() {
		other := s.Other(n).Name
		eventually(t, 30*time.Second, n.Name+" misses the other", func() (bool, error) {
			st, err := s.ask(t, n)
			return err == nil && st.InSync == nil && !st.Healthy && strings.Contains(strings.Join(st.Problems, "\n"), other+" does not answer on the peer link"), nil
		})
	}
	s.tool(t, s.LB1, "nft", "delete", "table", "inet", "cut")
	for _, n := range s.Directors() {
		s.insync(t, n)
	}
	if now := s.transitions(t, s.LB1); now != before {
		t.Errorf("%d changes of role, before %d", now, before)
	}
}

// seesTheDifference: a director that cannot reach a real server is named, with the
// server and the reason.
func (s *scene) seesTheDifference(t *testing.T) {
	s.tool(t, s.LB2, "ip", "route", "add", "blackhole", "192.168.33.93/32")
	for n, want := range map[*lab.Node]string{s.LB1: "lb2: web: 192.168.33.93:80 not in the table, here weight 1", s.LB2: "lb1: web: 192.168.33.93:80 weight 1, here not in the table"} {
		eventually(t, 30*time.Second, n.Name+" says "+want, func() (bool, error) {
			st, err := s.ask(t, n)
			return err == nil && st.InSync != nil && !*st.InSync && strings.Contains(strings.Join(st.Problems, "\n"), want), nil
		})
	}
	s.tool(t, s.LB2, "ip", "route", "del", "blackhole", "192.168.33.93/32")
	for _, n := range s.Directors() {
		s.insync(t, n)
	}
}

// switchesOver: the mastership goes to the other director and stays there, over a
// restart of either, until that one dies or the preference is cleared; no request is
// lost by any of it but the death.
func (s *scene) switchesOver(t *testing.T) {
	c := s.clients(t, true)
	if out := s.says(t, s.LB1, "switchover"); !strings.Contains(out, "nat: master is lb2, preferred while it is healthy: lb2") {
		t.Errorf("it says %q", out)
	}
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB2))
	c.end().nothingLost(t)
	must(t, s.pair.Unit(s.LB1).Stop(within(t, 30*time.Second)))
	must(t, s.pair.Unit(s.LB1).Start(within(t, 30*time.Second)))
	eventually(t, 20*time.Second, "lb1 is backup and knows who is preferred", func() (bool, error) {
		st, err := s.ask(t, s.LB1)
		if err != nil {
			return false, nil //nolint:nilerr // while it starts nothing answers
		}
		r := router(t, st, "outside")
		return r.State == "backup" && r.Preferred == "lb2" && r.EffectivePriority == 99, nil
	})
	must(t, s.pair.Unit(s.LB2).Kill9(false))
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB1))
	must(t, s.pair.Unit(s.LB2).Start(within(t, 30*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB2))
	s.insync(t, s.LB2)
	c = s.clientsOf(t, s.LB2)
	s.says(t, s.LB2, "switchover", "--clear")
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB1))
	c.end().nothingLost(t)
}

// maintains: a master in maintenance is relieved without a loss and does not come back
// until it is over, not even when the other one dies.
func (s *scene) maintains(t *testing.T) {
	s.insync(t, s.LB1)
	c := s.clients(t, true)
	if out := s.says(t, s.LB1, "maintenance", "on"); !strings.Contains(out, "in maintenance") {
		t.Errorf("it says %q", out)
	}
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB2))
	c.end().nothingLost(t)
	if out, code := s.command(t, s.LB2, "switchover", "--to", "lb1"); code != 1 || !strings.Contains(out, "it is in maintenance") {
		t.Errorf("a switchover to lb1: exit code %d: %s", code, out)
	}
	must(t, s.pair.Unit(s.LB2).Kill9(false))
	s.holdsNone(t, s.LB2, 20*time.Second)
	if has, err := s.LB1.Holds(lab.VirtualOutside.Addr()); err != nil || has {
		t.Errorf("in maintenance, and it has the address (%v)", err)
	}
	must(t, s.pair.Unit(s.LB2).Start(within(t, 30*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB2))
	c = s.clientsOf(t, s.LB2)
	s.says(t, s.LB1, "maintenance", "off")
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB1))
	c.end().nothingLost(t)
}

// reloadsBoth: one file on both is in force on both; two files, or a broken one, on
// neither.
func (s *scene) reloadsBoth(t *testing.T, setup lab.Setup) {
	st := s.status(t, s.LB1)
	before := st.Directors[0].ConfigDigest
	refused := func(what string, exit int, says string) {
		t.Helper()
		out, code := s.command(t, s.LB1, "reload", "--pair")
		if code != exit || !strings.Contains(out, says) {
			t.Errorf("%s: exit code %d: %s", what, code, out)
		}
		for _, d := range s.status(t, s.LB1).Directors {
			if d.ConfigDigest != before {
				t.Errorf("%s: %s has another configuration", what, d.Name)
			}
		}
	}
	text, err := s.LB2.ReadFile("/etc/failover/failover.toml")
	must(t, err)
	must(t, s.LB2.WriteFile("/etc/failover/failover.toml", append(text, "[ipvs]\nresync = \"2s\"\n"...), 0o644))
	refused("another file", 1, "lb2: its file is another one")
	must(t, s.LB2.WriteFile("/etc/failover/failover.toml", append(text, "[ipsv]\n"...), 0o644))
	refused("a broken file", 2, "ipsv: unknown key")
	setup.PublicKeys = s.pair.Setup.PublicKeys
	setup.Servers = lab.DefaultServers()
	setup.Servers[0].Weight = 4
	must(t, s.pair.Configure(setup))
	if out, code := s.command(t, s.LB1, "reload", "--pair", "--dry-run"); code != 1 || !strings.Contains(out, "weight") {
		t.Errorf("dry run: exit code %d: %s", code, out)
	}
	c := s.clients(t, true)
	s.says(t, s.LB1, "reload", "--pair")
	for _, n := range s.Directors() {
		s.insync(t, n)
		if table := s.table(t, n); !strings.Contains(table, "-w 4") {
			t.Errorf("%s has\n%s", n.Name, table)
		}
	}
	c.end().nothingLost(t)
}
