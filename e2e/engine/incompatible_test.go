package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestDirectorsOfDifferentSettings: a pair whose files differ so that each has to
// discard the other's adverts has one holder, whoever starts first and after a
// split; each director that hears the other one names what differs.
func TestDirectorsOfDifferentSettings(t *testing.T) {
	second := time.Second
	for name, c := range map[string]struct {
		lb1, lb2 spec
		differs  string // on lb2
	}{
		"version":  {spec{interval: second}, spec{interval: second, router: "version = 2"}, "version 3, ours 2"},
		"password": {spec{interval: second, router: "version = 2\nauth = \"one\""}, spec{interval: second, router: "version = 2\nauth = \"two\""}, "authentication another password, ours password"},
		"interval": {spec{interval: second, router: "version = 2"}, spec{interval: 2 * second, router: "version = 2"}, "interval 1s, ours 2s"},
		"hold":     {spec{interval: second, router: `incompatible = "hold"`}, spec{interval: second, router: "version = 2\nincompatible = \"hold\""}, "version 3, ours 2"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, c.lb1)
			p.configure(p.LB2, c.lb2)
			p.settled()
			p.problem(p.LB2, "discarded", c.differs)
			for _, n := range []string{"outside", "inside"} {
				if got := p.router(p.LB2, n); got.State != "backup" || got.AdvertsReceived != 0 || got.AdvertsRejected == 0 {
					t.Errorf("lb2 %s: %+v", n, got)
				}
			}
			p.must(p.Isolate(p.LB1))
			p.await(20*second, "both hold, each in its half", func() bool {
				return len(p.holders(outside)) == 2 && len(p.holders(inside)) == 2
			})
			p.must(p.Restore(p.LB1))
			p.holder(p.LB1)
			p.must(p.units[p.LB1].Stop(p.within(10 * second)))
			p.holder(p.LB2)
			p.start(p.LB1)
			p.await(10*second, "lb1 is back", func() bool { return p.router(p.LB1, "outside").State == "backup" })
		})
	}
}

// TestStrangerThatGoesOn: keepalived with another version and a lower priority
// discards our adverts and becomes master beside us. With yield it is left the
// mastership until it ends; with hold we stay, and say so.
func TestStrangerThatGoesOn(t *testing.T) {
	for policy, interval := range map[string]time.Duration{"yield": 100 * time.Millisecond, "hold": time.Second} {
		t.Run(policy, func(t *testing.T) {
			peer(t)
			p := newPair(t, spec{interval: interval, router: fmt.Sprintf("incompatible = %q", policy)})
			p.start(p.LB1)
			p.holder(p.LB1)
			k := p.keepalived(p.LB2, 2, 50)
			p.must(k.Start(p.within(10 * time.Second)))
			p.await(10*time.Second, "keepalived holds", func() bool { return p.holds(p.LB2, outside) && p.holds(p.LB2, inside) })
			if policy == "hold" {
				p.problem(p.LB1, "is master too and discards our adverts", "version 2, ours 3")
				p.never(3*time.Second, "lb1 lets go", func() bool { return !p.holds(p.LB1, outside) || !p.holds(p.LB1, inside) })
				return
			}
			p.holder(p.LB2)
			p.problem(p.LB1, "the mastership is left to it", "version 2, ours 3")
			if got := p.router(p.LB1, "outside"); got.State != "backup" || !strings.Contains(got.Cause, "goes on as master with priority 50") {
				t.Errorf("lb1: %s, %s", got.State, got.Cause)
			}
			client := p.tap(p.Client, "eth0")
			p.never(5*time.Second, "lb1 takes it back", func() bool { return p.holds(p.LB1, outside) })
			if late := client.frames(func(f frame) bool { return f.src == outside && f.from.String() == p.mac(p.LB1, "eth2") }); len(late) > 0 {
				t.Errorf("lb1 announces what it has left: %v", late)
			}
			p.must(k.Stop(p.within(10 * time.Second)))
			p.holder(p.LB1)
		})
	}
}

// TestStrangerIsLeftAlone: a better director that starts beside a keepalived
// whose adverts it has to discard does not become a second master.
func TestStrangerIsLeftAlone(t *testing.T) {
	peer(t)
	p := newPair(t, spec{interval: time.Second})
	k := p.keepalived(p.LB2, 2, 50)
	p.must(k.Start(p.within(10 * time.Second)))
	p.await(10*time.Second, "keepalived holds", func() bool { return p.holds(p.LB2, outside) && p.holds(p.LB2, inside) })
	// Who is in the file is known to give way.
	file := strings.NewReplacer(`lb2 = "172.20.10.6"`, `lb2 = "172.20.10.7"`, `lb2 = "192.168.33.94"`, `lb2 = "192.168.33.97"`)
	p.must(p.LB1.WriteFile(configFile, []byte(file.Replace(p.spec.toml())), 0o644))
	p.start(p.LB1)
	p.never(5*time.Second, "lb1 holds too", func() bool { return p.holds(p.LB1, outside) || p.holds(p.LB1, inside) })
	p.problem(p.LB1, "the mastership is left to it", "version 2, ours 3")
	p.must(k.Kill9(false))
	p.await(10*time.Second, "lb1 holds", func() bool { return p.holds(p.LB1, outside) && p.holds(p.LB1, inside) })
}

// peer skips the test where there is no keepalived.
func peer(t *testing.T) {
	t.Helper()
	if missing := lab.FindKeepalived(); missing != nil {
		t.Skip(missing)
	}
}

// keepalived configures a director to run keepalived instead, both routers in a
// sync group.
func (p *pair) keepalived(n *lab.Node, version, priority int) *lab.Unit {
	p.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  vrrp_version %d\n}\nvrrp_sync_group g {\n  group {\n    outside\n    inside\n  }\n}\n", version)
	for i, r := range []struct {
		name    string
		address netip.Prefix
	}{{"outside", lab.VirtualOutside}, {"inside", lab.VirtualInside}} {
		fmt.Fprintf(&b, "vrrp_instance %s {\n  state BACKUP\n  interface %s\n  virtual_router_id %d\n  priority %d\n  advert_int 1\n  virtual_ipaddress {\n    %s\n  }\n}\n",
			r.name, wires[i], vrids[i], priority, r.address)
	}
	p.must(n.WriteFile("/etc/keepalived/keepalived.conf", []byte(b.String()), 0o644))
	u, err := n.Supervise(lab.UnitSpec{Name: "keepalived", ExecStart: []string{"keepalived", "--vrrp", "--dont-fork", "--log-console"}})
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// problem waits until a director's status has a problem with all of the words.
func (p *pair) problem(n *lab.Node, words ...string) {
	p.t.Helper()
	var last []string
	defer func() {
		if p.t.Failed() {
			p.t.Logf("problems of %s: %q", n.Name, last)
		}
	}()
	p.await(10*time.Second, fmt.Sprintf("%s has a problem with %q", n.Name, words), func() bool {
		last = p.status(n).Problems
		return slices.ContainsFunc(last, func(text string) bool {
			return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
		})
	})
}

// never watches for as long as it takes to be sure.
func (p *pair) never(d time.Duration, what string, so func() bool) {
	p.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		if so() {
			p.t.Fatal(what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
