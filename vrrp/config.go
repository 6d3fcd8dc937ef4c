package vrrp

import (
	"math"
	"net/netip"
	"time"
)

// Instant is a reading of the boot clock (CLOCK_BOOTTIME): the time since the
// machine started, suspend included. It outlives a process, not a boot.
type Instant time.Duration

// Never is later than every deadline.
const Never Instant = math.MaxInt64

// Add returns the instant d later; Never stays Never.
func (t Instant) Add(d time.Duration) Instant {
	if t == Never {
		return Never
	}
	return t + Instant(d)
}

// Sub returns the time from u to t.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }

// Transport is the way adverts travel.
type Transport string

// The transports. Unicast goes to the listed peers only, and only they are
// believed.
const (
	Multicast Transport = "multicast"
	Unicast   Transport = "unicast"
)

// ChecksumForm tells which bytes the checksum of an IPv4 VRRPv3 advert covers.
type ChecksumForm string

// The two forms in use. Both are accepted on receipt; the configuration chooses
// what is sent.
const (
	// ChecksumRFC5798 covers the pseudo-header too (RFC 5798 section 5.2.8); it is
	// what keepalived and FRR send and demand by default.
	ChecksumRFC5798 ChecksumForm = "rfc5798"
	// ChecksumRFC9568 covers the message only (RFC 9568 section 5.2.8).
	ChecksumRFC9568 ChecksumForm = "rfc9568"
)

// GroupConfig is what the configuration says of one group on this director.
// Routers keep the order of the file: the first one decides ties.
type GroupConfig struct {
	Name         string
	Priority     uint8         // 1–254; 255 is the address owner
	Full         uint8         // effective priority in full health, bonuses included; 0: Priority
	Preempt      bool          // false keeps a master of lower priority that is as healthy as we are
	PreemptDelay time.Duration // how long a master of lower priority is kept
	Routers      []RouterConfig
}

// RouterConfig is one virtual router of a group on this director.
type RouterConfig struct {
	Name      string
	Interface string
	VRID      uint8 // 1–255 (RFC 9568 section 5.2.3)
	// Version is 2 or 3; 0 stands for 3. IPv6 has version 3 only.
	Version uint8
	// Interval is Advertisement_Interval: of version 3 10 ms–40.95 s in steps of
	// 10 ms, of version 2 1–255 s in steps of 1 s.
	Interval time.Duration
	// Addresses are never empty, all of one family, which is the router's, and not all
	// of them unadvertised; for IPv6 the first one is the virtual router's link-local
	// address (RFC 9568 section 5.2.9).
	Addresses []Address
	// Source is the sender's address of our adverts, the primary address of
	// RFC 9568; multicast over IPv6 has a link-local one. Invalid: the interface's
	// own choice, learned from its links.
	Source    netip.Addr
	Transport Transport
	Peers     []netip.Addr // unicast: where adverts go and whom we believe
	Checksum  ChecksumForm // of version 3 for IPv4
	Auth      Password     // of version 2
	// Incompatible: towards a neighbour that discards our adverts and goes on; "" is
	// Yield.
	Incompatible Incompatible
	Lease        time.Duration // valid lifetime of the addresses, at least 3 s
	// Routes and Rules are there while the addresses are, in this order.
	Routes   []Route `json:",omitempty"`
	Rules    []Rule  `json:",omitempty"`
	Announce Announce
	// VirtualMAC puts the addresses, and the adverts, at the virtual router's MAC
	// address (RFC 9568 section 7.3) instead of the interface's own.
	VirtualMAC bool `json:",omitempty"`
	// NoAccept is Accept_Mode False (RFC 9568 section 6.1): the machine does not accept
	// packets to the addresses. The election does not look at it.
	NoAccept bool `json:",omitempty"`
	// OtherOwner says that another director owns the addresses. Its adverts come from
	// one of them, which this machine has while it stands in; hearing them is a setting
	// of the machine.
	OtherOwner bool `json:",omitempty"`
	// Fellows are the other directors of the deployment as far as the file tells
	// their source; what they lack of their full priority is their penalty.
	Fellows []Fellow `json:",omitempty"`
}

// IPv6 tells the family of a router: that of its addresses.
func (c *RouterConfig) IPv6() bool {
	return len(c.Addresses) > 0 && c.Addresses[0].Prefix.Addr().Is6()
}

// version is the version of the protocol that the router speaks.
func (c *RouterConfig) version() uint8 {
	if c.Version == Version2 {
		return Version2
	}
	return Version3
}

// Announce is the schedule of gratuitous ARP, of unsolicited neighbour
// advertisements for IPv6, after the addresses are up.
type Announce struct {
	Times   []time.Duration // after becoming master, ascending; empty: none
	Refresh time.Duration   // again this often while master; 0: never
}

