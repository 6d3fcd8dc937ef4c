package interop

import (
	"failover/vrrp"
)

// form is how both sides of a row speak.
type form struct {
	trial
	when extent
}

// extent is which of its rows are in every run; a full run has all.
type extent int

const (
	allRows  extent = iota
	twoRoles        // failover is the better one, the peer is
	fullOnly
)

// speeches are the ways to speak VRRP that failover shares with each peer.
func speeches() []form {
	k := func(version, family int, t vrrp.Transport) trial {
		return trial{Peer: "keepalived", Version: version, Family: family, Transport: t}
	}
	f := func(version, family int) trial {
		return trial{Peer: "frr", Version: version, Family: family, Transport: vrrp.Multicast}
	}
	with := func(c trial, change func(*trial)) trial {
		change(&c)
		return c
	}
	password := func(c *trial) { c.Auth = "sesame" }
	vmac := func(c *trial) { c.PeerVMAC = true }
	ours := func(c *trial) { c.VMAC = true }
	return []form{
		{k(2, 4, vrrp.Multicast), twoRoles},
		{k(2, 4, vrrp.Unicast), twoRoles},
		{with(k(2, 4, vrrp.Multicast), password), twoRoles},
		{with(k(2, 4, vrrp.Multicast), vmac), fullOnly},
		{f(2, 4), twoRoles},
		{k(3, 4, vrrp.Multicast), allRows},
		{k(3, 4, vrrp.Unicast), twoRoles},
		{with(k(3, 4, vrrp.Multicast), vmac), twoRoles},
		{with(k(3, 4, vrrp.Multicast), ours), twoRoles},
		{k(3, 6, vrrp.Multicast), twoRoles},
		{k(3, 6, vrrp.Unicast), twoRoles},
		{with(k(3, 6, vrrp.Multicast), vmac), fullOnly},
		{with(k(3, 6, vrrp.Multicast), ours), fullOnly},
		{f(3, 4), twoRoles},
		{f(3, 6), twoRoles},
		{with(f(3, 4), ours), fullOnly},
	}
}

var (
	high = side{Priority: 150}
	low  = side{Priority: 100}
)

// cases are the rows of the matrix against the routers of a Debian release.
func cases(debian int) (all []trial) {
	for _, s := range speeches() {
		all = append(all, roles(s)...)
	}
	return append(all, oddities(debian)...)
}

// roles are the rows in which both sides are configured alike.
func roles(s form) []trial {
	keep := func(s side) side { s.NoPreempt = true; return s }
	more := []trial{
		s.with("no preempt", "lb1", keep(high), keep(low), takeOvers, "neither preempts: stop, cut links, kill -9, return"),
		s.with("tie, peer wins", "lb1", low, low, partition, "equal priority, the peer's address is higher: partition and healing"),
		s.with("tie, failover wins", "lb2", low, low, partition, "equal priority, failover's address is higher: partition and healing"),
	}
	if s.Peer == "keepalived" {
		more = append(more,
			s.with("one link of failover", "lb1", high, low, oneLink, "group and vrrp_sync_group: one link of failover is lost, both routers move"),
			s.with("one link of the peer", "lb1", low, high, oneLink, "group and vrrp_sync_group: one link of the peer is lost, both routers move"),
		)
	}
	for i := range more {
		// The two that tie compare addresses of the family.
		tie := s.Peer == "keepalived" && s.Family == 6 && s.Transport == vrrp.Multicast && more[i].Theirs.Priority == more[i].Ours.Priority
		more[i].Full = s.when != allRows && !(tie && s.when == twoRoles)
	}
	both := []trial{
		s.with("failover higher", "lb1", high, low, takeOvers, "failover has the higher priority: stop, cut links, kill -9, return"),
		s.with("peer higher", "lb1", low, high, takeOvers, "the peer has the higher priority: stop, cut links, kill -9, return"),
	}
	for i := range both {
		both[i].Full = s.when == fullOnly
	}
	return append(both, more...)
}

// with is a row of the same form with names, sides and a script.
func (c trial) with(name, oursOn string, o, p side, script func(*duel), feature string) trial {
	c.Name = c.peer() + " " + c.speaks() + ": " + name
	c.OursOn, c.Ours, c.Theirs, c.Script, c.Feature = oursOn, o, p, script, feature
	return c
}
