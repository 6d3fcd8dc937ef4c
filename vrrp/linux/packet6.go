package linux

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// write6 sends one advert with the header that RFC 9568 section 5.1.2 asks for.
func (w *writer) write6(by *port, t vrrp.Transmission) error {
	if !t.Src.Is6() || t.Src.Is4In6() || t.Dst.Is4In6() {
		return fmt.Errorf("vrrp: send on %s from %s to %s: not IPv6", by.name, t.Src, t.Dst)
	}
	src, dst := t.Src.As16(), t.Dst.As16()
	w.packet = append(w.packet[:0], header6(len(t.Payload), protocolVRRP, src, dst)...)
	w.packet = append(w.packet, t.Payload...)
	w.to6.Addr = dst
	w.to6.ZoneId = uint32(by.index)
	if err := unix.Sendto(by.out, w.packet, unix.MSG_DONTWAIT, &w.to6); err != nil {
		return fmt.Errorf("vrrp: send on %s to %s: %w", by.name, t.Dst, err)
	}
	return nil
}

// header6 is an IPv6 header (RFC 8200 section 3) of traffic class CS6 and hop limit
// 255, without a flow label.
func header6(length int, next uint8, src, dst [16]byte) []byte {
	h := make([]byte, ipv6.HeaderLen)
	binary.BigEndian.PutUint32(h, ipv6.Version<<28|advertTOS<<20)
	binary.BigEndian.PutUint16(h[4:], uint16(length))
	h[6], h[7] = next, advertTTL
	copy(h[8:], src[:])
	copy(h[24:], dst[:])
	return h
}
