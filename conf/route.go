package conf

import (
	"fmt"

	"failover/vrrp"
)

// ways makes a list of routes or rules for every director: the words of each item
// are read by parse, with whether the virtual router is one of IPv6.
func ways[T any](b *builder, e *entry, ipv6 bool, parse func(string, bool) (T, error)) PerDirector[[]T] {
	b.directorKeys(e)
	read := func(list *entry) []T {
		var out []T
		for _, item := range list.items {
			text, is := item.value.(string)
			if !is {
				continue
			}
			v, err := parse(text, ipv6)
			if err != nil {
				b.fail(item, "", "%q: %v", text, err)
				continue
			}
			out = append(out, v)
		}
		return out
	}
	if !e.per {
		return PerDirector[[]T]{All: read(e)}
	}
	p := PerDirector[[]T]{ByName: map[string][]T{}}
	for _, d := range b.d.Directors {
		p.ByName[d.Name] = nil
	}
	for _, o := range e.order {
		if b.isDirector(o.key) {
			p.ByName[o.key] = read(o)
		}
	}
	return p
}

// wayRules find routes and rules that two virtual routers have: the kernel has each
// once, and it would go with the first of them.
func (b *builder) wayRules() {
	for _, d := range b.d.Directors {
		holder := map[string]string{}
		for i, e := range b.routers {
			r := b.d.VirtualRouters[i]
			routes, rules := e.get("routes"), e.get("rules")
			if !e.ok("routes", "rules", "addresses") {
				continue
			}
			for j, x := range r.Routes.For(d.Name) {
				key := fmt.Sprintf("%v %v %v", x.Table, x.To, x.Metric)
				if !b.once(holder, key, r.Name, routes.forDirector(d.Name).items[j], "a table has one route of a network and metric") {
					return
				}
			}
			for j, x := range r.Rules.For(d.Name) {
				key := fmt.Sprintf("%v %v", x, x.IPv6)
				if !b.once(holder, key, r.Name, rules.forDirector(d.Name).items[j], "") {
					return
				}
			}
		}
	}
}

// once notes who has a route or a rule; false: somebody has it already.
func (b *builder) once(holder map[string]string, key, router string, item *entry, hint string) bool {
	if other, taken := holder[key]; taken {
		b.contradict(item, hint, "%q is there already, in virtual router %s", val[string](item), other)
		return false
	}
	holder[key] = router
	return true
}

// wayWords puts routes and rules into words for Diff.
func wayWords(r vrrp.RouterConfig) []field {
	return []field{{"routes", words(r.Routes)}, {"rules", words(r.Rules)}}
}
