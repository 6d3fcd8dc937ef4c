// Package conf turns failover.toml into a [Deployment] and a Deployment into
// what one director does, a [Node].
//
// One schema table is the source of every key: its type, range, default and
// documentation. What the reader did not consume is an unknown key. All errors
// are reported at once, each with file, line and column.
package conf

import (
	"crypto/sha256"
	"net/netip"
	"time"

	"failover/check"
	"failover/lvs"
	"failover/vrrp"
)

// Deployment is the whole file, checked, defaults filled in, the same on every
// machine.
type Deployment struct {
	Directors      []Director
	Daemon         Daemon
	VirtualRouters []VirtualRouter
	VirtualServers []VirtualServer
	IPVS           IPVS
	// Warnings are what is possible and unwise.
	Warnings Errors `json:"-"`
	// Unread are the secrets that only the service can read, where it is not the one
	// that has read the file.
	Unread Errors `json:"-"`
	// sums are those of VirtualServers, where a [File] has read them.
	sums [][sha256.Size]byte
}

// Director is one [director.NAME] table.
type Director struct {
	Name      string
	Addresses []netip.Addr
	Priority  uint8
	// PublicKey is base64 of 32 bytes (Ed25519), for the peer link; empty: none.
	PublicKey string `json:",omitempty"`
}

// Daemon is the [daemon] table.
type Daemon struct {
	Socket   string
	StateDir string
	// PrivateKey is the path of a file, PeerPort the TCP port of the peer link.
	PrivateKey string
	PeerPort   uint16
	// HTTPListen is where a director serves HTTP; the invalid address is nowhere.
	HTTPListen   PerDirector[netip.AddrPort]
	LogLevel     string
	LogFormat    string
	Realtime     bool
	ScriptUser   string
	ManageSysctl bool
}

// Node is what one director does: the deployment as seen by it.
type Node struct {
	Name string
	// Addresses are this director's own, from the file. The interface of
	// connection synchronisation is looked for by them where the file names none.
	Addresses []netip.Addr
	// PublicKey is this director's. PeerLink: each director has one.
	PublicKey string
	PeerLink  bool
	Daemon    Daemon
	Groups    []vrrp.GroupConfig
	Servers   []VirtualServer
	IPVS      IPVS
	// Tracks are those of all virtual routers, in the order of the file.
	Tracks []Track
	// Follow has the groups with follow_health, and its hold.
	Follow map[string]time.Duration
	// Hooks are those of the virtual routers that have any, in the order of the file.
	Hooks []Hooks
	// Sync is both roles of connection synchronisation; empty when it is off. An
	// empty Interface stands for the one that has one of Addresses.
	Sync   []lvs.Sync
	Digest string // config_digest of the whole deployment: "sha256:…"
	// Peers are the other directors, for status.
	Peers []Director
}

// VirtualRouter is one [virtual_router.NAME] table; values that may differ per
// director are resolved by Node.
type VirtualRouter struct {
	Name         string
	Group        string // its own name when the file gives none
	Interface    PerDirector[string]
	VRID         uint8
	Version      uint8
	Addresses    []VirtualAddress // of one family; of IPv6 the first one is link-local
	Priority     PerDirector[uint8]
	Interval     time.Duration
	Preempt      PerDirector[bool]
	PreemptDelay PerDirector[time.Duration]
	Transport    vrrp.Transport
	Source       PerDirector[netip.Addr]
	Peers        []netip.Addr
	Checksum     vrrp.ChecksumForm
	Auth         Secret `json:",omitzero"` // of version 2
	Lease        time.Duration
	Announce     vrrp.Announce
	VirtualMAC   bool `json:",omitempty"`
	NoAccept     bool `json:",omitempty"` // accept = false
	Incompatible vrrp.Incompatible
	Routes       PerDirector[[]vrrp.Route] `json:",omitzero"`
	Rules        PerDirector[[]vrrp.Rule]  `json:",omitzero"`
	Tracks       []TrackConfig             `json:",omitempty"` // track_interfaces first
	FollowHealth time.Duration             `json:",omitempty"` // its hold; 0: it is off
	Notify       []string                  `json:",omitempty"` // a program and its arguments
	TakeOver     *TakeOver                 `json:",omitempty"`
}

