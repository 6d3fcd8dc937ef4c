package linux

import (
	"fmt"
	"net"

	"golang.org/x/net/ipv4"
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
