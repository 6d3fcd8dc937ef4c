package interop

import (
	"net/netip"
	"time"

	"failover/vrrp"
)

// cases are the rows of the matrix. What a later version of failover speaks is
// added as rows.
func cases() (all []trial) {
	high, low := side{Priority: 150}, side{Priority: 100}
	keep := func(s side) side { s.NoPreempt = true; return s }
	base := []trial{
		{Peer: "keepalived", Version: 3, Family: 4, Transport: vrrp.Multicast},
		{Peer: "keepalived", Version: 3, Family: 4, Transport: vrrp.Unicast},
		{Peer: "frr", Version: 3, Family: 4, Transport: vrrp.Multicast},
	}
	for _, b := range base {
		all = append(all,
			b.with("failover higher", "lb1", high, low, takeOvers, "failover has the higher priority: stop, cut links, kill -9, return"),
			b.with("peer higher", "lb1", low, high, takeOvers, "the peer has the higher priority: stop, cut links, kill -9, return"),
			b.with("no preempt", "lb1", keep(high), keep(low), takeOvers, "neither preempts: stop, cut links, kill -9, return"),
			b.with("tie, peer wins", "lb1", low, low, partition, "equal priority, the peer's address is higher: partition and healing"),
			b.with("tie, failover wins", "lb2", low, low, partition, "equal priority, failover's address is higher: partition and healing"),
		)
	}
	k := base[0]
	all = append(all,
		k.with("one link of failover", "lb1", high, low, oneLink, "group and vrrp_sync_group: one link of failover is lost, both routers move"),
		k.with("one link of the peer", "lb1", low, high, oneLink, "group and vrrp_sync_group: one link of the peer is lost, both routers move"),
	)
	return append(all, oddities(base)...)
}

// with is a row of the same form with names, sides and a script.
func (c trial) with(name, oursOn string, o, p side, script func(*duel), feature string) trial {
	c.Name = c.Peer + " " + string(c.Transport) + " " + name
	c.OursOn, c.Ours, c.Theirs, c.Script, c.Feature = oursOn, o, p, script, feature
	return c
}

// oddities are the rows in which the two configurations differ.
func oddities(base []trial) (all []trial) {
	high, low := side{Priority: 150}, side{Priority: 100}
	extra := []netip.Prefix{netip.MustParsePrefix("172.20.10.9/28")}
	for _, b := range []trial{base[0], base[2]} {
		slow := low
		slow.Interval = 300 * time.Millisecond
		all = append(all,
			b.with("slower peer", "lb1", high, slow, takeOvers, "the peer's advert interval is 300 ms, ours 100 ms: learned"))
		slow = high
		slow.Interval = 300 * time.Millisecond
		all = append(all,
			b.with("slower master", "lb1", low, slow, takeOvers, "the peer, master, has an interval of 300 ms, ours is 100 ms: learned"))
		more := high
		more.Extra = extra
		all = append(all,
			b.with("more addresses", "lb1", low, more, moreAddresses, "the peer, master, has an address more: accepted and reported"))
		more = high
		more.Extra = extra
		fewer := b.with("fewer addresses", "lb1", more, low, fewerAddresses, "failover, master, has an address more")
		if b.Peer == "keepalived" {
			fewer.Result = "rejected by the peer"
		}
		all = append(all, fewer)
		form := b.with("checksum rfc9568", "lb1", high, low, otherChecksum, `checksum = "rfc9568"`)
		form.Checksum, form.Result = vrrp.ChecksumRFC9568, "rejected by the peer"
		all = append(all, form)
	}
	return all
}