// IPv6 tells the family of a router.
func (r VirtualRouter) IPv6() bool {
	return len(r.Addresses) > 0 && r.Addresses[0].Prefix.Addr().Is6()
}

// PerDirector is a value of each director. Where all have the same it stands in
// All and ByName is nil; otherwise ByName has every director of the deployment.
type PerDirector[T any] struct {
	All    T
	ByName map[string]T `json:",omitempty"`
}

// For returns the value for one director.
func (p PerDirector[T]) For(name string) T {
	if v, ok := p.ByName[name]; ok {
		return v
	}
	return p.All
}

// VirtualServer is one service of a [virtual_server.NAME] table: one address and
// protocol, or a firewall mark. A table with several addresses or protocols makes
// one each; they share the name, the real servers and their checks, and a command
// that names it means all of them.
type VirtualServer struct {
	Name string
	Key  lvs.Key
	// Match is what carries the mark of a service by firewall mark, where we set the
	// marks ourselves: protocol, address and port. Empty: somebody else marks.
	Match         []lvs.Key `json:",omitempty"`
	VirtualRouter string    // the router that has the address; "none" for routed blocks
	Scheduler     string
	Flags         uint32 // of the scheduler, persistent and one-packet, as lvs.Service has them
	Forward       lvs.Forward
	// Persistence is how long a client stays with its server, in whole seconds;
	// 0: for a connection only. PersistenceMask is how much of the client's address
	// counts, as a prefix length; 0: all of it.
	Persistence       time.Duration `json:",omitempty"`
	PersistenceMask   uint8         `json:",omitempty"`
	PersistenceEngine string        `json:",omitempty"` // sip
	// Masquerade gives forwarded packets of NAT the director's own source address.
	Masquerade bool `json:",omitempty"`
	// Quorum is the weight that must be up; a service at work goes below it by more
	// than Hysteresis before it counts as down, and one that is down above it by as
	// much before it counts as up.
	Quorum     int
	Hysteresis int         `json:",omitempty"`
	Sorry      *RealServer `json:",omitempty"` // takes over below quorum; it has no checks
	// Quiesce keeps a real server that is down in the table with weight 0
	// (on_failure).
	Quiesce bool `json:",omitempty"`
	// ExpireDown ends the connections of a real server that went down
	// (on_server_down).
	ExpireDown   bool          `json:",omitempty"`
	DrainTimeout time.Duration `json:",omitempty"` // 0: as long as it takes
	Notify       []string      `json:",omitempty"` // a program and its arguments
	Servers      []RealServer
}

// RealServer is one real server of a virtual server.
type RealServer struct {
	Name    string
	Address netip.AddrPort
	Forward lvs.Forward
	Tunnel  lvs.Tunnel `json:",omitzero"` // of Forward TUN
	Weight  int
	// Upper and Lower are max_connections and min_connections, the thresholds of
	// IPVS; 0: none.
	Upper  uint32       `json:",omitempty"`
	Lower  uint32       `json:",omitempty"`
	Checks []check.Spec // all must pass; empty: counts as up
}

// IPVS is the [ipvs] table.
type IPVS struct {
	Resync time.Duration // how soon a foreign change is put back
	Sync   *SyncConfig
	// RemoveOnStop is on_stop = "remove": a stop takes the table along, once the
	// connections have ended, after StopTimeout at most.
	RemoveOnStop bool          `json:",omitempty"`
	StopTimeout  time.Duration `json:",omitempty"`
	// The kernel's timeouts of connections, in whole seconds; 0: as they are.
	TCPTimeout    time.Duration `json:",omitempty"`
	TCPFinTimeout time.Duration `json:",omitempty"`
	UDPTimeout    time.Duration `json:",omitempty"`
}

// SyncConfig is the [ipvs.sync] table.
type SyncConfig struct {
	Enabled   bool
	Interface PerDirector[string] // empty: the one that has the director's address
	ID        int
	Group     netip.Addr
	Port      uint16
	TTL       uint8
	MaxLen    uint16 `json:",omitempty"` // of a message, in bytes; 0: by the interface's MTU
}
