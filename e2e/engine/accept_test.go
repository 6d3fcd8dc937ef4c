package engine

import (
	"strings"
	"testing"
	"time"
)

// TestNotAccepted: with accept = false the master has the address and answers for
// it, and drops what is sent to it. A reload changes its mind, on a running
// master.
func TestNotAccepted(t *testing.T) {
	closed, open := spec{router: "accept = false"}, spec{}
	p := newPair(t, closed)
	p.start(p.LB1)
	p.holder(p.LB1)
	reaches := func(to string) bool {
		_, err := p.Client.Run(p.within(10*time.Second), "ping", "-c1", "-W1", to)
		return err == nil
	}
	p.must(p.LB1.Sysctl("net/ipv4/ip_forward", "1"))
	p.must(p.Client.DefaultRoute(outside))
	for _, step := range []struct {
		name   string
		accept bool
	}{{"at the start", false}, {"after a reload", true}, {"after another", false}} {
		if step.name != "at the start" {
			s := closed
			if step.accept {
				s = open
			}
			p.configure(p.LB1, s)
			p.must(p.units[p.LB1].Reload())
			p.await(10*time.Second, step.name, func() bool { return reaches(outside.String()) == step.accept })
		}
		if reaches(outside.String()) != step.accept {
			t.Errorf("%s: a ping comes back: %v", step.name, !step.accept)
		}
		p.ip(p.Client, "neigh", "flush", "dev", "eth0")
		// The director's own address, and what is behind it, by way of the virtual one.
		for _, to := range []string{"172.20.10.5", "192.168.33.92"} {
			if !reaches(to) {
				t.Errorf("%s: %s is out of reach", step.name, to)
			}
		}
		if entry := p.ip(p.Client, "neigh", "show", outside.String()); !strings.Contains(entry, "lladdr") {
			t.Errorf("%s: ARP is not answered: %q", step.name, entry)
		}
		if r := p.router(p.LB1, "outside"); r.State != "master" || r.Transitions != 2 {
			t.Errorf("%s: %s after %d transitions", step.name, r.State, r.Transitions)
		}
	}
}
