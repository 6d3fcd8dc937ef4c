// Package lvs keeps the kernel's IPVS table equal to a wanted one.
//
// [Table] is the model, [Diff] the pure comparison, [Reconciler] the loop that
// carries the difference out through a [Kernel]. Nothing here imports netlink:
// lvs/ipvs speaks to the kernel, lvstest is a fake that refuses what Linux
// refuses. The table is never flushed; entries that are not ours are left alone.
package lvs

import (
	"fmt"
	"net/netip"
)

// Forward is the packet forwarding method (ipvsadm -m, -g, -i).
type Forward string

// The forwarding methods.
const (
	NAT Forward = "nat" // masquerading
	DR  Forward = "dr"  // direct routing, ipvsadm's gatewaying
	TUN Forward = "tun" // IP-in-IP tunnelling
)

// Service flags, as the kernel numbers them (include/uapi/linux/ip_vs.h). What
// the three scheduler flags mean depends on the scheduler. The kernel's own
// IP_VS_SVC_F_HASHED (0x2) never appears here.
const (
	FlagPersistent uint32 = 0x1
	FlagOnePacket  uint32 = 0x4
	FlagSched1     uint32 = 0x8  // sh-fallback, mh-fallback
	FlagSched2     uint32 = 0x10 // sh-port, mh-port
	FlagSched3     uint32 = 0x20
)

// Service is one virtual service with its real servers.
type Service struct {
	Key       Key
	Scheduler string // as the kernel names it: rr, wlc, …
	Flags     uint32
	Timeout   uint32 // persistence in seconds, with FlagPersistent
	// Mask is the persistence granularity as a prefix length; 0 is the whole
	// address. MaskOther stands for a mask that is no prefix.
	Mask uint8
	// Engine is the persistence engine (sip); empty: none.
	Engine string
	// Servers stand in the order of the file. The kernel's own order is the
	// reverse of insertion; Dump turns it round, so that the two compare.
	Servers []Server
}

// MaskOther is the [Service] Mask of a kernel entry whose netmask is not
// contiguous. Nothing we want ever has it.
const MaskOther = 255

// Server is one real server of a service.
type Server struct {
	Address netip.AddrPort
	Forward Forward
	Weight  int // 0 quiesces: no new connections
	// Upper and Lower are the thresholds of connections; 0: none.
	Upper, Lower uint32
	// Tunnel is the encapsulation of Forward TUN; the zero value is IP-in-IP.
	Tunnel Tunnel
	// ConfiguredWeight is the weight the configuration gives, which a server keeps
	// while it is quiesced; 0: same as Weight. It counts for a server of weight 0
	// under mh, whose scheduler goes by the last weight that was not 0: [Diff] sees to
	// it that this is the last one. The kernel does not tell it; in a table that was
	// read it is what the [Reconciler] knows, 0 where that is nothing, and -1 where
	// anything is possible.
	ConfiguredWeight int
}

// Tunnel is the encapsulation of a tunnelled server, as the kernel numbers it
// (include/uapi/linux/ip_vs.h).
type Tunnel struct {
	Type  uint8  // TunnelIPIP, TunnelGUE or TunnelGRE
	Port  uint16 // UDP destination port of GUE, never 0 with it
	Flags uint16 // checksum: 0 none, 1 csum (gue, gre), 2 remcsum (gue)
}

// The kinds of tunnel. GUE and GRE need Linux 5.3.
const (
	TunnelIPIP uint8 = 0
	TunnelGUE  uint8 = 1
	TunnelGRE  uint8 = 2
)

// Table is an IPVS table: what the kernel has, or what it should have.
type Table struct {
	Services []Service
	Sync     []Sync
	Timeouts Timeouts
}

// Counters are the kernel's 64-bit statistics of a service or a server.
type Counters struct {
	Connections, PacketsIn, PacketsOut, BytesIn, BytesOut uint64
}

// ServerStats is the live part of a real server's entry.
type ServerStats struct {
	Active, Inactive uint32
	// Persistent counts the clients that persistence binds to the server.
	Persistent uint32
	Counters
}

// OpKind is what an [Op] does.
type OpKind string

// The operations, as the kernel's generic netlink commands name them.
const (
	AddService OpKind = "add-service"
	SetService OpKind = "set-service"
	DelService OpKind = "del-service"
	AddServer  OpKind = "add-server"
	SetServer  OpKind = "set-server"
	DelServer  OpKind = "del-server"
	StartSync  OpKind = "start-sync"
	StopSync   OpKind = "stop-sync"
	// SetTimeouts sets the timeouts of connections that are not 0.
	SetTimeouts OpKind = "set-timeouts"
	// Zero resets the counters of a service and its servers, or of all where the
	// operation names none. No difference calls for it.
	Zero OpKind = "zero"
)

// Op is one change of the kernel's table. Service carries key and attributes
// (its Servers are ignored); Server is set for the server operations, Sync for
// the sync operations, Timeouts for theirs.
type Op struct {
	Kind     OpKind
	Service  Service
	Server   Server
	Sync     Sync
	Timeouts Timeouts
	Reason   string // for people: "weight 1, was 3"
}

// String writes the operation for logs and plans.
func (o Op) String() string {
	switch o.Kind {
	case AddServer, SetServer, DelServer:
		return fmt.Sprintf("%s %s -r %s", o.Kind, o.Service.Key, o.Server.Address)
	case StartSync, StopSync:
		return fmt.Sprintf("%s %s", o.Kind, o.Sync.Role)
	case SetTimeouts:
		return fmt.Sprintf("%s %s", o.Kind, o.Timeouts)
	case Zero:
		if o.Service.Key == (Key{}) {
			return string(o.Kind)
		}
		return fmt.Sprintf("%s %s", o.Kind, o.Service.Key)
	default:
		return fmt.Sprintf("%s %s", o.Kind, o.Service.Key)
	}
}
