package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Listen listens on a TCP address of the node. The listener and its connections
// may be used anywhere.
func (n *Node) Listen(address string) (net.Listener, error) {
	var l net.Listener
	err := n.Do(func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	})
	return l, err
}

// The ports that Dial connects from: those of Linux by default.
const firstPort, ports = 32768, 28232

// Dial connects from the node to a TCP address. Any number of calls may be under
// way: only the socket is made on the node's thread, the waiting is done
// elsewhere.
//
// A port is not used again before all others have been. Linux begins anew at a random
// place every ten seconds (secure_ipv4_port_ephemeral), and so comes back to ports which
// IPVS remembers for two minutes more (TIME_WAIT). That is for a scenario of its own.
func (n *Node) Dial(ctx context.Context, address string) (net.Conn, error) {
	return n.DialFrom(ctx, address, 0)
}

// DialFrom is Dial from one port, also where it was used a moment ago; 0: from the next
// one.
func (n *Node) DialFrom(ctx context.Context, address string, port int) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("lab: dial: %w", err)
	}
	family, peer := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()})
	if to.Addr().Is4() {
		family, peer = unix.AF_INET, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	var fd int
	err = n.Do(func() (err error) {
		fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err == nil {
		if err = n.bind(fd, family, port); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lab: dial %s: %w", address, err)
	}
	err = unix.Connect(fd, peer)
	f := os.NewFile(uintptr(fd), "connection to "+address)
	defer f.Close()
	if err != nil && err != unix.EINPROGRESS {
		return nil, fmt.Errorf("lab: dial %s: %w", address, err)
	}
	if err := connected(ctx, f); err != nil {
		return nil, fmt.Errorf("lab: dial %s: %w", address, err)
	}
	return net.FileConn(f)
}

// bind gives a socket a port; 0: the node's next one.
func (n *Node) bind(fd, family, port int) error {
	at := func(port int) error {
		if family == unix.AF_INET {
			return unix.Bind(fd, &unix.SockaddrInet4{Port: port})
		}
		return unix.Bind(fd, &unix.SockaddrInet6{Port: port})
	}
	if port != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return err
		}
		return at(port)
	}
	for range ports {
		if err := at(firstPort + int(n.lastPort.Add(1)%ports)); err != unix.EADDRINUSE {
			return err
		}
	}
	return unix.EADDRINUSE
}

// protocolVRRP is the protocol number of adverts (RFC 9568 section 5.1.1.4).
const protocolVRRP = 112

// HearAdvert waits until the node hears the next VRRP advert of somebody else; if
// there are addresses given, of one of these.
func (n *Node) HearAdvert(ctx context.Context, from ...netip.Addr) error {
	var fd int
	err := n.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocolVRRP)
		return err
	})
	if err != nil {
		return fmt.Errorf("lab: listen for adverts on %s: %w", n.Name, err)
	}
	f := os.NewFile(uintptr(fd), "adverts")
	defer f.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := f.SetReadDeadline(deadline); err != nil {
			return err
		}
	}
	for b := make([]byte, 1500); ; {
		got, err := f.Read(b)
		if err != nil {
			return fmt.Errorf("lab: no advert on %s: %w", n.Name, err)
		}
		if len(from) == 0 || got >= 20 && slices.Contains(from, netip.AddrFrom4([4]byte(b[12:16]))) {
			return nil
		}
	}
}

// connected waits until a connect(2) under way has an outcome.
func connected(ctx context.Context, f *os.File) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := f.SetWriteDeadline(deadline); err != nil {
			return err
		}
	}
	defer context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Unix(1, 0)) })()
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var outcome error
	err = raw.Write(func(fd uintptr) bool {
		soErr, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			outcome = err
		case soErr != 0:
			outcome = unix.Errno(soErr)
		default:
			// Without an error it is either under way or there is a peer.
			if _, err := unix.Getpeername(int(fd)); err == unix.ENOTCONN {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	return outcome
}
