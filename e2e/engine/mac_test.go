package engine

import (
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// virtualMAC is the address of VRID 51 for IPv4 (RFC 9568 section 7.3).
const virtualMAC = "00:00:5e:00:01:33"

// withMAC is a pair at virtual MAC addresses.
var withMAC = spec{router: "virtual_mac = true"}

// knows is the MAC address that the client has in its neighbour table for the
// outside address.
func (p *pair) knows() string {
	p.t.Helper()
	line := strings.Fields(p.ip(p.Client, "neigh", "show", outside.String(), "dev", "eth0"))
	for i, word := range line {
		if word == "lladdr" && i+1 < len(line) {
			return line[i+1]
		}
	}
	return ""
}

// device is the name of a director's device for the outside router.
func (p *pair) device(n *lab.Node) string {
	p.t.Helper()
	r := p.router(n, "outside")
	if r.MAC != virtualMAC || !strings.HasPrefix(r.Device, "vrrp4-") || !strings.HasSuffix(r.Device, "-51") {
		p.t.Fatalf("status of %s shows MAC address %q, device %q", n.Name, r.MAC, r.Device)
	}
	return r.Device
}

// TestVirtualMACStays: over a stop, a return and a crash the client's neighbour
// entry stays what it is, and the switch follows the master.
func TestVirtualMACStays(t *testing.T) {
	p := newPair(t, withMAC)
	wire := p.tap(p.Client, "eth0")
	p.settled()
	probe := p.ping(p.Client, outside)
	at := func(n *lab.Node) {
		t.Helper()
		p.holder(n)
		p.await(5*time.Second, "the switch finds "+n.Name, func() bool {
			port, err := p.Behind("outside", virtualMAC)
			p.must(err)
			return port == n.Name
		})
		p.await(5*time.Second, "the client knows the virtual MAC address", func() bool { return p.knows() == virtualMAC })
		backup := p.Other(n)
		if link := p.ip(backup, "link", "show", p.device(backup)); strings.Contains(link, "UP") {
			t.Errorf("the device of the backup is up:\n%s", link)
		}
	}
	at(p.LB1)
	p.must(p.units[p.LB1].Stop(p.within(10 * time.Second)))
	p.holder(p.LB2)
	p.start(p.LB1)
	at(p.LB1)
	p.must(p.units[p.LB1].Kill9(false))
	p.holder(p.LB2)
	p.start(p.LB1)
	at(p.LB1)
	t.Log(probe.end())
	for _, f := range wire.frames(func(f frame) bool { return f.src == outside || f.advert && f.vrid == 51 }) {
		if f.from.String() != virtualMAC {
			t.Errorf("from %s: %s", f.from, f)
		}
		if f.bad != nil {
			t.Errorf("%s: %v", f, f.bad)
		}
	}
}

// TestVirtualMACTwoMasters: the masters of two halves of a network have one MAC
// address. When the halves meet, each hears the other in spite of that.
func TestVirtualMACTwoMasters(t *testing.T) {
	p := newPair(t, withMAC)
	p.settled()
	p.must(p.Isolate(p.LB1))
	p.await(5*time.Second, "both are masters", func() bool { return p.holds(p.LB2, outside) && p.holds(p.LB1, outside) })
	p.must(p.Restore(p.LB1))
	p.holder(p.LB1)
	p.await(5*time.Second, "the switch finds lb1", func() bool {
		port, err := p.Behind("outside", virtualMAC)
		p.must(err)
		return port == "lb1"
	})
}

// TestVirtualMACNeverTheOther: a master that asks for a neighbour from its virtual
// address, and one that is asked for it on the interface below, never say that it
// is at the interface's own MAC address.
func TestVirtualMACNeverTheOther(t *testing.T) {
	p := newPair(t, withMAC)
	wire := p.tap(p.Client, "eth0")
	p.settled()
	for range 3 {
		p.ip(p.LB1, "neigh", "flush", "dev", "eth2")
		if _, err := p.LB1.Run(p.within(10*time.Second), "ping", "-c1", "-W2", "-I", outside.String(), "172.20.10.1"); err != nil {
			t.Error(err)
		}
		p.ip(p.Client, "neigh", "flush", "dev", "eth0")
		if _, err := p.Client.Run(p.within(10*time.Second), "ping", "-c1", "-W2", outside.String()); err != nil {
			t.Error(err)
		}
		if got := p.knows(); got != virtualMAC {
			t.Errorf("the client has %s at %q", outside, got)
		}
	}
	asked := false
	for _, f := range wire.frames(func(f frame) bool { return f.op != 0 }) {
		asked = asked || f.op == 1 && f.from.String() != virtualMAC && f.src.String() == "172.20.10.5"
		if f.src == outside && f.from.String() != virtualMAC {
			t.Errorf("from %s: %s", f.from, f)
		}
		if f.src != outside && f.from.String() == virtualMAC {
			t.Errorf("another address at the virtual MAC address: %s", f)
		}
	}
	if !asked {
		t.Error("lb1 has not asked by its own address, so this proves nothing")
	}
}

// TestVirtualMACForwards: what comes to the virtual MAC address for somebody else
// is forwarded, and the way back works over a change of masters.
func TestVirtualMACForwards(t *testing.T) {
	p := newPair(t, withMAC)
	for _, n := range p.Directors() {
		p.must(n.Sysctl("net/ipv4/ip_forward", "1"))
		p.must(n.Sysctl("net/ipv4/conf/all/rp_filter", "1"))
	}
	p.settled()
	p.must(p.Client.DefaultRoute(outside))
	for _, n := range []*lab.Node{p.LB1, p.LB2} {
		p.holder(n)
		if out, err := p.Client.Run(p.within(10*time.Second), "ping", "-c3", "-i0.2", "-W2", "192.168.33.92"); err != nil || !strings.Contains(out, " 0% packet loss") {
			t.Errorf("through %s: %s, %v", n.Name, out, err)
		}
		if got := p.knows(); got != virtualMAC {
			t.Errorf("the client has its gateway at %q", got)
		}
		p.must(p.units[n].Stop(p.within(10 * time.Second)))
	}
}

// TestVirtualMACIsLeftClean: a restart after a crash takes the device over, one
// that somebody removes comes back, release removes it, and the settings of the
// interface below are as they were.
func TestVirtualMACIsLeftClean(t *testing.T) {
	p := newPair(t, withMAC)
	setting := func(name string) string {
		t.Helper()
		text, err := p.LB1.ReadFile("/proc/sys/net/ipv4/conf/eth2/" + name)
		p.must(err)
		return strings.TrimSpace(string(text))
	}
	before := setting("arp_ignore") + setting("arp_announce")
	p.start(p.LB1)
	p.holder(p.LB1)
	if now := setting("arp_ignore") + setting("arp_announce"); now != "12" {
		t.Errorf("arp_ignore and arp_announce of eth2: %s", now)
	}
	device := p.device(p.LB1)
	was := p.ip(p.LB1, "-o", "link", "show", device)
	if !strings.Contains(p.ip(p.LB1, "-d", "link", "show", device), "macvlan mode bridge") || !strings.Contains(p.ip(p.LB1, "link", "show", device), "alias failover virtual_router outside") {
		t.Errorf("device %s", p.ip(p.LB1, "-d", "link", "show", device))
	}
	p.must(p.units[p.LB1].Kill9(true))
	p.await(10*time.Second, "lb1 is master again", func() bool {
		return p.director(p.LB1) != 0 && p.units[p.LB1].WaitReady(p.within(10*time.Second)) == nil && p.router(p.LB1, "outside").State == "master"
	})
	if now := p.ip(p.LB1, "-o", "link", "show", device); strings.Split(now, ":")[0] != strings.Split(was, ":")[0] {
		t.Errorf("another device:\n%s%s", was, now)
	}
	wire, begin := p.tap(p.Client, "eth0"), time.Now()
	p.ip(p.LB1, "link", "del", device)
	wire.first(begin, 5*time.Second, "the address is back and announced", func(f frame) bool {
		return f.op != 0 && f.src == outside && f.target == outside && f.from.String() == virtualMAC
	})
	p.must(p.units[p.LB1].Kill9(false))
	out, err := p.LB1.Run(p.within(10*time.Second), program, "release", "--sysctl")
	if err != nil || !strings.Contains(out, "2 devices of virtual MAC addresses removed") {
		t.Fatalf("release: %s, %v", out, err)
	}
	if links := p.ip(p.LB1, "-o", "link"); strings.Contains(links, "vrrp4-") {
		t.Errorf("release left\n%s", links)
	}
	if after := setting("arp_ignore") + setting("arp_announce"); after != before {
		t.Errorf("arp_ignore and arp_announce of eth2: %s, were %s", after, before)
	}
}
