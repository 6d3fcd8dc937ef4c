package interop

import (
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
	// OursOn is the director that runs failover: lb1 has the lower addresses, lb2
	// the higher ones.
	OursOn       string
	Ours, Theirs side
	// Script is what happens; Feature says in docs/interop.md what it shows.
	Script  func(*duel)
	Feature string
	// Result is the word in docs/interop.md; empty: works.
	Result string
}

// side is what may differ between the two of a pair.
type side struct {
	Priority  int
	NoPreempt bool
	Interval  time.Duration  // 100 ms when zero
	Extra     []netip.Prefix // more addresses of the router outside
}

func (s side) every() time.Duration {
	if s.Interval == 0 {
		return 100 * time.Millisecond
	}
	return s.Interval
}

// network is one link of the pair with the virtual router on it.
type network struct {
	router, link string
	vrid         int
	virtual      netip.Prefix
	source       map[string]netip.Addr // by director
}

// networks are the two virtual routers of an address family; both sides bind
// them together where they can.
func networks(family int) []network {
	if family != 4 {
		panic("no addresses for this family")
	}
	return []network{
		{"outside", "eth2", 51, netip.MustParsePrefix("172.20.10.4/28"), map[string]netip.Addr{
			"lb1": netip.MustParseAddr("172.20.10.5"), "lb2": netip.MustParseAddr("172.20.10.6"),
		}},
		{"inside", "eth1", 52, netip.MustParsePrefix("192.168.33.90/24"), map[string]netip.Addr{
			"lb1": netip.MustParseAddr("192.168.33.91"), "lb2": netip.MustParseAddr("192.168.33.94"),
		}},
	}
}

// skew is Skew_Time (RFC 9568 section 6.1) of a router that has learned its
// master's interval.
func skew(priority int, interval time.Duration) time.Duration {
	return interval * time.Duration(256-priority) / 256
}

// masterDown is Master_Down_Interval (RFC 9568 section 6.1).
func masterDown(priority int, interval time.Duration) time.Duration {
	return 3*interval + skew(priority, interval)
}
