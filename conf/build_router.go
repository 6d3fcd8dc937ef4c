package conf

import (
	"net/netip"
	"slices"
	"time"

	"failover/vrrp"
)

func (b *builder) router(e *entry) VirtualRouter {
	r := VirtualRouter{
		Name:         e.key,
		Group:        val[string](e.get("group")),
		Interface:    perDirector(b, e.get("interface"), (func(Director) string)(nil)),
		VRID:         uint8(val[int64](e.get("vrid"))),
		Version:      uint8(val[int64](e.get("version"))),
		Interval:     duration(e.get("advert_interval")),
		Preempt:      perDirector(b, e.get("preempt"), func(Director) bool { return true }),
		PreemptDelay: perDirector(b, e.get("preempt_delay"), func(Director) time.Duration { return 0 }),
		Transport:    vrrp.Transport(val[string](e.get("transport"))),
		Peers:        vals[netip.Addr](e.get("peers")),
		Checksum:     vrrp.ChecksumForm(val[string](e.get("checksum"))),
		Auth:         val[Secret](e.get("auth")),
		Lease:        duration(e.get("address_lease")),
		VirtualMAC:   val[bool](e.get("virtual_mac")),
		NoAccept:     !val[bool](e.get("accept")),
		Incompatible: vrrp.Incompatible(val[string](e.get("incompatible"))),
	}
	r.Priority = asByte(perDirector(b, e.get("priority"), func(d Director) int64 { return int64(d.Priority) }))
	r.Source = perDirector(b, e.get("source"), func(Director) netip.Addr { return netip.Addr{} })
	if r.Group == "" {
		r.Group = r.Name
	}
	r.Addresses = b.addresses(e.get("addresses"))
	if r.IPv6() && !slices.ContainsFunc(r.Addresses, func(a VirtualAddress) bool { return isLinkLocal(a.Prefix) }) {
		r.Addresses = slices.Insert(r.Addresses, 0, VirtualAddress{Prefix: derivedLinkLocal(r.VRID)})
	}
	r.Routes = ways(b, e.get("routes"), r.IPv6(), vrrp.ParseRoute)
	r.Rules = ways(b, e.get("rules"), r.IPv6(), vrrp.ParseRule)
	if !e.get("address_lease").set {
		r.Lease = defaultLease(r.Interval)
	}
	a := e.get("announce")
	r.Announce = vrrp.Announce{Times: vals[time.Duration](a.get("times")), Refresh: duration(a.get("refresh"))}
	b.announceRules(a, r.Announce)
	r.Tracks = b.tracks(e)
	r.FollowHealth = followHealth(e.get("follow_health"))
	r.Notify, r.TakeOver = b.notify(e.get("notify")), b.takeOver(e.get("take_over"))
	return r
}

// derivedLinkLocal is the link-local address of a virtual router whose file
// writes none: the modified EUI-64 (RFC 4291 appendix A) of the virtual router's
// MAC address 00-00-5E-00-02-{VRID} (RFC 9568 section 7.3), so that every
// director, and every other implementation that derives one, has the same.
func derivedLinkLocal(vrid uint8) netip.Prefix {
	a := [16]byte{0: 0xfe, 1: 0x80, 8: 0x02, 10: 0x5e, 11: 0xff, 12: 0xfe, 14: 0x02, 15: vrid}
	return netip.PrefixFrom(netip.AddrFrom16(a), 64)
}

// defaultLease is the larger of 5 s and four advert intervals, in the whole
// seconds that the kernel counts lifetimes in.
func defaultLease(interval time.Duration) time.Duration {
	lease := max(5*time.Second, 4*interval)
	return (lease + time.Second - 1).Truncate(time.Second)
}

func (b *builder) announceRules(e *entry, a vrrp.Announce) {
	times := e.get("times")
	if len(times.items) > 32 {
		b.fail(times, "", "%d times; at most 32 are possible", len(times.items))
	}
	for i := 1; i < len(a.Times) && e.ok("times"); i++ {
		if a.Times[i] <= a.Times[i-1] {
			b.fail(times.items[i], "", "%s does not come after %s: the times ascend", text(a.Times[i]), text(a.Times[i-1]))
		}
	}
	if a.Refresh > 0 && a.Refresh < time.Second {
		b.fail(e.get("refresh"), "", "%s is less than 1s; 0s turns it off", text(a.Refresh))
	}
}

func duration(e *entry) time.Duration { return val[time.Duration](e) }

// perDirector gathers the values of a key for every director. Where the file
// gives none, the default decides; a nil one means that there is none.
func perDirector[T comparable](b *builder, e *entry, otherwise func(Director) T) PerDirector[T] {
	b.directorKeys(e)
	if len(b.d.Directors) == 0 && otherwise != nil {
		return PerDirector[T]{All: otherwise(Director{})} // of no file: the default
	}
	p := PerDirector[T]{ByName: map[string]T{}}
	same := true
	for i, d := range b.d.Directors {
		one := e.forDirector(d.Name)
		v := val[T](one)
		if one == e && (e.per || !e.set) && !e.bad {
			if otherwise == nil {
				b.fail(e, "", "has no value for director %s", d.Name)
				continue
			}
			v = otherwise(d)
		}
		p.ByName[d.Name] = v
		same = same && (i == 0 || v == p.All)
		if i == 0 {
			p.All = v
		}
	}
	if same {
		return PerDirector[T]{All: p.All}
	}
	var zero T
	p.All = zero
	return p
}

// directorKeys demand that a table by director names directors.
func (b *builder) directorKeys(e *entry) {
	for _, o := range e.order {
		if e.per && !b.isDirector(o.key) {
			b.failKey(o, didYouMean(o.key, b.directorNames(), "the directors are"), "no such director")
		}
	}
}

func asByte(p PerDirector[int64]) PerDirector[uint8] {
	q := PerDirector[uint8]{All: uint8(p.All)}
	for name, v := range p.ByName {
		if q.ByName == nil {
			q.ByName = map[string]uint8{}
		}
		q.ByName[name] = uint8(v)
	}
	return q
}

func (b *builder) directorNames() []string {
	list := make([]string, len(b.d.Directors))
	for i, d := range b.d.Directors {
		list[i] = d.Name
	}
	return list
}

func (b *builder) isDirector(name string) bool {
	for _, d := range b.d.Directors {
		if d.Name == name {
			return true
		}
	}
	return false
}
