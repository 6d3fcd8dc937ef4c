// Package host writes the settings of the machine that the configuration needs:
// sysctls, our nftables table, kernel modules. Policy computes one whole
// [Desired]; the [Reconciler] makes the machine agree and remembers what was
// there before, so that release can put it back.
package host

import "failover/lvs"

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
type Guard struct {
	Services []lvs.Key
	Replies  []lvs.Key // real servers of nat services, as source address and port
}
