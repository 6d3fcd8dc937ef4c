// Package host writes the settings of the machine that the configuration needs:
// sysctls, our nftables table, kernel modules. Policy computes one whole
// [Desired]; the [Reconciler] makes the machine agree and remembers what was
// there before, so that release can put it back.
package host

import (
	"net/netip"

	"failover/lvs"
)

// Desired is every setting of the machine that we want, whole.
type Desired struct {
	Modules []string          // in order of loading; already built in is fine
	Sysctls map[string]string // "net.ipv4.ip_forward" -> "1"
	Guard   Guard
}

// Guard is what our nftables table drops after IPVS has had its turn: packets to
// a configured service that IPVS did not take (the machine's own TCP would
// answer them with a reset), and, for nat, forwarded replies of a configured
// real server that IPVS did not translate. Clients retransmit instead.
//
// A service with a real server on this very machine must not be in it: IPVS hands
// such packets to the machine itself, and they look like those it did not take.
//
// It also keeps the machine from accepting packets to virtual addresses where
// Accept_Mode is False (RFC 9568 section 6.1): but for VRRP, neighbour discovery,
// ARP, which does not pass here, and what IPVS takes.
type Guard struct {
	Services []lvs.Key
	Replies  []lvs.Key // real servers of nat services, as source address and port
	// Refusals are the services that are to have a server that takes connections.
	// While the kernel's entry has none for a moment, between its return after
	// ipvsadm -C and its first server, IPVS refuses who comes (ip_vs_leave, ICMP port
	// unreachable); that does not leave the machine. A service that is down by its
	// checks is not in it: its clients learn so at once.
	Refusals []lvs.Key
	// Closed are the addresses that are not accepted, Here the services with a real
	// server on this machine, which pass all the same.
	Closed []netip.Addr
	Here   []lvs.Key
}

// Report is what one [Reconciler.Set] or [Reconciler.Restore] did.
type Report struct {
	Modules []string // loaded now
	Sysctls []Change // written now
	// GuardWritten tells that the table was written: new, changed, or put back.
	GuardWritten bool
	// GuardStands tells that the kernel has the guard as wished, or that none is
	// wished and none is there.
	GuardStands bool
}

// Change is one sysctl that was written.
type Change struct {
	Name     string
	From, To string
}
