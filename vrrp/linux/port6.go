package linux

import (
	"fmt"
	"net"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// group6 is where adverts over IPv6 go (RFC 9568 section 5.1.2.2).
var group6 = &net.IPAddr{IP: net.IP{0: 0xff, 1: 0x02, 15: 0x12}}

// openIn6 opens the socket that receives IPv6. The checksum is left to the
// election: the kernel would drop a wrong one where nobody counts it.
func (p *port) openIn6() (err error) {
	if p.in, err = rawSocket(unix.AF_INET6, protocolVRRP, p.index); err != nil {
		return fmt.Errorf("vrrp: open %s for IPv6: %w", p.name, err)
	}
	p.widen()
	return p.setup(p.in, func(c net.PacketConn) error {
		if err := ipv6.NewPacketConn(c).SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagDst|ipv6.FlagInterface, true); err != nil {
			return fmt.Errorf("vrrp: open %s for IPv6: ask for control messages: %w", p.name, err)
		}
		return nil
	})
}

// openOut6 opens the socket that sends IPv6. With IPPROTO_RAW the header is ours
// here too.
func (p *port) openOut6() (err error) {
	if p.out, err = rawSocket(unix.AF_INET6, unix.IPPROTO_RAW, p.index); err != nil {
		return fmt.Errorf("vrrp: open %s to send IPv6: %w", p.name, err)
	}
	if err := unix.SetsockoptInt(p.out, unix.SOL_SOCKET, unix.SO_PRIORITY, sendPriority); err != nil {
		return fmt.Errorf("vrrp: open %s to send IPv6: priority: %w", p.name, err)
	}
	return p.setup(p.out, func(c net.PacketConn) error {
		if err := ipv6.NewPacketConn(c).SetMulticastLoopback(false); err != nil {
			return fmt.Errorf("vrrp: open %s to send IPv6: no loopback: %w", p.name, err)
		}
		return nil
	})
}
