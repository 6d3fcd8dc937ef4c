package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"failover/vrrp"
)

// owner is the priority of the director that owns the addresses (RFC 9568
// section 5.2.4).
const owner = 255

// directorRules hold the directors against each other.
func (b *builder) directorRules() {
	if e := b.file.get("director"); e.set && len(e.order) == 0 && !e.bad {
		b.fail(e, "write [director.NAME] for each", "there is no director")
	}
	of := map[netip.Addr]string{}
	for _, e := range b.directors {
		list := e.get("address")
		if len(list.items) == 0 && list.set && !list.bad {
			b.fail(list, "", "is empty: a director has at least one address")
		}
		for _, i := range list.items {
			a := val[netip.Addr](i)
			if !a.IsValid() {
				continue
			}
			if other, taken := of[a]; taken {
				b.contradict(i, "", "%s is an address of director %s already", a, other)
			}
			of[a] = e.key
		}
	}
	b.linkRules()
	b.followRules()
}

// linkRules: each director has a key of its own, and the peer link takes all of them.
func (b *builder) linkRules() {
	of := map[string]string{}
	var without []string
	var with *entry
	for _, e := range b.directors {
		key := e.get("public_key")
		text := val[string](key)
		if text == "" {
			without = append(without, e.key)
			continue
		}
		if other, taken := of[text]; taken {
			b.contradict(key, "run failover keygen on each machine", "is the key of director %s already", other)
		}
		of[text], with = e.key, key
	}
	if with != nil && len(without) > 0 {
		b.note(&b.warnings, with, "run failover keygen there and write the public_key it prints",
			"the peer link stays off: "+enumerate(without)+" has no public_key")
	}
}

// routerRules hold each virtual router against itself and the others.
func (b *builder) routerRules() {
	holder := map[netip.Addr]string{}
	taken := seats{}
	for i, e := range b.routers {
		r := b.d.VirtualRouters[i]
		if r.Name == NoRouter {
			b.failKey(e, "", "the name none is taken: it stands for no virtual router")
		}
		b.addressRules(e, r, holder)
		b.versionRules(e, r)
		b.seatRules(e, r, taken)
		b.preemptRules(e, r)
		b.macRules(e, r)
	}
	for i, e := range b.routers {
		b.sourceRules(e, b.d.VirtualRouters[i], holder)
		b.unicastRules(e, b.d.VirtualRouters[i])
	}
}

func (b *builder) addressRules(e *entry, r VirtualRouter, holder map[netip.Addr]string) {
	list := e.get("addresses")
	if !list.set || list.bad {
		return
	}
	const divide = "divide them among several virtual routers of one group, or write advertise = false for some"
	n := 0
	for _, a := range r.Addresses {
		if !a.Unadvertised {
			n++
		}
	}
	switch {
	case len(list.items) == 0:
		b.fail(list, "", "is empty: a virtual router has at least one address")
	case n == 0 && !list.anyBad():
		// RFC 9568 section 5.2.5: the minimum is 1.
		b.contradict(list, "", "none of them is advertised, and an advert lists at least one")
	case r.IPv6() && n > maxAddresses6:
		b.contradict(list, divide, "%d addresses with the link-local one; an advert over IPv6 carries at most %d", n, maxAddresses6)
	case n > 255:
		// RFC 9568 section 5.2.5: the advert's count of addresses is one byte.
		b.contradict(list, divide, "%d addresses; an advert carries at most 255", n)
	}
	b.familyRules(list)
	for _, i := range list.items {
		b.attributeRules(i, r)
		p := val[netip.Prefix](i)
		a := p.Addr()
		if !a.IsValid() || isLinkLocal(p) {
			continue
		}
		if other, taken := holder[a]; taken {
			b.contradict(i, "", "%s is an address of virtual router %s already", a, other)
			continue
		}
		holder[a] = e.key
	}
}

// preemptRules find settings of one director that contradict each other.
func (b *builder) preemptRules(e *entry, r VirtualRouter) {
	owned := ""
	for _, d := range b.d.Directors {
		preempt := r.Preempt.For(d.Name)
		if !preempt && r.PreemptDelay.For(d.Name) > 0 && e.ok("preempt", "preempt_delay") {
			b.contradict(e.get("preempt_delay").forDirector(d.Name), "", "has no meaning on %s, where preempt is false", d.Name)
			return
		}
		if r.Priority.For(d.Name) != owner {
			continue
		}
		switch at := e.get("priority").forDirector(d.Name); {
		case owned != "":
			b.contradict(at, "", "255 on %s and on %s: only one director can own the addresses", owned, d.Name)
			return
		case !preempt && e.ok("preempt"):
			// RFC 9568 section 6.1: the owner preempts, whatever Preempt_Mode says.
			b.contradict(e.get("preempt").forDirector(d.Name), "", "false on %s, whose priority is 255: the owner of the addresses always preempts", d.Name)
			return
		case r.PreemptDelay.For(d.Name) > 0 && e.ok("preempt_delay"):
			b.contradict(e.get("preempt_delay").forDirector(d.Name), "", "has no meaning on %s, whose priority is 255: the owner of the addresses is master at once", d.Name)
			return
		}
		if r.NoAccept && e.ok("accept") {
			// RFC 9568 section 6.1: the owner accepts, whatever Accept_Mode says.
			b.contradict(e.get("accept"), "", "false, but %s has priority 255: the owner of the addresses always accepts packets to them", d.Name)
		}
		owned = d.Name
	}
}

