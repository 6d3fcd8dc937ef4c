package engine

import (
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// owned is the file of a pair whose lb1 owns the outside address.
func owned(s spec) string {
	return strings.Replace(s.toml(), `lb1 = "172.20.10.5"`, `lb1 = "172.20.10.4"`, 1)
}

// ownerPair is a pair with the outside router only, which lb1 owns; where static,
// it has the address on the interface for good.
func ownerPair(t *testing.T, static bool) *pair {
	t.Helper()
	s := spec{only: "outside", once: true, router: "priority = { lb1 = 255, lb2 = 254 }"}
	p := newPair(t, s)
	for _, n := range p.Directors() {
		p.must(n.WriteFile(configFile, []byte(owned(s)), 0o644))
	}
	if static {
		p.ip(p.LB1, "addr", "add", lab.VirtualOutside.String(), "dev", "eth2")
	}
	return p
}

// TestOwner: the owner of an address is master as soon as it runs, over whoever
// is it, stays it, and its own address is never touched.
func TestOwner(t *testing.T) {
	p := ownerPair(t, true)
	wire := p.tap(p.Client, "eth0")
	p.start(p.LB2)
	p.await(10*time.Second, "lb2 stands in", func() bool { return p.router(p.LB2, "outside").State == "master" })
	begin := time.Now()
	p.start(p.LB1)
	first := wire.first(begin, 5*time.Second, "the owner's first advert", advertFrom("172.20.10.4", 255))
	p.await(5*time.Second, "lb2 is backup", func() bool { return p.router(p.LB2, "outside").State == "backup" && !p.holds(p.LB2, outside) })
	wire.first(first.at, 5*time.Second, "its announcement", func(f frame) bool { return f.op != 0 && f.src == outside && f.target == outside })
	r := p.router(p.LB1, "outside")
	// By way of backup, where the settings of the machine took longer than its links.
	if r.State != "master" || r.Transitions > 2 || r.EffectivePriority != 255 || !strings.Contains(r.Cause, "owner") {
		t.Errorf("lb1: %+v", r)
	}
	p.await(5*time.Second, "all is well", func() bool { return p.status(p.LB1).Healthy && p.status(p.LB2).Healthy })
	// For longer than a Master_Down_Interval lb2, of priority 254, says nothing.
	settled := time.Now()
	p.await(5*time.Second, "the owner goes on", func() bool {
		all := wire.adverts("172.20.10.4", settled)
		return len(all) > 0 && all[len(all)-1].at.Sub(settled) > 2*p.spec.downAfter()
	})
	if late := wire.adverts("172.20.10.6", settled); len(late) > 0 {
		t.Errorf("lb2 speaks: %v", late)
	}
	p.static()
	resigned := time.Now()
	p.must(p.units[p.LB1].Stop(p.within(10 * time.Second)))
	wire.first(resigned, 5*time.Second, "priority 0", advertFrom("172.20.10.4", 0))
	wire.first(resigned, 5*time.Second, "lb2", advertFrom("172.20.10.6", 254))
	p.static()
	if _, err := p.LB1.Run(p.within(10*time.Second), program, "release"); err != nil {
		t.Error(err)
	}
	p.static()
}

// static looks whether the owner has its address as an administrator gave it.
func (p *pair) static() {
	p.t.Helper()
	all := p.ip(p.LB1, "-4", "addr", "show", "dev", "eth2", "to", outside.String())
	if !strings.Contains(all, "valid_lft forever") || strings.Contains(all, "sec") && !strings.Contains(all, "secondary") {
		p.t.Errorf("the owner's address:\n%s", all)
	}
}

// TestOwnerWithoutItsAddress: what the interface of an owner lacks is added as any
// other, taken back when it is, and given up for the real one.
func TestOwnerWithoutItsAddress(t *testing.T) {
	p := ownerPair(t, false)
	p.start(p.LB1)
	p.holder(p.LB1)
	if all := p.ip(p.LB1, "-4", "addr", "show", "dev", "eth2", "to", outside.String()); strings.Contains(all, "forever") {
		t.Errorf("an address that we added has no end:\n%s", all)
	}
	p.ip(p.LB1, "addr", "replace", lab.VirtualOutside.String(), "dev", "eth2", "valid_lft", "forever", "preferred_lft", "forever")
	p.must(p.units[p.LB1].Stop(p.within(10 * time.Second)))
	p.static()
}
