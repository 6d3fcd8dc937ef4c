package conf

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"failover/check"
)

// tracks makes those of one virtual router; e is its table. A track with an error
// stays in the list, so that its place tells its entry.
func (b *builder) tracks(e *entry) []TrackConfig {
	var list []TrackConfig
	for _, at := range b.trackEntries(e) {
		if !at.table {
			list = append(list, interfaceTrack(val[string](at)))
			continue
		}
		list = append(list, b.track(at, e.key))
	}
	return list
}

// trackEntries are where a router's tracks stand: elements of track_interfaces,
// then tables.
func (b *builder) trackEntries(e *entry) []*entry {
	tables := slices.DeleteFunc(slices.Clone(e.get("track").items), func(t *entry) bool { return !t.table })
	return append(slices.Clone(e.get("track_interfaces").items), tables...)
}

// interfaceTrack is what track_interfaces is short for.
func interfaceTrack(name string) TrackConfig {
	return TrackConfig{
		Object: PerDirector[string]{All: name},
		Spec:   check.Spec{Kind: check.Interface, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1},
	}
}

func (b *builder) track(e *entry, router string) TrackConfig {
	kind := e.get("kind")
	if kind.bad {
		return TrackConfig{}
	}
	word := val[string](kind)
	b.kindRules(e, "track", word)
	t := TrackConfig{Weight: int(val[int64](e.get("weight"))), Spec: check.Spec{Kind: check.Kind(word)}}
	if t.Spec.Kind != QuorumTrack {
		t.Spec = b.timing(e, word)
		if !e.get("fall").set {
			t.Spec.Fall = 2
			if t.Spec.Kind == check.Interface {
				t.Spec.Fall = 1 // the kernel does not err
			}
		}
	}
	switch t.Spec.Kind {
	case check.Exec:
		x := &check.ExecSpec{Argv: b.program(e, "a track of kind exec"), Name: router, User: b.d.Daemon.ScriptUser}
		t.Spec.Exec = x
		t.Object.All = strings.Join(x.Argv, " ")
	case check.Interface:
		t.Object = b.tracked(e, "interface")
	case check.Process:
		t.Object = b.tracked(e, "process")
	case check.File:
		t.Object = b.tracked(e, "path")
	case QuorumTrack:
		t.Object = b.tracked(e, "virtual_server")
	case check.Ping:
		if k := e.get("address"); !k.set {
			b.tracked(e, "address")
		} else {
			t.Object = asText(perDirector(b, k, (func(Director) netip.Addr)(nil)))
		}
	}
	return t
}

// tracked is the key that names what a track is about.
func (b *builder) tracked(e *entry, key string) PerDirector[string] {
	k := e.get(key)
	if !k.set {
		b.fail(k, "", "is missing: %s", k.spec.Allowed())
		return PerDirector[string]{}
	}
	return perDirector(b, k, (func(Director) string)(nil))
}

func asText(p PerDirector[netip.Addr]) PerDirector[string] {
	q := PerDirector[string]{}
	if p.ByName == nil && p.All.IsValid() {
		q.All = p.All.String()
	}
	for name, a := range p.ByName {
		if q.ByName == nil {
			q.ByName = map[string]string{}
		}
		q.ByName[name] = a.String()
	}
	return q
}

// trackRules hold the tracks against each other and the rest of the file.
func (b *builder) trackRules() {
	for i, e := range b.routers {
		tracks := b.d.VirtualRouters[i].Tracks
		for j, at := range b.trackEntries(e) {
			t := tracks[j]
			if at.anyBad() || t.Spec.Kind == "" {
				continue
			}
			b.trackTarget(at, t)
			for _, d := range b.d.Directors {
				if name := t.Object.For(d.Name); name != "" && hasTrack(tracks[:j], t, d.Name) {
					b.contradict(at, "", "%s %s is tracked already", t.Spec.Kind, name)
					break
				}
			}
		}
	}
}

// trackTarget judges what one track is about.
func (b *builder) trackTarget(e *entry, t TrackConfig) {
	switch t.Spec.Kind {
	case check.Ping:
		for _, d := range b.d.Directors {
			a, err := netip.ParseAddr(t.Object.For(d.Name))
			if router := b.routerOf(a); err == nil && router != "" {
				b.contradict(e.get("address").forDirector(d.Name), "", "%s is an address of virtual router %s: it would answer from where it is", a, router)
				return
			}
		}
	case QuorumTrack:
		var names []string
		for _, vs := range b.d.VirtualServers {
			names = append(names, vs.Name)
		}
		if k := e.get("virtual_server"); !slices.Contains(names, t.Object.All) && !k.bad {
			b.contradict(k, didYouMean(t.Object.All, names, "the virtual servers are"), "no such virtual server: %s", t.Object.All)
		}
	}
}
