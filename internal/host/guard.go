package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"failover/lvs"
)

// The guard is the table `inet failover`:
//
//	chain input    hook input, priority 110: drop what is for a service, and what is
//	               for an address that the machine does not accept
//	chain forward  hook forward, priority 110: drop what comes from a real server
//	chain output   hook output, priority 110: drop refusals of our own machine
//
// IPVS sits at these hooks (net/netfilter/ipvs/ip_vs_core.c, ip_vs_ops4 and
// ip_vs_ops6, the same from Linux 5.10 to 6.12):
//
//	input    98  replies of nat servers get the service's address
//	input    99  requests are scheduled; what IPVS takes ends here
//	forward  99  ICMP about connections of IPVS
//	forward 100  replies of nat servers get the service's address
//
// So at 110 a packet to a service is one that IPVS did not take, and a packet
// that still has a nat server's address and port as its source is one that it
// did not translate. Nothing in the table looks at connection tracking, which
// the kernel would switch on for the whole machine.
const priority = 110

// The names of ours.
const tableName = "failover"

// rule is one rule of the guard: what is in its set does not pass, or does, past
// the rules after it.
type rule struct {
	set     string
	chain   string
	by      end
	v6      bool
	pass    bool
	comment string // no two alike: the counter is found by it
}

// end is the address and port of a packet that a rule looks up, or the address.
type end int

const (
	destination end = iota
	source
	embedded // the destination of the packet that an ICMP port unreachable is about
	address  // the destination without a port; not of VRRP, nor of what the machine sends itself
	sought   // the destination, without a port, of a message of neighbour discovery
)

// rules is every rule there can be, in their order.
var rules = []rule{
	{"services4", "input", destination, false, false, "IPv4 to a service, not taken by IPVS"},
	{"services6", "input", destination, true, false, "IPv6 to a service, not taken by IPVS"},
	// What IPVS has handed to a real server on this machine looks like what it has not
	// taken.
	{"here4", "input", destination, false, true, "IPv4 to a service with a server here"},
	{"here6", "input", destination, true, true, "IPv6 to a service with a server here"},
	// RFC 9568 section 6.1: they MUST NOT be dropped when Accept_Mode is False.
	{"closed6", "input", sought, true, true, "neighbour discovery"},
	{"closed4", "input", address, false, false, "IPv4 to an address with accept = false"},
	{"closed6", "input", address, true, false, "IPv6 to an address with accept = false"},
	{"replies4", "forward", source, false, false, "IPv4 from a nat server, not translated by IPVS"},
	{"replies6", "forward", source, true, false, "IPv6 from a nat server, not translated by IPVS"},
	{"refusals4", "output", embedded, false, false, "IPv4 refusal of a service whose servers are on their way"},
	{"refusals6", "output", embedded, true, false, "IPv6 refusal of a service whose servers are on their way"},
}

// ruleset is a guard as the kernel has it: by name of the set the keys in it, in
// order, none empty. A set stands for its rule.
type ruleset map[string][]string

// rulesetOf makes the ruleset of a guard.
func rulesetOf(g Guard) ruleset {
	sets := ruleset{}
	add := func(name string, keys []lvs.Key) {
		for _, k := range keys {
			address := k.Address.Addr().Unmap()
			if !address.IsValid() || k.Address.Port() == 0 {
				continue // nothing that could be matched
			}
			set := name + "4"
			if address.Is6() {
				set = name + "6"
			}
			sets[set] = append(sets[set], elementKey(address, k.Protocol, k.Address.Port()))
		}
	}
	add("services", g.Services)
	add("replies", g.Replies)
	add("refusals", g.Refusals)
	for _, a := range g.Closed {
		set := "closed4"
		if a.Is6() {
			set = "closed6"
		}
		sets[set] = append(sets[set], string(a.AsSlice()))
	}
	if len(g.Closed) > 0 {
		add("here", g.Here)
	}
	for name, keys := range sets {
		slices.Sort(keys)
		sets[name] = slices.Compact(keys)
	}
	return sets
}

func (r ruleset) equal(other ruleset) bool {
	return maps.EqualFunc(r, other, slices.Equal[[]string])
}

// elementKey is address . protocol . port as nftables joins them: each part
// padded to four bytes.
func elementKey(a netip.Addr, p lvs.Protocol, port uint16) string {
	var b bytes.Buffer
	b.Write(a.AsSlice())
	protocol := byte(unix.IPPROTO_TCP)
	if p == lvs.UDP {
		protocol = unix.IPPROTO_UDP
	}
	b.Write([]byte{protocol, 0, 0, 0})
	b.Write(binary.BigEndian.AppendUint16(nil, port))
	b.Write([]byte{0, 0})
	return b.String()
}

// table is our table in the kernel.
type table interface {
	// read returns what is there. exact is false where the table is there but holds
	// anything else than the rules of r; then r means nothing.
	read() (found bool, r ruleset, exact bool, err error)
	// replace makes r the whole table in one transaction; packets meet the old
	// rules or the new ones, never none. An empty r removes the table.
	replace(r ruleset) error
}

// without tells that the kernel has no nftables at all, which matters only where
// there is something to guard.
func without(err error) bool {
	return errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL)
}

// applyGuard makes the kernel's table r, and writes only where it is not.
func applyGuard(t table, r ruleset) (written bool, err error) {
	// A dump that another program's change cuts in two is not the truth: what looks
	// wrong is read once more before it is written.
	for range 2 {
		found, has, exact, err := t.read()
		if len(r) == 0 && without(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !found && len(r) == 0 || found && exact && len(r) > 0 && has.equal(r) {
			return false, nil
		}
	}
	return true, t.replace(r)
}
