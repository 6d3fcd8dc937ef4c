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

// Protocol is the transport protocol of a virtual service.
type Protocol string

// The protocols.
const (
	TCP Protocol = "tcp"
	UDP Protocol = "udp"
)

// Forward is the packet forwarding method (ipvsadm -m, -g, -i).
type Forward string

// The forwarding methods.
const (
	NAT Forward = "nat" // masquerading
	DR  Forward = "dr"  // direct routing, ipvsadm's gatewaying
	TUN Forward = "tun" // IP-in-IP tunnelling
)

// Key names a virtual service in the kernel's table.
type Key struct {
	Protocol Protocol
	Address  netip.AddrPort
}

// String gives the key as ipvsadm writes it: "-t 172.20.10.4:80".
func (k Key) String() string {
	if k.Protocol == UDP {
		return "-u " + k.Address.String()
	}
	return "-t " + k.Address.String()
}

// Scheduler flags, as the kernel numbers them (include/uapi/linux/ip_vs.h,
// IP_VS_SVC_F_SCHED1 to 3). Their meaning depends on the scheduler.
const (
	FlagPersistent uint32 = 0x1
	FlagSched1     uint32 = 0x8  // sh-fallback, mh-fallback
	FlagSched2     uint32 = 0x10 // sh-port, mh-port
)

// Service is one virtual service with its real servers.
type Service struct {
	Key       Key
	Scheduler string // as the kernel names it: rr, wlc, …
	Flags     uint32 // scheduler flags only
	// Servers stand in the order of the file. The kernel's own order is the
	// reverse of insertion; Dump turns it round, so that the two compare.
	Servers []Server
}

// Server is one real server of a service.
type Server struct {
	Address netip.AddrPort
	Forward Forward
	Weight  int // 0 quiesces: no new connections
}

// Role is one of the two sync daemon roles of the kernel.
type Role string

// The roles. Both may run at once.
const (
	SyncMaster Role = "master"
	SyncBackup Role = "backup"
)

// Sync is the connection synchronisation of one role (ipvsadm --start-daemon).
type Sync struct {
	Role      Role
	Interface string
	ID        int // syncid, 0–255
	Group     netip.Addr
	Port      uint16
	TTL       uint8
}

// Table is an IPVS table: what the kernel has, or what it should have.
type Table struct {
	Services []Service
	Sync     []Sync
}

// Counters are the kernel's 64-bit statistics of a service or a server.
type Counters struct {
	Connections, PacketsIn, PacketsOut, BytesIn, BytesOut uint64
}

// ServerStats is the live part of a real server's entry.
type ServerStats struct {
	Active, Inactive uint32
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
)

// Op is one change of the kernel's table. Service carries key and attributes
// (its Servers are ignored); Server is set for the server operations, Sync for
// the sync operations.
type Op struct {
	Kind    OpKind
	Service Service
	Server  Server
	Sync    Sync
	Reason  string // for people: "weight 1, was 3"
}

// String writes the operation for logs and plans.
func (o Op) String() string {
	switch o.Kind {
	case AddServer, SetServer, DelServer:
		return fmt.Sprintf("%s %s -r %s", o.Kind, o.Service.Key, o.Server.Address)
	case StartSync, StopSync:
		return fmt.Sprintf("%s %s", o.Kind, o.Sync.Role)
	default:
		return fmt.Sprintf("%s %s", o.Kind, o.Service.Key)
	}
}
