package linux

import (
	"net/netip"
	"slices"

	"failover/vrrp"
)

// HeldRoute and HeldRule are what this program added beside addresses.
type (
	// HeldRoute is a route of a group.
	HeldRoute struct {
		Group string
		Route vrrp.Route
	}
	// HeldRule is a rule of a group.
	HeldRule struct {
		Group string
		Rule  vrrp.Rule
	}
)

// Ways are the routes and rules that this program added, as they stand on disk.
type Ways struct {
	Routes []HeldRoute `json:",omitempty"`
	Rules  []HeldRule  `json:",omitempty"`
}

// routeKey is what tells one route of a machine from another.
type routeKey struct {
	table  uint32
	to     netip.Prefix
	metric uint32
}

func keyOf(r vrrp.Route) routeKey { return routeKey{r.Table, r.To, r.Metric} }

// hop is where a route goes next.
type hop struct {
	via    netip.Addr
	index  int
	onlink bool
}

// way is one route as the kernel has it, with our mark.
type way struct {
	routeKey
	kind  int // RTN_…
	src   netip.Addr
	scope int // of IPv4
	hops  []hop
}

// along is the route with the one of its ways that leads by a gateway, where there
// are several.
func (x way) along(via netip.Addr) way {
	if len(x.hops) > 1 {
		if i := slices.IndexFunc(x.hops, func(h hop) bool { return h.index != 0 && h.via == via }); i >= 0 {
			x.hops = x.hops[i : i+1]
		}
	}
	return x
}

// routeWish is one route to have; index is that of its interface, 0 where the
// kernel shall find it by the gateway.
type routeWish struct {
	HeldRoute
	index int
}

// fits tells whether a route is as wished. The kernel takes the source address
// from a route of IPv6 when the address goes.
func (w routeWish) fits(x way) bool {
	if x.kind != kinds[w.Route.Type] || x.src != w.Route.Src {
		return false
	}
	if w.Route.Type != "" {
		return true // it goes nowhere
	}
	if w.Route.To.Addr().Is4() && x.scope != scopeOf(w.Route) {
		return false
	}
	return slices.ContainsFunc(x.hops, func(h hop) bool {
		return h.via == w.Route.Via && h.onlink == w.Route.OnLink && (w.index == 0 || h.index == w.index)
	})
}

// wayChange is what makes the machine have the routes and rules that a group is
// to have.
type wayChange struct {
	keep         Ways // wanted, and what the owned set shall say of it
	add, replace []routeWish
	remove       []way
	addRules     []vrrp.Rule
	removeRules  []vrrp.Rule
	forget       Ways // in the owned set, but not on the machine or not ours
}

// decideWays compares the routes and rules that a group is to have with those of
// our mark that are there. It is pure. What is there without our mark the kernel
// tells when ours is to be added.
func decideWays(group string, routes []routeWish, rules []vrrp.Rule, owned Ways, there map[routeKey]way, thereRules map[vrrp.Rule]bool) wayChange {
	var c wayChange
	isWanted := map[routeKey]bool{}
	for _, w := range routes {
		k := keyOf(w.Route)
		if isWanted[k] {
			continue
		}
		isWanted[k] = true
		c.keep.Routes = append(c.keep.Routes, w.HeldRoute)
		if x, is := there[k]; !is {
			c.add = append(c.add, w)
		} else if !w.fits(x) {
			c.replace = append(c.replace, w)
		}
	}
	for _, e := range owned.Routes {
		if e.Group != group || isWanted[keyOf(e.Route)] {
			continue
		}
		c.forget.Routes = append(c.forget.Routes, e)
		if x, is := there[keyOf(e.Route)]; is {
			c.remove = append(c.remove, x.along(e.Route.Via))
		}
	}
	for _, r := range rules {
		c.keep.Rules = append(c.keep.Rules, HeldRule{group, r})
		if !thereRules[r] {
			c.addRules = append(c.addRules, r)
		}
	}
	for _, e := range owned.Rules {
		if e.Group != group || slices.Contains(rules, e.Rule) {
			continue
		}
		c.forget.Rules = append(c.forget.Rules, e)
		if thereRules[e.Rule] {
			c.removeRules = append(c.removeRules, e.Rule)
		}
	}
	return c
}

// changes tells whether anything is to be done.
func (c *wayChange) changes() bool {
	return len(c.add)+len(c.replace)+len(c.remove)+len(c.addRules)+len(c.removeRules) > 0
}

// of are those of one group.
func (w Ways) of(group string) (out Ways) {
	for _, e := range w.Routes {
		if e.Group == group {
			out.Routes = append(out.Routes, e)
		}
	}
	for _, e := range w.Rules {
		if e.Group == group {
			out.Rules = append(out.Rules, e)
		}
	}
	return out
}

// with are these and others; what stands for the same thing is replaced.
func (w Ways) with(more Ways) Ways {
	out := w.without(more)
	return Ways{append(out.Routes, more.Routes...), append(out.Rules, more.Rules...)}
}

// without are these but for others.
func (w Ways) without(less Ways) Ways {
	return Ways{
		Routes: slices.DeleteFunc(slices.Clone(w.Routes), func(e HeldRoute) bool {
			return slices.ContainsFunc(less.Routes, func(x HeldRoute) bool { return keyOf(x.Route) == keyOf(e.Route) })
		}),
		Rules: slices.DeleteFunc(slices.Clone(w.Rules), func(e HeldRule) bool {
			return slices.ContainsFunc(less.Rules, func(x HeldRule) bool { return x.Rule == e.Rule })
		}),
	}
}

// count is how many there are.
func (w Ways) count() int { return len(w.Routes) + len(w.Rules) }

// has tells whether every one of others is among these, for the same group.
func (w Ways) has(others Ways) bool {
	for _, e := range others.Routes {
		if !slices.Contains(w.Routes, e) {
			return false
		}
	}
	for _, e := range others.Rules {
		if !slices.Contains(w.Rules, e) {
			return false
		}
	}
	return true
}
