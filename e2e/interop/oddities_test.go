package interop

import (
	"net/netip"
	"time"

	"failover/vrrp"
)

// The words for what does not work, in docs/interop.md.
const (
	rejectedByPeer = "rejected by the peer"
	rejectedByBoth = "rejected by both"
	rejectedByUs   = "rejected by failover"
)

// oddities are the rows in which the two configurations differ.
func oddities(debian int) (all []trial) {
	extra := []netip.Prefix{netip.MustParsePrefix("172.20.10.9/28")}
	for _, peer := range []string{"keepalived", "frr"} {
		first := len(all)
		b := trial{Peer: peer, Version: 3, Family: 4, Transport: vrrp.Multicast}
		slow := low
		slow.Interval = 300 * time.Millisecond
		all = append(all,
			b.with("slower peer", "lb1", high, slow, takeOvers, "the peer's advert interval is 300 ms, ours 100 ms: learned"))
		slow = high
		slow.Interval = 300 * time.Millisecond
		all = append(all,
			b.with("slower master", "lb1", low, slow, takeOvers, "the peer, master, has an interval of 300 ms, ours is 100 ms: learned"))
		for i := range all[first:] {
			all[first+i].Full = peer == "frr" // both learn it in the same place of ours
		}
		more := high
		more.Extra = extra
		all = append(all,
			b.with("more addresses", "lb1", low, more, moreAddresses, "the peer, master, has an address more: accepted and reported"))
		more = high
		more.Extra = extra
		fewer := b.with("fewer addresses", "lb1", more, low, fewerAddresses, "failover, master, has an address more")
		// From 2.3.3 on keepalived takes them, and says so.
		if peer == "keepalived" && debian < 13 {
			fewer.Result = rejectedByPeer
		}
		all = append(all, fewer)
		all = append(all, checksums(b, debian)...)
		all = append(all, strangers(b)...)
	}
	far := trial{Peer: "keepalived", Version: 3, Family: 6, Transport: vrrp.Unicast, NoTTL: true}.
		with("no unicast_ttl", "lb1", low, high, hopLimit, "the peer has no unicast_ttl: its adverts have a hop limit of 64")
	far.Result = rejectedByUs
	return append(all, far)
}

// checksums are the rows about what a checksum covers. The routers of Debian 13
// can be set to either form.
func checksums(b trial, debian int) (all []trial) {
	newer := func(c trial) trial { c.Checksum = vrrp.ChecksumRFC9568; return c }
	form := newer(b.with("checksum rfc9568", "lb1", high, low, otherChecksum, `checksum = "rfc9568"`))
	form.Result = rejectedByPeer
	all = append(all, form)
	if debian < 13 {
		return all
	}
	setting := map[string]string{"keepalived": "v3_checksum_as_v2", "frr": "no checksum-with-ipv4-pseudoheader"}[b.Peer]
	set := func(s side) side { s.Checksum = vrrp.ChecksumRFC9568; return s }
	other := b.with("the peer alone has rfc9568", "lb1", high, set(low), otherChecksum, setting+" at the peer alone")
	// With it keepalived takes any checksum.
	if other.Result = rejectedByPeer; b.Peer == "keepalived" {
		other.Script, other.Result = takeOvers, ""
	}
	return append(all, other,
		b.with("the peer, master, has rfc9568", "lb1", low, set(high), followedChecksum, setting+" at the peer alone, which is master: accepted and reported"),
		newer(b.with("both rfc9568, failover higher", "lb1", high, set(low), takeOvers, `checksum = "rfc9568" and `+setting+": failover has the higher priority")),
		newer(b.with("both rfc9568, peer higher", "lb1", low, set(high), takeOvers, `checksum = "rfc9568" and `+setting+": the peer has the higher priority")),
	)
}

// strangers are the rows of two routers that the RFC has discard each other's
// adverts.
func strangers(b trial) (all []trial) {
	alone := func(name string, o, p side, rejected, field, ours, theirs, feature string) {
		c := b.with(name, "lb1", o, p, func(d *duel) { d.strange(rejected, field, ours, theirs) }, feature)
		c.Result = rejectedByBoth
		all = append(all, c)
	}
	older := low
	older.Version = 2
	alone("other version", high, older, "version", "version", "3", "2", "the peer has version 2, failover 3")
	b.Version = 2
	newer, slow, other, open := low, low, low, low
	newer.Version, slow.Interval, other.Auth, open.Auth = 3, 2*time.Second, "mellon", "none"
	alone("newer version", high, newer, "version", "version", "2", "3", "the peer has version 3, failover 2")
	alone("other interval", high, slow, "v2-interval", "interval", "1s", "2s", "the peer's advert interval is 2 s, ours 1 s")
	if b.Peer != "keepalived" {
		return all
	}
	b.Auth = "sesame"
	alone("other password", high, other, "auth", "authentication", "password", "another password", "the peer has another password")
	alone("no password", high, open, "auth-type", "authentication", "password", "none", "the peer has no password")
	return all
}
