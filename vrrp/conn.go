package vrrp

import (
	"context"
	"net/netip"
	"slices"
)

// Conn is the engine's one wait and its only way to the wire. All methods but
// Wake belong to the goroutine that runs the engine. vrrp/linux implements it
// with ppoll on raw sockets; vrrptest with a simulated segment whose clock is
// that of the test's bubble.
type Conn interface {
	// Recv waits until a packet is there, Wake is called, or the boot clock reaches
	// deadline, whichever comes first, and returns the time of waking: the loop
	// reads no other clock. ok tells whether p was filled. A packet that is already
	// waiting is delivered before an expired deadline is believed. The payload
	// stays valid until the next Recv.
	Recv(deadline Instant, p *Packet) (now Instant, ok bool, err error)
	// Send transmits one advert. An error concerns this advert only.
	Send(Transmission) error
	// Open starts to receive on an interface; on one that is open it changes
	// nothing. Close ends that.
	Open(Port) error
	Close(Port) error
	// Wake makes a Recv in progress, or the next one, return at once. Any
	// goroutine may call it.
	Wake()
}

// Port is a place adverts are received: one per interface and family, however
// many virtual routers use it.
type Port struct {
	Interface string
	IPv6      bool
	Multicast bool // join 224.0.0.18, or ff02::12
}

// Packet is one received IP packet of protocol 112.
type Packet struct {
	Interface string
	Src, Dst  netip.Addr // without a zone: the interface is the zone
	TTL       uint8      // of IPv6 the hop limit
	Payload   []byte     // without the IP header
}

// Transmission is one advert to send; the header around it is made by Conn
// with TTL or hop limit 255 and traffic class 0xC0. Addresses have no zone.
type Transmission struct {
	Interface string
	MAC       MAC // the ethernet source; the zero one: the interface's own. Multicast only
	Src, Dst  netip.Addr
	Payload   []byte
}

// Host is the machine as the election sees it. Every call may block; the engine
// calls it from one ordered executor per group, never from the loop.
type Host interface {
	// Set makes the machine hold exactly these addresses, routes and rules for the
	// group, no more and no less, and renews the lease of the addresses. It is
	// level-triggered: calling it again with the same value changes nothing but the
	// remaining lifetime. What was not added by us is never touched. added tells how
	// many addresses were not there before, also when err is not nil. The error is a
	// [WayError] where the addresses are as wanted.
	Set(ctx context.Context, o Owned) (added int, err error)
	// Announce sends one round of gratuitous ARP, for IPv6 of unsolicited neighbour
	// advertisements, for every address of o.
	Announce(ctx context.Context, o Owned) error
}

// Owned is what a group holds on this machine. Empty lists mean nothing. The
// routes come after the addresses and go before them; the rules after the routes
// and before them.
type Owned struct {
	Group string
	// Devices are there, master or not. A device is up, and answers, while it has an
	// address of Addresses.
	Devices   []Device
	Addresses []OwnedAddress
	Routes    []Route
	Rules     []Rule
}

func (o Owned) equal(p Owned) bool {
	return o.Group == p.Group && slices.Equal(o.Devices, p.Devices) && slices.Equal(o.Addresses, p.Addresses) &&
		slices.Equal(o.Routes, p.Routes) && slices.Equal(o.Rules, p.Rules)
}

// what names what a group holds, for the log.
func (o Owned) what() string {
	if len(o.Routes)+len(o.Rules) > 0 {
		return "the addresses, routes and rules"
	}
	return "the addresses"
}

func (o Owned) count() int { return len(o.Addresses) + len(o.Routes) + len(o.Rules) }

// WayError says that the addresses of a group are as wanted, but not its routes
// and rules.
type WayError struct{ Err error }

func (e *WayError) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong.
func (e *WayError) Unwrap() error { return e.Err }

// Device is a network device of our own, on an interface, that has the MAC
// address of a virtual router.
type Device struct {
	Router    string
	Interface string
	MAC       MAC
}

// OwnedAddress is one address as the machine holds it. What it has in common with
// [Address] means the same.
type OwnedAddress struct {
	Router        string
	Interface     string
	MAC           MAC // of the device on Interface that has it; the zero one: Interface itself
	Address       netip.Prefix
	LeaseSecs     int // valid lifetime in seconds
	Label         string
	Scope         Scope
	NoPrefixRoute bool
	// Static says that the machine has the address for good, whoever is master: it is
	// its owner (RFC 9568 section 5.2.4). One that is there already is left as it is
	// and counts as held; one that is missing is added like any other.
	Static bool
}

// Link is the state of one interface as the machine reports it. A group whose
// router sits on a link that is missing, down or without carrier is in Fault
// (Init while it has never been there).
type Link struct {
	Name    string
	Index   int // 0: there is no such interface
	Up      bool
	Carrier bool
	// Source4 is the lowest IPv4 address of the interface that is not one of ours;
	// invalid when there is none.
	Source4 netip.Addr
	// Source6 is likewise the lowest link-local IPv6 address, once duplicate address
	// detection has passed it.
	Source6 netip.Addr
	// NoVirtualMAC says why the interface cannot have another MAC address; empty: it
	// can.
	NoVirtualMAC string
	// Moved grows whenever the neighbours may look for the interface in the wrong
	// place: a bond has another active port, the machine moved to another host, the
	// carrier came back. What we hold there is announced again.
	Moved uint64
}

// Record is what must outlive an engine process, one per group: whether it was
// master, and when it last said so. Times are boot-clock.
type Record struct {
	Master     bool
	LastAdvert Instant
}

// Recorder keeps Records where a killed process leaves them, without a system
// call: the loop writes one at each advert.
type Recorder interface {
	Record(group string, r Record)
}
