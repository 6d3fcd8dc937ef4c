package interop

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"failover/vrrp"
)

// trial is one row of the matrix: how both sides are configured and what
// happens to them.
type trial struct {
	Name      string // of the subtest
	Peer      string // keepalived or frr
	Version   int    // of VRRP
	Family    int    // 4 or 6
	Transport vrrp.Transport
	Checksum  vrrp.ChecksumForm // that failover sends; empty: its default
	Auth      string            // simple password of version 2; empty: none
	VMAC      bool              // failover uses the virtual MAC; FRR always does
	PeerVMAC  bool              // keepalived has use_vmac
	NoTTL     bool              // keepalived has no unicast_ttl
	// OursOn is the director that runs failover: lb1 has the lower addresses, lb2
	// the higher ones.
	OursOn       string
	Ours, Theirs side
	// Script is what happens; Feature says in docs/interop.md what it shows.
	Script  func(*duel)
	Feature string
	// Result is the word in docs/interop.md; empty: works.
	Result string
	// Full: the row is one more of a kind that another row shows, for runs that may
	// take longer.
	Full bool
}

// side is what may differ between the two of a pair.
type side struct {
	Priority  int
	NoPreempt bool
	Interval  time.Duration     // zero: 100 ms, and a second of version 2
	Extra     []netip.Prefix    // more addresses of the router outside
	Version   int               // zero: that of the trial
	Auth      string            // empty: that of the trial; "none"
	Checksum  vrrp.ChecksumForm // of the peer; empty: rfc5798
}

// ours and theirs are the two sides with nothing left to a default.
func (c trial) ours() side   { return c.whole(c.Ours) }
func (c trial) theirs() side { return c.whole(c.Theirs) }

func (c trial) whole(s side) side {
	s.Version = cmp.Or(s.Version, c.Version)
	if s.Interval == 0 {
		s.Interval = 100 * time.Millisecond
		if s.Version == 2 || c.Version == 2 { // which counts whole seconds
			s.Interval = time.Second
		}
	}
	s.Auth = cmp.Or(s.Auth, c.Auth)
	if s.Auth == "none" {
		s.Auth = ""
	}
	s.Checksum = cmp.Or(s.Checksum, vrrp.ChecksumRFC5798)
	return s
}

// checksum is the form that failover sends.
func (c trial) checksum() vrrp.ChecksumForm { return cmp.Or(c.Checksum, vrrp.ChecksumRFC5798) }

// calm is the number of adverts for which nothing may change once the pair has
// settled.
func (c trial) calm() uint64 {
	if c.Version == 2 {
		return 2
	}
	return 10
}

// network is one link of the pair with the virtual router on it.
type network struct {
	router, link string
	vrid         int
	virtual      []netip.Prefix        // the link-local one first
	source       map[string]netip.Addr // of multicast, by director
	unicast      map[string]netip.Addr
	client       netip.Addr // of the client outside
}

// macvlan is the interface with the virtual MAC that FRR needs.
func (n network) macvlan(family int) string { return fmt.Sprintf("vrrp%d-%d", family, n.vrid) }

// networks are the two virtual routers of an address family; both sides bind
// them together where they can.
func networks(family int) []network {
	at := func(lb1, lb2 string) map[string]netip.Addr {
		return map[string]netip.Addr{"lb1": netip.MustParseAddr(lb1), "lb2": netip.MustParseAddr(lb2)}
	}
	outside := network{router: "outside", link: "eth2", vrid: 51}
	inside := network{router: "inside", link: "eth1", vrid: 52}
	if family == 4 {
		outside.virtual = []netip.Prefix{netip.MustParsePrefix("172.20.10.4/28")}
		outside.source = at("172.20.10.5", "172.20.10.6")
		outside.client = netip.MustParseAddr("172.20.10.1")
		inside.virtual = []netip.Prefix{netip.MustParsePrefix("192.168.33.90/24")}
		inside.source = at("192.168.33.91", "192.168.33.94")
		outside.unicast, inside.unicast = outside.source, inside.source
		return []network{outside, inside}
	}
	// The link-local address that failover makes of the VRID, and one that is
	// written.
	outside.virtual = []netip.Prefix{
		netip.MustParsePrefix("fe80::200:5eff:fe00:233/64"), netip.MustParsePrefix("2001:db8:20::4/64"),
	}
	outside.source = at("fe80::5", "fe80::6")
	outside.unicast = at("2001:db8:20::5", "2001:db8:20::6")
	outside.client = netip.MustParseAddr("2001:db8:20::1")
	inside.virtual = []netip.Prefix{netip.MustParsePrefix("fe80::90/64"), netip.MustParsePrefix("2001:db8:33::90/64")}
	inside.source = at("fe80::91", "fe80::94")
	inside.unicast = at("2001:db8:33::91", "2001:db8:33::94")
	return []network{outside, inside}
}

// skew is Skew_Time of a router that has learned its master's interval (RFC 9568
// section 6.1); in version 2 it is a part of a second (RFC 3768 section 6.1).
func skew(version, priority int, interval time.Duration) time.Duration {
	if version == 2 {
		interval = time.Second
	}
	return interval * time.Duration(256-priority) / 256
}

// masterDown is Master_Down_Interval (the same sections).
func masterDown(version, priority int, interval time.Duration) time.Duration {
	return 3*interval + skew(version, priority, interval)
}
