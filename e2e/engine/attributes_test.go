package engine

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// attributed is an address of the router outside with everything that can be said
// of one; %s is its label.
const attributed = `{ address = "203.0.113.9/24", interface = "eth3", label = "%s", scope = "site", noprefixroute = true, advertise = false }`

// spare gives both directors an interface eth3, whose other end is eth3p.
func (p *pair) spare() {
	p.t.Helper()
	for _, n := range p.Directors() {
		p.ip(n, "link", "add", "eth3", "type", "veth", "peer", "name", "eth3p")
		p.ip(n, "link", "set", "eth3p", "up")
		p.ip(n, "link", "set", "eth3", "up")
	}
}

// labelled is what a director shows of an address of an interface: its label,
// scope and whether it brings no route; empty: it is not there.
func (p *pair) labelled(n *lab.Node, iface string, a netip.Addr) string {
	p.t.Helper()
	var links []struct {
		Addresses []struct {
			Local, Label, Scope string
			NoPrefixRoute       bool
		} `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(p.ip(n, "-j", "addr", "show", "dev", iface)), &links); err != nil {
		p.t.Fatal(err)
	}
	for _, l := range links {
		for _, x := range l.Addresses {
			if x.Local == a.String() {
				return fmt.Sprintf("%s %s %v", x.Label, x.Scope, x.NoPrefixRoute)
			}
		}
	}
	return ""
}

// TestAddressAttributes: an address with a label, a scope and an interface of its
// own, without its route and in no advert, moves with the others, is announced
// where it is, comes back as it was when a stranger takes it off, survives a
// killed engine and changes its label by a reload. Without its interface the
// group is in fault.
func TestAddressAttributes(t *testing.T) {
	p := newPair(t, spec{also: fmt.Sprintf(attributed, "eth3:vip")})
	p.spare()
	wire := p.tap(p.LB1, "eth3p")
	vip := netip.MustParseAddr("203.0.113.9")
	is := func(n *lab.Node, want string) {
		t.Helper()
		p.await(5*time.Second, fmt.Sprintf("%s shows %q", n.Name, want), func() bool { return p.labelled(n, "eth3", vip) == want })
	}
	begin := time.Now()
	p.settled()
	is(p.LB1, "eth3:vip site true")
	is(p.LB2, "")
	wire.first(begin, 5*time.Second, "an announcement on eth3", func(f frame) bool { return f.op != 0 && f.src == vip })
	want := "{203.0.113.9/24 eth3 eth3:vip site true false}"
	if got := fmt.Sprint(p.router(p.LB1, "outside").AddressAttributes); got != "["+want+"]" {
		t.Errorf("status has %s, want %s", got, want)
	}
	if s := p.status(p.LB2); !s.Healthy {
		t.Errorf("lb2 has problems: %q", s.Problems)
	}
	p.ip(p.LB1, "addr", "del", "203.0.113.9/24", "dev", "eth3")
	is(p.LB1, "eth3:vip site true")

	was := p.router(p.LB1, "outside").Transitions
	changed := p.spec
	changed.also = fmt.Sprintf(attributed, "eth3:new")
	for _, n := range p.Directors() {
		p.configure(n, changed)
		out, err := n.Run(p.within(10*time.Second), program, "reload")
		if err != nil || !strings.Contains(out, "label eth3:vip scope site noprefixroute unadvertised → ") {
			t.Errorf("reload: %v: %q", err, out)
		}
	}
	is(p.LB1, "eth3:new site true")
	if now := p.router(p.LB1, "outside").Transitions; now != was {
		t.Errorf("the reload made %d transitions", now-was)
	}

	p.must(p.units[p.LB1].Kill9(true))
	p.must(p.units[p.LB1].WaitReady(p.within(10 * time.Second)))
	p.holder(p.LB1)
	is(p.LB1, "eth3:new site true")

	p.ip(p.LB1, "link", "set", "eth3", "down")
	p.holder(p.LB2)
	is(p.LB2, "eth3:new site true")
	is(p.LB1, "")
	if r := p.router(p.LB1, "outside"); r.State != "fault" || !strings.Contains(r.Cause, "eth3 is down") {
		t.Errorf("without eth3 lb1 is %s: %s", r.State, r.Cause)
	}
	p.ip(p.LB1, "link", "set", "eth3", "up")
	p.holder(p.LB1)
	is(p.LB1, "eth3:new site true")
	p.must(p.units[p.LB1].Stop(p.within(10 * time.Second)))
	is(p.LB1, "")
}
