package linux

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

const (
	// protocolVRRP is the IP protocol number of adverts (RFC 9568 section 5.1.1.4).
	protocolVRRP = 112
	// receiveBuffer holds the adverts of a pause: 255 routers at 10 ms for more
	// than a tenth of a second, counted as the kernel counts them.
	receiveBuffer = 4 << 20
	// sendPriority is TC_PRIO_CONTROL: adverts leave before traffic does.
	sendPriority = 7
)

// group is where adverts go (RFC 9568 section 5.1.1.2).
var group = &net.IPAddr{IP: net.IPv4(224, 0, 0, 18)}

// port is one open interface, for one family.
type port struct {
	name      string
	index     int
	ipv6      bool
	in, out   int // descriptors
	frames    int // likewise; -1 until one is sent
	multicast bool
}

// openPort opens both sockets of an interface.
func openPort(want vrrp.Port, index int) (*port, error) {
	p := &port{name: want.Interface, index: index, ipv6: want.IPv6, in: -1, out: -1, frames: -1}
	in, out := p.openIn, p.openOut
	if p.ipv6 {
		in, out = p.openIn6, p.openOut6
	}
	err := in()
	if err == nil {
		err = out()
	}
	if err == nil && want.Multicast {
		err = p.join()
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// openIn opens the socket that receives.
func (p *port) openIn() (err error) {
	if p.in, err = rawSocket(unix.AF_INET, protocolVRRP, p.index); err != nil {
		return fmt.Errorf("vrrp: open %s: %w", p.name, err)
	}
	// Without it the socket hears every group that anyone on this machine joined,
	// also where this port is unicast only.
	if err := unix.SetsockoptInt(p.in, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0); err != nil {
		return fmt.Errorf("vrrp: open %s: hear joined groups only: %w", p.name, err)
	}
	p.widen()
	return p.setup(p.in, func(c net.PacketConn) error {
		if err := ipv4.NewPacketConn(c).SetControlMessage(ipv4.FlagTTL|ipv4.FlagDst|ipv4.FlagInterface, true); err != nil {
			return fmt.Errorf("vrrp: open %s: ask for control messages: %w", p.name, err)
		}
		return nil
	})
}

// widen gives the receiving socket its buffer.
func (p *port) widen() {
	if unix.SetsockoptInt(p.in, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		// Not permitted: as much as net.core.rmem_max allows. A smaller buffer is no
		// reason to refuse.
		_ = unix.SetsockoptInt(p.in, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
}

// openOut opens the socket that sends. Its protocol is IPPROTO_RAW: the header is
// ours, and nothing is ever received on it.
func (p *port) openOut() (err error) {
	if p.out, err = rawSocket(unix.AF_INET, unix.IPPROTO_RAW, p.index); err != nil {
		return fmt.Errorf("vrrp: open %s to send: %w", p.name, err)
	}
	if err := unix.SetsockoptInt(p.out, unix.IPPROTO_IP, unix.IP_HDRINCL, 1); err != nil {
		return fmt.Errorf("vrrp: open %s to send: own header: %w", p.name, err)
	}
	if err := unix.SetsockoptInt(p.out, unix.SOL_SOCKET, unix.SO_PRIORITY, sendPriority); err != nil {
		return fmt.Errorf("vrrp: open %s to send: priority: %w", p.name, err)
	}
	return p.setup(p.out, func(c net.PacketConn) error {
		// Our own adverts are not for us.
		if err := ipv4.NewPacketConn(c).SetMulticastLoopback(false); err != nil {
			return fmt.Errorf("vrrp: open %s to send: no loopback: %w", p.name, err)
		}
		return nil
	})
}

// join makes the receiving socket a member of the group, once.
func (p *port) join() error {
	if p.multicast {
		return nil
	}
	err := p.setup(p.in, func(c net.PacketConn) error {
		at := &net.Interface{Index: p.index, Name: p.name}
		to, join := group, ipv4.NewPacketConn(c).JoinGroup
		if p.ipv6 {
			to, join = group6, ipv6.NewPacketConn(c).JoinGroup
		}
		if err := join(at, to); err != nil {
			return fmt.Errorf("vrrp: join %s on %s: %w", to, p.name, innermost(err))
		}
		return nil
	})
	p.multicast = err == nil
	return err
}

// close closes both sockets; the kernel leaves the group by itself.
func (p *port) close() error {
	var errs []error
	for _, fd := range []int{p.in, p.out, p.frames} {
		if fd < 0 {
			continue
		}
		if err := unix.Close(fd); err != nil {
			errs = append(errs, fmt.Errorf("vrrp: close %s: %w", p.name, err))
		}
	}
	return errors.Join(errs...)
}

// setup lends a socket to x/net/ipv4 to set options. It works on a duplicate
// descriptor of the same socket, so that ours never meets the Go runtime's
// poller, which would wake for each packet too.
func (p *port) setup(fd int, set func(net.PacketConn) error) error {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("vrrp: open %s: %w", p.name, err)
	}
	f := os.NewFile(uintptr(dup), p.name)
	c, err := net.FilePacketConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("vrrp: open %s: %w", p.name, err)
	}
	err = set(c)
	return errors.Join(err, c.Close())
}

// rawSocket opens a raw socket that only ever sees one interface. It is bound by
// index, for another interface may get the name meanwhile.
func rawSocket(family, protocol, index int) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return -1, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, index); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}
