package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// travels are the routes and rules of the router outside; %s is the last byte of
// the gateway.
const travels = `routes = ["192.0.2.0/24 via 172.20.10.%d src 172.20.10.4", "blackhole 198.51.100.0/24 table 100", "2001:db8:1::/48 dev eth2"]
rules = ["from 172.20.10.4 table 100 priority 1000"]`

// marked are the routes and rules that a director shows with our mark, one a
// line.
func (p *pair) marked(n *lab.Node) string {
	p.t.Helper()
	out := p.ip(n, "-4", "route", "show", "table", "all", "proto", "240") + p.ip(n, "-6", "route", "show", "table", "all", "proto", "240")
	for line := range strings.Lines(p.ip(n, "rule", "show")) {
		if strings.Contains(line, "proto 240") {
			out += line
		}
	}
	var lines []string
	for line := range strings.Lines(out) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// traveled is what marked gives for travels.
func traveled(gateway int) string {
	return fmt.Sprintf(`blackhole 198.51.100.0/24 table 100
192.0.2.0/24 via 172.20.10.%d dev eth2 src 172.20.10.4
2001:db8:1::/48 dev eth2 metric 1024 pref medium
1000: from 172.20.10.4 lookup 100 proto 240`, gateway)
}

// TestRoutes: routes and rules are where the mastership is, come back when a
// stranger takes them off, change by a reload, survive a killed engine, and go
// with a stop and with a release.
func TestRoutes(t *testing.T) {
	p := newPair(t, spec{outside: fmt.Sprintf(travels, 1), once: true})
	are := func(n *lab.Node, want string) {
		t.Helper()
		if err := lab.Eventually(p.within(5*time.Second), "the routes of "+n.Name, func() (bool, error) {
			return p.marked(n) == want, nil
		}); err != nil {
			t.Fatalf("%v: they are\n%s\nwant\n%s", err, p.marked(n), want)
		}
	}
	p.settled()
	are(p.LB1, traveled(1))
	are(p.LB2, "")
	if r := p.router(p.LB1, "outside"); len(r.Routes) != 3 || fmt.Sprint(r.Rules) != "[from 172.20.10.4 table 100 priority 1000]" {
		t.Errorf("status has routes %q and rules %q", r.Routes, r.Rules)
	}
	for _, c := range [][]string{{"route", "del", "192.0.2.0/24"}, {"rule", "del", "priority", "1000"}, {"-6", "route", "del", "2001:db8:1::/48"}} {
		p.ip(p.LB1, c...)
		are(p.LB1, traveled(1))
	}
	changed := p.spec
	changed.outside = fmt.Sprintf(travels, 2)
	for _, n := range p.Directors() {
		p.configure(n, changed)
		out, err := n.Run(p.within(10*time.Second), program, "reload")
		if err != nil || !strings.Contains(out, "~ virtual_router.outside.routes: 192.0.2.0/24 via 172.20.10.1 src 172.20.10.4, ") {
			t.Errorf("reload: %v: %q", err, out)
		}
	}
	are(p.LB1, traveled(2))

	p.must(p.units[p.LB1].Kill9(true))
	p.must(p.units[p.LB1].WaitReady(p.within(10 * time.Second)))
	p.holder(p.LB1)
	are(p.LB1, traveled(2))

	p.must(p.units[p.LB1].Kill9(false))
	p.holder(p.LB2)
	are(p.LB2, traveled(2))
	// The kernel has taken off what had the address as its source; the rest waits.
	are(p.LB1, strings.ReplaceAll(traveled(2), "192.0.2.0/24 via 172.20.10.2 dev eth2 src 172.20.10.4\n", ""))
	out, err := p.LB1.Run(p.within(10*time.Second), program, "release")
	if err != nil || !strings.Contains(out, "2 routes and 1 rule taken off") {
		t.Errorf("release: %v: %q", err, out)
	}
	are(p.LB1, "")
	p.must(p.units[p.LB2].Stop(p.within(10 * time.Second)))
	are(p.LB2, "")
}