// sourceRules keep own and virtual addresses apart, the owner excepted.
func (b *builder) sourceRules(e *entry, r VirtualRouter, holder map[netip.Addr]string) {
	seen := map[netip.Addr]string{}
	for i, d := range b.d.Directors {
		isOwner := r.Priority.For(d.Name) == owner
		at := e.get("source").forDirector(d.Name)
		written := r.Source.For(d.Name)
		source := b.d.source(r, d)
		switch {
		case !e.ok("source", "addresses", "priority", "interface"):
			return
		case isOwner && source.IsValid() && !hasAddress(r.Addresses, source):
			b.contradict(e.get("priority").forDirector(d.Name), "", "255 says that %s owns the addresses, but its address %s is none of them", d.Name, source)
		case !b.sourceFamily(at, r, written):
			return
		case !isOwner && written.IsValid() && holder[written] != "":
			b.contradict(at, "", "%s is an address of virtual router %s; a source is the director's own", written, holder[written])
		case !isOwner && hasAddress(r.Addresses, written):
			b.contradict(at, "", "%s is the virtual router's own link-local address; a source is the director's", written)
		case written.IsValid() && seen[written] != "":
			b.contradict(at, "write it by director: { "+b.directorTable("…")+" }", "%s is the source of %s already", written, seen[written])
			return
		}
		if written.IsValid() {
			seen[written] = d.Name
		}
		for _, own := range b.directors[i].get("address").items {
			if a := val[netip.Addr](own); !isOwner && !own.bad && hasAddress(r.Addresses, a) {
				b.contradict(own, "a director keeps its own address; give the virtual router another",
					"%s is an address of virtual router %s", a, r.Name)
			}
		}
	}
}

// directorTable is a table by director to copy: lb1 = …, lb2 = ….
func (b *builder) directorTable(value string) string {
	list := b.directorNames()
	for i := range list {
		list[i] = pathName(list[i]) + " = " + value
	}
	return strings.Join(list, ", ")
}

// unicastRules make sure that every director knows where to send its adverts and
// whom to believe.
func (b *builder) unicastRules(e *entry, r VirtualRouter) {
	if !e.ok("transport", "peers", "source", "addresses", "interface") {
		return
	}
	peers := e.get("peers")
	if r.Transport == vrrp.Multicast {
		if len(r.Peers) > 0 {
			b.contradict(peers, `write transport = "unicast", or leave them out`, "has no meaning with transport multicast, where every neighbour hears the adverts")
		}
		return
	}
	if len(b.d.Directors) < 2 && len(r.Peers) == 0 {
		b.contradict(e.get("transport"), "", "unicast, but there is no other director and no peer")
	}
	var unknown []string
	for _, d := range b.d.Directors {
		s := b.d.source(r, d)
		if !s.IsValid() {
			unknown = append(unknown, d.Name)
		}
		if i := slices.Index(r.Peers, s); i >= 0 {
			b.contradict(peers.items[i], "", "%s is the source of director %s; peers are routers outside this file", s, d.Name)
		}
	}
	for i, p := range r.Peers {
		if slices.Contains(r.Peers[:i], p) {
			b.contradict(peers.items[i], "", "%s is there twice", p)
		}
		if p.Is6() != r.IPv6() {
			b.contradict(peers.items[i], "", "%s is no %s address, as those of the virtual router are", p, familyName(r.IPv6()))
		}
		if hasAddress(r.Addresses, p) {
			b.contradict(peers.items[i], "", "%s is an address of this virtual router", p)
		}
	}
	if len(unknown) > 0 {
		b.contradict(e.get("transport"), "write source = { "+b.directorTable("…")+" }",
			"unicast needs the source of every director; that of %s is not known", strings.Join(unknown, ", "))
	}
}

// groupRules demand that the members of a group, which change role together,
// agree in what decides it.
func (b *builder) groupRules() {
	first := map[string]int{}
	for i, e := range b.routers {
		r := b.d.VirtualRouters[i]
		j, known := first[r.Group]
		if !known {
			first[r.Group] = i
			continue
		}
		head := b.d.VirtualRouters[j]
		if !e.ok("priority", "preempt", "preempt_delay") || !b.routers[j].ok("priority", "preempt", "preempt_delay") {
			continue
		}
		for _, d := range b.d.Directors {
			b.agree(e, d, head, "priority", fmt.Sprint(r.Priority.For(d.Name)), fmt.Sprint(head.Priority.For(d.Name)))
			b.agree(e, d, head, "preempt", fmt.Sprint(r.Preempt.For(d.Name)), fmt.Sprint(head.Preempt.For(d.Name)))
			b.agree(e, d, head, "preempt_delay", delayText(r, d), delayText(head, d))
			b.agree(e, d, head, "follow_health", followWords(r.FollowHealth).value, followWords(head.FollowHealth).value)
		}
	}
}

func delayText(r VirtualRouter, d Director) string {
	return text(r.PreemptDelay.For(d.Name))
}

func (b *builder) agree(e *entry, d Director, head VirtualRouter, key, mine, theirs string) {
	if k := e.get(key); mine != theirs && !k.bad {
		b.contradict(k.forDirector(d.Name), "the members of a group have the same "+key,
			"%s on %s, but %s of the same group %s has %s", mine, d.Name, head.Name, head.Group, theirs)
		k.bad = true
	}
}
