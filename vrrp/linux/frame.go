package linux

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// openFrames opens the socket for adverts that come from a virtual MAC address.
// They go out as whole frames, past the device that has that address: a master
// says so before its addresses are up, and so does one that resigns. It is opened
// with the first of them. Of protocol 0 it receives nothing.
func (p *port) openFrames() (err error) {
	if p.frames >= 0 {
		return nil
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("vrrp: open %s to send frames: %w", p.name, err)
	}
	p.frames = fd
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, sendPriority); err != nil {
		return fmt.Errorf("vrrp: open %s to send frames: priority: %w", p.name, err)
	}
	return nil
}

// writeFrame sends one advert to its group from a MAC address.
func (w *writer) writeFrame(by *port, t vrrp.Transmission) error {
	if !t.Dst.IsMulticast() || t.Src.BitLen() != t.Dst.BitLen() {
		return fmt.Errorf("vrrp: send on %s from %s, %s, to %s: not possible", by.name, t.MAC, t.Src, t.Dst)
	}
	if err := by.openFrames(); err != nil {
		return err
	}
	w.packet = w.packet[:0]
	if t.Dst.Is6() {
		dst := t.Dst.As16()
		// RFC 2464 section 7: 33-33 and the last four bytes of the group.
		w.packet = append(w.packet, 0x33, 0x33, dst[12], dst[13], dst[14], dst[15])
		w.packet = append(append(w.packet, t.MAC[:]...), 0x86, 0xdd)
		w.packet = append(w.packet, header6(len(t.Payload), protocolVRRP, t.Src.As16(), dst)...)
	} else {
		dst := t.Dst.As4()
		// RFC 1112 section 6.4: 01-00-5E and the last 23 bits of the group.
		w.packet = append(w.packet, 0x01, 0x00, 0x5e, dst[1]&0x7f, dst[2], dst[3])
		w.packet = append(append(w.packet, t.MAC[:]...), 0x08, 0x00)
		w.packet = w.appendHeader4(w.packet, t)
	}
	w.packet = append(w.packet, t.Payload...)
	w.toLink = unix.SockaddrLinklayer{Ifindex: by.index, Halen: uint8(len(t.MAC))}
	w.toLink.Protocol = binary.NativeEndian.Uint16(w.packet[12:14])
	copy(w.toLink.Addr[:], w.packet)
	if err := unix.Sendto(by.frames, w.packet, unix.MSG_DONTWAIT, &w.toLink); err != nil {
		return fmt.Errorf("vrrp: send on %s from %s to %s: %w", by.name, t.MAC, t.Dst, err)
	}
	return nil
}

// appendHeader4 appends a whole IPv4 header (RFC 791 section 3.1), with what the
// kernel fills in elsewhere.
func (w *writer) appendHeader4(b []byte, t vrrp.Transmission) []byte {
	w.identification++
	start := len(b)
	b = append(b, ipv4.Version<<4|ipv4.HeaderLen/4, advertTOS)
	b = binary.BigEndian.AppendUint16(b, uint16(ipv4.HeaderLen+len(t.Payload)))
	b = binary.BigEndian.AppendUint16(b, w.identification)
	b = append(b, 0, 0, advertTTL, protocolVRRP, 0, 0)
	src, dst := t.Src.As4(), t.Dst.As4()
	b = append(append(b, src[:]...), dst[:]...)
	var sum uint32
	for i := start; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(b[start+10:], ^uint16(sum))
	return b
}
