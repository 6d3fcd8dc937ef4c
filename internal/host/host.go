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
	Modules []string // in order of loading; already built in is fine
	// Sysctls has "net.ipv4.ip_forward" -> "1". What we have set and is no longer in
	// it gets its value of before, where it still has ours, forwarding aside, which
	// others may have come to need; nil is not empty: every sysctl stays as it is.
	//
	// Where it has net.ipv6.conf.all.forwarding, accept_ra is 2 on every interface
	// that a router has advertised a default route on: with 1 the kernel drops that.
	Sysctls map[string]string
	// Assumed are sysctls that somebody else sees to: they are compared, never
	// written.
	Assumed map[string]string
	Guard   Guard
	Marks   Marks
	// Masquerade are the services of nat whose clients' addresses are replaced by this
	// machine's own. It switches connection tracking on for the whole machine.
	Masquerade []Masquerade

	// Local are addresses of the loopback interface, where a real server of dr or tun
	// has those of its services. They come after the sysctls, and not at all where
	// those are not as they should be: without them the machine would answer ARP for the
	// addresses.
	Local   []netip.Addr
	Tunnels []Tunnel // come before the sysctls, which may be about their devices
	// Gateways are default routes, one a family at most.
	Gateways []netip.Addr
	// Clamps bound the size of segments that clients are told to send.
	Clamps []Clamp
}

// Clamp bounds the segments that clients of a service of TCP are told to send, so
// that they fit into a tunnel to this machine. Answers go without a tunnel.
type Clamp struct {
	Service lvs.Key    // address and port; port 0 is every port
	Server  netip.Addr // the tunnel's end here: the MTU of its interface counts
	Headers int        // what of that MTU is none of the segment, in bytes
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
	// Marked are the services by a firewall mark that somebody else sets: by their
	// mark, which is all that is known of them.
	Marked  []lvs.Key
	Replies []lvs.Key // real servers of nat services, as source address and port
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

// Marks is what gets a firewall mark, right before IPVS looks for one.
type Marks struct {
	Services []Mark
	// Directors are the other directors that have a service's real server on
	// themselves. What comes straight from their network cards has been balanced by
	// them: it is not marked, so that it is not balanced again and sent back. The
	// hardware addresses are the kernel's, by neighbour discovery.
	Directors []netip.Addr
	// Tunnels are the names of the interfaces by which balanced packets arrive in a
	// tunnel.
	Tunnels []string
}

// Mark is one address and port whose packets get a mark.
type Mark struct {
	Service lvs.Key // protocol, address and port
	Mark    uint32  // not 0
}

// Masquerade is one service at one of its nat servers.
type Masquerade struct {
	// Service is what clients connect to: protocol, address and port, 0 for every port;
	// or a mark.
	Service lvs.Key
	Server  netip.Addr
}

// Report is what one [Reconciler.Set] or [Reconciler.Restore] did.
type Report struct {
	Modules []string // loaded now
	Sysctls []Change // written now
	// Added has what was added to the machine or removed from it, in words.
	Added []string
	// Missing tells that another director, whose packets are not to be marked, has not
	// been found: it is worth looking again soon.
	Missing bool
	// GuardWritten tells that the table was written: new, changed, or put back.
	GuardWritten bool
	// GuardStands tells that the kernel has the table as wished, or that none is
	// wished and none is there.
	GuardStands bool
}

func (r *Report) did(what string) { r.Added = append(r.Added, what) }

// Change is one sysctl that was written.
type Change struct {
	Name     string
	From, To string
}