// Health is what the director thinks of this machine's fitness for a group. It
// is sent whole; the newest one counts.
type Health struct {
	// Ready is false until the tables behind the addresses are in place. A group
	// that is not ready does not become master; one that is master stays it.
	Ready bool
	// Fault takes the group out of the election.
	Fault bool
	// Delta is added to the configured priority; the sum is kept within 1–254.
	Delta int
	// Lowest makes the group advertise priority 1, so that any healthy neighbour
	// takes over; where there is none it stays master.
	Lowest bool
	// Causes says why, for people. It never changes the election.
	Causes []Cause
}

// State is the state of a group and of each of its routers (RFC 9568 section 6.4;
// Master is the RFC's Active). Fault is ours: out of the election.
type State string

// The states.
const (
	Init   State = "init"
	Backup State = "backup"
	Master State = "master"
	Fault  State = "fault"
)

// CauseKind is the machine-readable part of a [Cause].
type CauseKind string

// The causes of a change of state or health.
const (
	CauseStarted       CauseKind = "started"         // the engine took the group up
	CauseAdopted       CauseKind = "adopted"         // was master moments ago, same boot
	CauseOwner         CauseKind = "owner"           // priority 255
	CauseTimeout       CauseKind = "timeout"         // Master_Down_Timer ran out
	CausePriorityZero  CauseKind = "priority-zero"   // the master resigned
	CauseHigher        CauseKind = "higher-priority" // a higher priority was heard
	CauseTie           CauseKind = "tie"             // equal priority, higher address
	CauseIncompatible  CauseKind = "incompatible"    // a neighbour discards our adverts and goes on
	CausePreempt       CauseKind = "preempt"         // the master had a lower priority
	CauseStalled       CauseKind = "stalled"         // this machine stood still
	CauseFault         CauseKind = "fault"           // health says fault
	CauseTrack         CauseKind = "track"           // a tracked object fails
	CauseTakeOver      CauseKind = "take-over"       // the take-over step failed
	CauseServers       CauseKind = "servers"         // no real server is up
	CauseMaintenance   CauseKind = "maintenance"     // the operator is at work on this machine
	CausePreferred     CauseKind = "preferred"       // the operator prefers another director
	CauseRecovered     CauseKind = "recovered"       // the fault is over
	CauseInterface     CauseKind = "interface"       // an interface is missing or down
	CauseStopped       CauseKind = "stopped"         // asked to stop
	CauseDirectorLost  CauseKind = "director-lost"   // the director process is gone
	CauseConfiguration CauseKind = "configuration"   // a reload changed the group
)

// Cause says why a state or a health is as it is.
type Cause struct {
	Kind   CauseKind
	Router string     `json:",omitempty"` // the virtual router it was seen on
	Peer   netip.Addr `json:",omitzero"`  // the neighbour that caused it
	Detail string     `json:",omitempty"` // words for people, complete in themselves
}

// Transition is one change of a group's state.
type Transition struct {
	At       Instant
	Group    string
	From, To State
	Priority uint8 // effective
	Cause    Cause
}

// RouterStatus is what status shows of one virtual router.
type RouterStatus struct {
	Group, Name, Interface string
	VRID                   uint8
	Version                uint8 // 2 or 3
	State                  State
	Since                  Instant
	Cause                  Cause
	Priority               uint8         // configured
	EffectivePriority      uint8         // as advertised; 0 while handing over
	MasterAddress          netip.Addr    `json:",omitzero"` // last known master, self included
	MasterPriority         uint8         // as last advertised by it
	MasterSeen             Instant       // when its last advert came; 0: never
	MasterInterval         time.Duration // as learned or configured
	Source                 netip.Addr    `json:",omitzero"`
	MAC                    MAC           // of the addresses; zero: the interface's own
	Device                 string        `json:",omitempty"` // that has MAC
	HoldsAddresses         bool          // the host has been told to hold them and said it does
	Transitions            uint64
	AdvertsSent            uint64
	AdvertsReceived        uint64
	AdvertsRejected        map[string]uint64 `json:",omitempty"` // by [Reject]
	Mismatches             map[string]uint64 `json:",omitempty"` // accepted, but odd: by [Mismatch]
	Neighbours             []Neighbour       `json:",omitempty"` // whose adverts were heard, by address
	SendErrors             uint64
	// OneSided is the other router of the group on which the master is heard while
	// this one hears nothing; empty: it is not so.
	OneSided    string `json:",omitempty"`
	HostError   string `json:",omitempty"` // why the addresses, routes and rules are not as wanted
	LateWakeups uint64 // of its group: deadlines noticed late by more than 10 ms or a tenth of the interval
}
