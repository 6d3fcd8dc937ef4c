package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestFlush: a network manager that clears an interface and gives the director's
// own address back finds the virtual one there again, at once and announced, each
// time, whichever of the two is the subnet's primary. The mastership stays: the
// adverts go on.
func TestFlush(t *testing.T) {
	p := newPair(t, spec{outside: "routes = [\"192.0.2.0/24 via 172.20.10.1\"]"})
	wire := p.tap(p.Client, "eth0")
	p.settled()
	was := p.router(p.LB2, "outside").Transitions
	primary := ""
	for range 4 {
		begin := time.Now()
		p.flush(p.LB1, "eth2")
		p.await(5*time.Second, "the address is back", func() bool { return p.holds(p.LB1, outside) })
		announced := wire.first(begin, 5*time.Second, "an announcement", func(f frame) bool {
			return f.op != 0 && f.src == outside && f.target == outside
		})
		figure(t, "announced after", float64(announced.at.Sub(begin))/1e6, "ms")
		if d := announced.at.Sub(begin); d > time.Second {
			t.Errorf("announced %v after the flush", d)
		}
		p.ip(p.LB1, "addr", "add", "172.20.10.5/28", "dev", "eth2")
		p.await(5*time.Second, "the route is back", func() bool {
			return strings.Contains(p.ip(p.LB1, "route"), "192.0.2.0/24 via 172.20.10.1")
		})
		for line := range strings.Lines(p.ip(p.LB1, "-4", "-o", "addr", "show", "dev", "eth2")) {
			if !strings.Contains(line, "secondary") {
				primary = line
			}
		}
	}
	if !strings.Contains(primary, outside.String()) {
		t.Errorf("the flushes never hit a virtual address that is the primary: %s", primary)
	}
	if now := p.router(p.LB2, "outside").Transitions; now != was {
		t.Errorf("lb2 has changed its role %d times", now-was)
	}
	p.must(p.units[p.LB1].Stop(p.within(10 * time.Second)))
	p.holder(p.LB2)
	if all := p.ip(p.LB1, "-4", "addr", "show", "dev", "eth2"); !strings.Contains(all, "172.20.10.5/28") || strings.Contains(all, "172.20.10.4/") {
		t.Errorf("after the stop lb1 has\n%s", all)
	}
}

// TestFlushTakesTheSource: where no source is written, adverts come from an
// address of the interface. Without one the director steps back, and says why; with
// it, it is master again.
func TestFlushTakesTheSource(t *testing.T) {
	p := newPair(t, spec{})
	for _, n := range p.Directors() {
		text := strings.Replace(p.spec.toml(), `source = { lb1 = "172.20.10.5", lb2 = "172.20.10.6" }`, "", 1)
		p.must(n.WriteFile(configFile, []byte(text), 0o644))
	}
	p.settled()
	p.flush(p.LB1, "eth2")
	p.holder(p.LB2)
	if r := p.router(p.LB1, "outside"); r.State != "fault" || !strings.Contains(r.Cause, "eth2 has no IPv4 address to send from") {
		t.Errorf("without a source lb1 is %s: %s", r.State, r.Cause)
	}
	p.ip(p.LB1, "addr", "add", "172.20.10.5/28", "dev", "eth2")
	p.holder(p.LB1)
}

// TestInterfaceMadeAnew: a card that is pulled and put back is another interface
// of the same name: it is listened on, and has the addresses.
func TestInterfaceMadeAnew(t *testing.T) {
	p := newPair(t, spec{})
	p.settled()
	index := func() string { return strings.Fields(p.ip(p.LB1, "-o", "link", "show", "eth2"))[0] }
	before := index()
	for range 2 {
		p.must(p.Pull(p.LB1, "outside"))
		p.holder(p.LB2)
		if r := p.router(p.LB1, "outside"); r.State != "fault" || !strings.Contains(r.Cause, "eth2 is not there") {
			t.Errorf("without eth2 lb1 is %s: %s", r.State, r.Cause)
		}
		p.must(p.Insert(p.LB1, "outside"))
		p.holder(p.LB1)
		p.await(5*time.Second, "lb2 hears the new interface", func() bool { return p.router(p.LB2, "outside").State == "backup" })
	}
	if after := index(); after == before {
		t.Fatalf("it is the same interface %s, so this proves nothing", after)
	}
	p.await(5*time.Second, "all is well", func() bool { return p.status(p.LB1).Healthy })
}

// TestFlapping: an interface that goes and comes many times, and a cable that
// does, end where the last time left them: one director has everything, and its
// routes, the other nothing.
func TestFlapping(t *testing.T) {
	p := newPair(t, spec{outside: "routes = [\"192.0.2.0/24 via 172.20.10.1\"]"})
	p.settled()
	flaps := map[string]func(){
		"interface": func() {
			p.ip(p.LB1, "link", "set", "eth2", "down")
			p.ip(p.LB1, "link", "set", "eth2", "up")
		},
		"cable": func() {
			p.must(p.Cut(p.LB1, "outside"))
			p.must(p.Restore(p.LB1, "outside"))
		},
	}
	route := func(n *lab.Node) bool { return strings.Contains(p.ip(n, "route"), "192.0.2.0/24 via 172.20.10.1") }
	for name, flap := range flaps {
		for range 20 {
			flap()
		}
		p.holder(p.LB1)
		p.await(5*time.Second, fmt.Sprintf("the route is with lb1 after the %s flapped", name), func() bool {
			return route(p.LB1) && !route(p.LB2) && p.status(p.LB1).Healthy
		})
	}
	settled, was := time.Now(), p.router(p.LB1, "outside").Transitions
	p.await(10*time.Second, "some time goes by", func() bool { return time.Since(settled) > 10*p.spec.downAfter() })
	if now := p.router(p.LB1, "outside").Transitions; now != was {
		t.Errorf("it goes on flapping: %d transitions more", now-was)
	}
}

// flush takes every address of an interface. ip(8) looks whether it is done and
// begins again, ten times; a director that is faster than that has it give up.
func (p *pair) flush(n *lab.Node, link string) {
	p.t.Helper()
	out, err := n.Run(p.within(10*time.Second), "ip", "addr", "flush", "dev", link)
	if err != nil && !strings.Contains(err.Error()+out, "Flush remains incomplete") {
		p.t.Fatal(err)
	}
}
