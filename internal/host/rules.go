package host

import (
	"github.com/google/nftables"
)

// Our table is `inet failover`. IPVS sits at these hooks
// (net/netfilter/ipvs/ip_vs_core.c, ip_vs_ops4 and ip_vs_ops6, the same from Linux
// 5.10 to 6.12):
//
//	input    98  replies of nat servers get the service's address
//	input    99  requests are scheduled; what IPVS takes ends here
//	forward  99  ICMP about connections of IPVS
//	forward 100  replies of nat servers get the service's address
//	output  −99  replies of this machine's own servers
//	output  −98  requests of this machine's own clients
//
// So at 110 a packet to a service is one that IPVS did not take, and a packet
// that still has a nat server's address and port as its source is one that it
// did not translate. A mark has to be there before 98 and −99. It is set as late
// as can be: routing and everybody's filters have used the mark that a packet came
// with by then, and IPVS compares the whole mark (ip_vs_service_find), so that it
// cannot keep a foreign one beside ours.
//
// What is to be masqueraded behind IPVS is known by a mark too: the address that
// the client connected to is in the packet no more, and conntrack's memory of it
// (ct original daddr) is not in a form that every nft can list beside other keys.
//
// Nothing in the table looks at connection tracking, which the kernel would switch
// on for the whole machine, but for masquerade, which is nothing else.
var chains = []chain{
	{"before", nftables.ChainTypeFilter, nftables.ChainHookInput, 90},
	{"before_local", nftables.ChainTypeFilter, nftables.ChainHookOutput, -110},
	{"input", nftables.ChainTypeFilter, nftables.ChainHookInput, 110},
	{"forward", nftables.ChainTypeFilter, nftables.ChainHookForward, 110},
	{"output", nftables.ChainTypeFilter, nftables.ChainHookOutput, 110},
	{"clamp", nftables.ChainTypeFilter, nftables.ChainHookOutput, -150},
	{"postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, 100},
}

// The marks from 0xF0000000 on are ours alone: no service has one. masqueraded is
// that of services by address.
const masqueraded uint32 = 0xF0000001

// chain is one place in the packets' way.
type chain struct {
	name     string
	kind     nftables.ChainType
	hook     *nftables.ChainHook
	priority nftables.ChainPriority
}

// rule is one rule: what is in its set meets its verdict, and no rule after it in
// the chain. It stands where its set has elements.
type rule struct {
	set     string
	chain   string
	by      end
	v6      bool
	does    verdict
	comment string // no two alike: the counter is found by it
}

// verdict is what a rule does.
type verdict int

const (
	drop verdict = iota
	pass
	mark       // gives the mark that the set, a map, has for the key
	masquerade // replaces the source address by this machine's own
	clamp      // makes the maximum segment size what the map has for the key, where it is larger
)

// end is the part of a packet that a rule looks up.
type end int

const (
	destination end = iota // address, protocol and port
	source
	whole    // the destination's address and protocol
	embedded // the destination of the packet that an ICMP port unreachable is about
	address  // the destination without a port; not of VRRP, nor of what the machine sends itself
	sought   // the destination, without a port, of a message of neighbour discovery
	sender   // the hardware address that it came from, of either family
	arrival  // the name of the interface that it came by, of either family
	marked   // its mark
	answer   // the source, as source, of a SYN of TCP
	answers  // the source's address and protocol, of a SYN of TCP
	forWhom  // its mark and the address of its destination
)

// rules is every rule there can be, in their order.
var rules = []rule{
	{"directors", "before", sender, false, pass, "balanced by another director"},
	{"tunnels", "before", arrival, false, pass, "balanced by another director, by tunnel"},
	{"wholes4", "before", whole, false, mark, "IPv4 to a masqueraded service of every port"},
	{"wholes6", "before", whole, true, mark, "IPv6 to a masqueraded service of every port"},
	{"marks4", "before", destination, false, mark, "IPv4 to a service by mark"},
	{"marks6", "before", destination, true, mark, "IPv6 to a service by mark"},
	{"wholes4", "before_local", whole, false, mark, "IPv4 of this machine to a masqueraded service of every port"},
	{"wholes6", "before_local", whole, true, mark, "IPv6 of this machine to a masqueraded service of every port"},
	{"marks4", "before_local", destination, false, mark, "IPv4 of this machine to a service by mark"},
	{"marks6", "before_local", destination, true, mark, "IPv6 of this machine to a service by mark"},
	{"services4", "input", destination, false, drop, "IPv4 to a service, not taken by IPVS"},
	{"services6", "input", destination, true, drop, "IPv6 to a service, not taken by IPVS"},
	{"marked4", "input", marked, false, drop, "IPv4 with the mark of a service, not taken by IPVS"},
	{"marked6", "input", marked, true, drop, "IPv6 with the mark of a service, not taken by IPVS"},
	// What IPVS has handed to a real server on this machine looks like what it has not
	// taken.
	{"here4", "input", destination, false, pass, "IPv4 to a service with a server here"},
	{"here6", "input", destination, true, pass, "IPv6 to a service with a server here"},
	{"whole4", "input", whole, false, drop, "IPv4 to a service of every port, not taken by IPVS"},
	{"whole6", "input", whole, true, drop, "IPv6 to a service of every port, not taken by IPVS"},
	// RFC 9568 section 6.1: they MUST NOT be dropped when Accept_Mode is False.
	{"closed6", "input", sought, true, pass, "neighbour discovery"},
	{"closed4", "input", address, false, drop, "IPv4 to an address with accept = false"},
	{"closed6", "input", address, true, drop, "IPv6 to an address with accept = false"},
	{"replies4", "forward", source, false, drop, "IPv4 from a nat server, not translated by IPVS"},
	{"replies6", "forward", source, true, drop, "IPv6 from a nat server, not translated by IPVS"},
	{"refusals4", "output", embedded, false, drop, "IPv4 refusal of a service whose servers are on their way"},
	{"refusals6", "output", embedded, true, drop, "IPv6 refusal of a service whose servers are on their way"},
	{"clamps4", "clamp", answer, false, clamp, "IPv4 answer for a client who sends by a tunnel"},
	{"clamps6", "clamp", answer, true, clamp, "IPv6 answer for a client who sends by a tunnel"},
	// A service of one port may be clamped by both: the smaller size is what stays.
	{"clampsall4", "clamp", answers, false, clamp, "IPv4 answer of any port for a client who sends by a tunnel"},
	{"clampsall6", "clamp", answers, true, clamp, "IPv6 answer of any port for a client who sends by a tunnel"},
	{"masked4", "postrouting", forWhom, false, masquerade, "IPv4 to a nat server that does not route back"},
	{"masked6", "postrouting", forWhom, true, masquerade, "IPv6 to a nat server that does not route back"},
}

// value is the type of what a map has for a key; ok is false for a set.
func (d rule) value() (t nftables.SetDatatype, ok bool) {
	switch d.does {
	case mark:
		return nftables.TypeMark, true
	case clamp:
		return nftables.TypeInetService, true // a number of two bytes
	}
	return t, false
}

// key is the type of the set's elements, in parts.
func (d rule) key() []nftables.SetDatatype {
	ip := nftables.TypeIPAddr
	if d.v6 {
		ip = nftables.TypeIP6Addr
	}
	switch d.by {
	case destination, source, answer, embedded:
		return []nftables.SetDatatype{ip, nftables.TypeInetProto, nftables.TypeInetService}
	case whole, answers:
		return []nftables.SetDatatype{ip, nftables.TypeInetProto}
	case address, sought:
		return []nftables.SetDatatype{ip}
	case sender:
		return []nftables.SetDatatype{nftables.TypeEtherAddr}
	case arrival:
		return []nftables.SetDatatype{nftables.TypeIFName}
	case marked:
		return []nftables.SetDatatype{nftables.TypeMark}
	case forWhom:
		return []nftables.SetDatatype{nftables.TypeMark, ip}
	}
	panic("host: no such end")
}
