package engine

import (
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestPrimaryOfItsSubnet: a virtual address that is the first of its subnet on
// the interface goes alone; what a stranger has added beside it stays.
func TestPrimaryOfItsSubnet(t *testing.T) {
	for name, daemon := range map[string]string{"our sysctl": "", "none": "manage_sysctl = false"} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, spec{daemon: daemon, once: true})
			// The directors' own addresses leave the subnet to the virtual one.
			for n, own := range map[*lab.Node]string{p.LB1: "172.20.10.5", p.LB2: "172.20.10.6"} {
				p.ip(n, "addr", "del", own+"/28", "dev", "eth2")
				p.ip(n, "addr", "add", own+"/32", "dev", "eth2")
			}
			p.settled()
			p.ip(p.LB1, "addr", "add", "172.20.10.9/28", "dev", "eth2")
			if all := p.ip(p.LB1, "-4", "addr", "show", "dev", "eth2"); !strings.Contains(all, "172.20.10.9/28 scope global secondary") {
				t.Fatalf("the stranger's address is no secondary, so this proves nothing:\n%s", all)
			}
			if err := p.units[p.LB1].Stop(p.within(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			p.holder(p.LB2)
			if all := p.ip(p.LB1, "-4", "addr", "show", "dev", "eth2"); !strings.Contains(all, "172.20.10.9/28") {
				t.Errorf("the stranger's address went along:\n%s", all)
			}
		})
	}
}

// TestStrangerRemoves: an address that somebody takes off is back, and announced,
// at once.
func TestStrangerRemoves(t *testing.T) {
	p := newPair(t, spec{})
	wire := p.tap(p.Client, "eth0")
	p.settled()
	for range 3 {
		book := p.ledger(p.LB1)
		begin := time.Now()
		p.ip(p.LB1, "addr", "del", lab.VirtualOutside.String(), "dev", "eth2")
		p.await(5*time.Second, "the address is back", func() bool { return p.holds(p.LB1, outside) })
		announced := wire.first(begin, 5*time.Second, "an announcement", func(f frame) bool {
			return f.op != 0 && f.src == outside && f.target == outside
		})
		lost := book.gone(p, outside, begin)
		figure(t, "announced after", float64(announced.at.Sub(begin))/1e6, "ms")
		if d := announced.at.Sub(lost); d > 500*time.Millisecond {
			t.Errorf("announced after %v", d)
		}
	}
}

// TestStrangerAdds: an address that the interface has from somebody else is
// refused, named, and never touched; when he takes it off it is added.
func TestStrangerAdds(t *testing.T) {
	p := newPair(t, spec{once: true})
	address := lab.VirtualOutside.String()
	p.ip(p.LB1, "addr", "add", address, "dev", "eth2")
	p.start(p.LB1)
	p.await(5*time.Second, "lb1 is master", func() bool { return p.router(p.LB1, "outside").State == "master" })
	p.await(5*time.Second, "status names the address", func() bool {
		s := p.status(p.LB1)
		return !s.Healthy && strings.Contains(strings.Join(s.Problems, "\n"), "add "+address+" to eth2: it is there already")
	})
	p.await(5*time.Second, "the log names the address", func() bool {
		return p.said(p.LB1, "add "+address+" to eth2: it is there already")
	})
	if all := p.ip(p.LB1, "-4", "addr", "show", "dev", "eth2"); !strings.Contains(all, "valid_lft forever") ||
		strings.Contains(all, "valid_lft 3sec") {
		t.Errorf("the stranger's address has our lease:\n%s", all)
	}
	p.ip(p.LB1, "addr", "del", address, "dev", "eth2")
	p.await(5*time.Second, "ours is there and all is well", func() bool { return p.holds(p.LB1, outside) && p.status(p.LB1).Healthy })
	if err := p.units[p.LB1].Stop(p.within(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if p.holds(p.LB1, outside) {
		t.Error("our address is left")
	}
}

// TestStrangerStays: the same address, still there at the stop, is not ours to
// remove.
func TestStrangerStays(t *testing.T) {
	p := newPair(t, spec{once: true})
	p.ip(p.LB1, "addr", "add", lab.VirtualOutside.String(), "dev", "eth2")
	p.start(p.LB1)
	p.await(5*time.Second, "lb1 is master", func() bool { return p.router(p.LB1, "outside").State == "master" })
	if err := p.units[p.LB1].Stop(p.within(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if !p.holds(p.LB1, outside) {
		t.Error("the stranger's address is gone")
	}
	if p.holds(p.LB1, inside) {
		t.Error("our own address is left")
	}
}

// TestInterfaces: one that is missing at the start, comes, goes down, comes up,
// loses its carrier, goes for good and comes again under its name.
func TestInterfaces(t *testing.T) {
	p := newPair(t, spec{})
	state := func(want, cause string) {
		t.Helper()
		p.await(5*time.Second, want+" because of "+cause, func() bool {
			r := p.router(p.LB1, "outside")
			return r.State == want && strings.Contains(r.Cause, cause)
		})
	}
	rename := func(from, to string) {
		t.Helper()
		p.ip(p.LB1, "link", "set", from, "down")
		p.ip(p.LB1, "link", "set", from, "name", to)
		p.ip(p.LB1, "link", "set", to, "up")
	}
	rename("eth1", "gone0")
	p.start(p.LB1)
	state("init", "eth1 is not there")
	rename("gone0", "eth1")
	p.holder(p.LB1)
	for _, c := range []struct {
		cause      string
		fail, mend func()
	}{
		{"eth1 is down", func() { p.ip(p.LB1, "link", "set", "eth1", "down") },
			func() { p.ip(p.LB1, "link", "set", "eth1", "up") }},
		{"eth1 has no carrier", func() { p.must(p.Cut(p.LB1, "inside")) },
			func() { p.must(p.Restore(p.LB1, "inside")) }},
		{"eth1 is not there", func() { rename("eth1", "gone0") },
			func() { rename("gone0", "eth1") }},
	} {
		c.fail()
		state("fault", c.cause)
		p.await(5*time.Second, "nothing is held while "+c.cause, func() bool {
			return !p.holds(p.LB1, outside) && !p.holds(p.LB1, inside)
		})
		c.mend()
		p.holder(p.LB1)
	}
	p.await(5*time.Second, "all is well", func() bool { return p.status(p.LB1).Healthy })
}

func (p *pair) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}
