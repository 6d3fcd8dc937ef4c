package linux

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// ourWays has lists such as "g 203.0.113.0/24 via 192.0.2.2" and "g rule table 7
// priority 5".
func ourWays(t *testing.T, lines ...string) (w Ways) {
	t.Helper()
	for _, l := range lines {
		group, text, _ := strings.Cut(l, " ")
		o := parsed(t, group, text)
		for _, r := range o.Routes {
			w.Routes = append(w.Routes, HeldRoute{group, r})
		}
		for _, r := range o.Rules {
			w.Rules = append(w.Rules, HeldRule{group, r})
		}
	}
	return w
}

// wayText is a change in words.
func wayText(c wayChange) string {
	var out []string
	for _, r := range c.removeRules {
		out = append(out, "remove rule "+r.String())
	}
	for _, x := range c.remove {
		out = append(out, fmt.Sprintf("remove %s via %s", x.to, x.hops[0].via))
	}
	for _, w := range c.replace {
		out = append(out, "replace "+w.Route.String())
	}
	for _, w := range c.add {
		out = append(out, "add "+w.Route.String())
	}
	for _, r := range c.addRules {
		out = append(out, "add rule "+r.String())
	}
	if n := c.forget.count(); n > 0 {
		out = append(out, fmt.Sprintf("forget %d", n))
	}
	return strings.Join(out, ", ")
}

func TestDecideWays(t *testing.T) {
	const net, rule = "g 203.0.113.0/24 via 192.0.2.2", "g rule from all table 7 priority 5"
	for _, tt := range []struct {
		name          string
		wanted, owned []string
		there         []string // with our mark; "2 ways" after one has a stranger's beside it
		want          string
	}{
		{name: "nothing"},
		{name: "new", wanted: []string{net, rule}, want: "add 203.0.113.0/24 via 192.0.2.2, add rule from all table 7 priority 5"},
		{name: "written twice", wanted: []string{net, net}, want: "add 203.0.113.0/24 via 192.0.2.2"},
		{name: "held", wanted: []string{net, rule}, owned: []string{net, rule}, there: []string{net, rule}},
		{name: "lost", wanted: []string{net}, owned: []string{net}, want: "add 203.0.113.0/24 via 192.0.2.2"},
		{name: "marked, owned set lost", wanted: []string{net, rule}, there: []string{net, rule}},
		{name: "by another gateway", wanted: []string{"g 203.0.113.0/24 via 192.0.2.3"}, owned: []string{net}, there: []string{net},
			want: "replace 203.0.113.0/24 via 192.0.2.3"},
		{name: "without its source", wanted: []string{net + " src 192.0.2.10"}, owned: []string{net + " src 192.0.2.10"}, there: []string{net},
			want: "replace 203.0.113.0/24 via 192.0.2.2 src 192.0.2.10"},
		{name: "another metric is another route", wanted: []string{net + " metric 5"}, owned: []string{net}, there: []string{net},
			want: "remove 203.0.113.0/24 via 192.0.2.2, add 203.0.113.0/24 via 192.0.2.2 metric 5, forget 1"},
		{name: "no more", owned: []string{net, rule}, there: []string{net, rule},
			want: "remove rule from all table 7 priority 5, remove 203.0.113.0/24 via 192.0.2.2, forget 2"},
		{name: "no more, gone already", owned: []string{net, rule}, want: "forget 2"},
		{name: "no more, another group's stays", owned: []string{"h 203.0.113.0/24 via 192.0.2.2"}, there: []string{net}},
		{name: "marked but not in the owned set", there: []string{net, rule}},
		{name: "a stranger's way beside", owned: []string{net}, there: []string{net + " 2 ways"},
			want: "remove 203.0.113.0/24 via 192.0.2.2, forget 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			there, rules := map[routeKey]way{}, map[vrrp.Rule]bool{}
			for _, l := range tt.there {
				text, two := strings.CutSuffix(l, " 2 ways")
				w := ourWays(t, text)
				for _, e := range w.Routes {
					x := way{routeKey: keyOf(e.Route), kind: unix.RTN_UNICAST, src: e.Route.Src, hops: []hop{{via: e.Route.Via, index: 2}}}
					if two {
						x.hops = []hop{{}, {via: addr("192.0.2.9"), index: 2}, x.hops[0]}
					}
					there[x.routeKey] = x
				}
				for _, e := range w.Rules {
					rules[e.Rule] = true
				}
			}
			var routes []routeWish
			wanted := ourWays(t, tt.wanted...)
			for _, e := range wanted.Routes {
				routes = append(routes, routeWish{HeldRoute: e})
			}
			var list []vrrp.Rule
			for _, e := range wanted.Rules {
				list = append(list, e.Rule)
			}
			same(t, "change", wayText(decideWays("g", routes, list, ourWays(t, tt.owned...), there, rules)), tt.want)
		})
	}
}
