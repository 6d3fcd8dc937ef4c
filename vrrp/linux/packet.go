package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

const (
	// advertTTL is the TTL of every advert (RFC 9568 section 5.1.1.3).
	advertTTL = 255
	// advertTOS is Internetwork Control, CS6, as routing protocols use it.
	advertTOS = 0xc0
	// maxPacket is the longest IP packet there is.
	maxPacket = 65535
)

// reader is what receiving needs, kept from packet to packet.
type reader struct {
	packet  [maxPacket]byte
	control [128]byte // of the messages asked for: TTL and packet information
	header  ipv4.Header
	message ipv4.ControlMessage

	message6 ipv6.ControlMessage
}

// read receives one packet. ok is false where there is none, or one that is not
// for the election to judge: cut, or not an IPv4 packet.
func (r *reader) read(from *port, p *vrrp.Packet) (ok bool, err error) {
	n, cn, flags, _, err := unix.Recvmsg(from.in, r.packet[:], r.control[:], unix.MSG_DONTWAIT)
	if err != nil {
		if harmless(err) {
			return false, nil
		}
		return false, fmt.Errorf("vrrp: receive on %s: %w", from.name, err)
	}
	if flags&unix.MSG_TRUNC != 0 || r.header.Parse(r.packet[:n]) != nil {
		return false, nil
	}
	r.message = ipv4.ControlMessage{}
	if flags&unix.MSG_CTRUNC != 0 || r.message.Parse(r.control[:cn]) != nil {
		return false, nil
	}
	src, okSrc := netip.AddrFromSlice(r.header.Src.To4())
	dst, okDst := netip.AddrFromSlice(r.header.Dst.To4())
	if !okSrc || !okDst || r.message.IfIndex != from.index {
		return false, nil
	}
	*p = vrrp.Packet{
		Interface: from.name,
		Src:       src,
		Dst:       dst,
		TTL:       uint8(r.message.TTL),
		Payload:   r.packet[r.header.Len:n],
	}
	return true, nil
}

// harmless tells the errors of a receiving socket that say nothing about it: no
// packet, or one pending from the network that reading it has cleared.
func harmless(err error) bool {
	for _, e := range []error{
		unix.EAGAIN, unix.EINTR, unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ECONNREFUSED, unix.ENODEV,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// writer is what sending needs, kept from packet to packet.
type writer struct {
	packet []byte
	to     unix.SockaddrInet4
	to6    unix.SockaddrInet6
	toLink unix.SockaddrLinklayer

	identification uint16 // of the last IPv4 header that is all ours
}

// write sends one advert with the header that RFC 9568 section 5.1.1 asks for.
// The kernel fills in the identification and the header's checksum.
func (w *writer) write(by *port, t vrrp.Transmission) error {
	if !t.Src.Is4() || !t.Dst.Is4() {
		return fmt.Errorf("vrrp: send on %s from %s to %s: not IPv4", by.name, t.Src, t.Dst)
	}
	header := ipv4.Header{
		Version:  ipv4.Version,
		Len:      ipv4.HeaderLen,
		TOS:      advertTOS,
		TotalLen: ipv4.HeaderLen + len(t.Payload),
		TTL:      advertTTL,
		Protocol: protocolVRRP,
		Src:      net.IP(t.Src.AsSlice()),
		Dst:      net.IP(t.Dst.AsSlice()),
	}
	b, err := header.Marshal()
	if err != nil {
		return fmt.Errorf("vrrp: send on %s to %s: %w", by.name, t.Dst, err)
	}
	w.packet = append(append(w.packet[:0], b...), t.Payload...)
	w.to.Addr = t.Dst.As4()
	flags := unix.MSG_DONTWAIT
	if t.Dst.IsMulticast() {
		// No routing table has a say in it: this link and no other.
		flags |= unix.MSG_DONTROUTE
	}
	if err := unix.Sendto(by.out, w.packet, flags, &w.to); err != nil {
		return fmt.Errorf("vrrp: send on %s to %s: %w", by.name, t.Dst, err)
	}
	return nil
}
