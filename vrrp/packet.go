package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	protocol     = 112                   // RFC 9568 section 5.1.1.4
	headerLen    = 8                     // fixed fields, RFC 9568 section 5.1
	versionType  = 3<<4 | 1              // version 3, type ADVERTISEMENT
	requiredTTL  = 255                   // RFC 9568 section 5.1.1.3
	centisecond  = 10 * time.Millisecond // unit of the interval on the wire
	maxInterval  = 0xfff * centisecond   // 12 bits
	maxAddresses = 255                   // the count is one byte
)

// group4 is the multicast address of VRRP (RFC 9568 section 5.1.1.2).
var group4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})

// Advert is a VRRP version 3 advertisement for IPv4 (RFC 9568 section 5.1).
type Advert struct {
	VRID     uint8
	Priority uint8
	// Interval is the sender's Advertisement_Interval, 10 ms–40.95 s in steps of
	// 10 ms; on sending, what is finer is cut off.
	Interval time.Duration
	// Addresses are the virtual addresses, at most 255, IPv4 only.
	Addresses []netip.Addr
	// Checksum is the form to send with, or the form that was found correct.
	Checksum ChecksumForm
}

// Append appends the message to b, with its checksum for a packet from src to
// dst, and returns the extended slice. The pseudo-header of [ChecksumRFC5798]
// covers src and dst, so a unicast advert differs from peer to peer.
func (a *Advert) Append(b []byte, src, dst netip.Addr) []byte {
	start := len(b)
	addresses := a.Addresses[:min(len(a.Addresses), maxAddresses)]
	b = append(b, versionType, a.VRID, a.Priority, byte(len(addresses)))
	// RFC 9568 section 5.2.6: the four reserved bits are zero.
	b = binary.BigEndian.AppendUint16(b, centiseconds(a.Interval))
	b = append(b, 0, 0)
	for _, ip := range addresses {
		ip4 := ip.As4()
		b = append(b, ip4[:]...)
	}
	message := b[start:]
	var sum uint32
	if a.Checksum != ChecksumRFC9568 {
		sum = pseudoHeader(src, dst, len(message))
	}
	binary.BigEndian.PutUint16(message[6:], ^fold(sum+sum16(message)))
	return b
}

// Parse reads a message that came from src to dst and returns the bytes after
// it. The error is a [Reject]; a is then not to be used. Parse reuses the array
// of a.Addresses, so that a kept Advert costs no allocation per packet.
func (a *Advert) Parse(payload []byte, src, dst netip.Addr) (trailing []byte, err error) {
	trailing, reject := a.parse(payload, src, dst)
	if reject != "" {
		return nil, reject
	}
	return trailing, nil
}

func (a *Advert) parse(payload []byte, src, dst netip.Addr) (trailing []byte, r Reject) {
	if len(payload) < headerLen {
		return nil, RejectLength
	}
	// RFC 9568 section 7.1: MUST verify that the VRRP version is 3.
	if payload[0]>>4 != versionType>>4 {
		return nil, RejectVersion
	}
	// RFC 9568 section 7.1: MUST verify that the VRRP packet type is 1.
	if payload[0]&0xf != versionType&0xf {
		return nil, RejectType
	}
	// RFC 9568 section 5.2.5: the minimum value of the count is 1.
	count := int(payload[3])
	if count == 0 {
		return nil, RejectCount
	}
	// RFC 9568 section 7.1: MUST verify that the packet is complete, fixed fields
	// and addresses.
	length := headerLen + 4*count
	if len(payload) < length {
		return nil, RejectLength
	}
	message, trailing := payload[:length], payload[length:]
	// RFC 9568 section 7.1: MUST verify the VRRP checksum.
	form, ok := checksumForm(message, src, dst)
	if !ok {
		return nil, RejectChecksum
	}
	// RFC 9568 section 7.1, erratum 8301: MUST verify that the interval is not zero.
	// The reserved bits above it are ignored (section 5.2.6).
	interval := binary.BigEndian.Uint16(message[4:]) & 0xfff
	if interval == 0 {
		return nil, RejectInterval
	}
	a.VRID, a.Priority, a.Checksum = message[1], message[2], form
	a.Interval = time.Duration(interval) * centisecond
	a.Addresses = a.Addresses[:0]
	for i := headerLen; i < length; i += 4 {
		a.Addresses = append(a.Addresses, netip.AddrFrom4([4]byte(message[i:i+4])))
	}
	return trailing, ""
}

// checksumForm tells which of the two forms the checksum of a message is correct
// in. Where both are, which takes a pseudo-header that sums to nothing, it says
// the form that is sent by default.
func checksumForm(message []byte, src, dst netip.Addr) (ChecksumForm, bool) {
	sum := sum16(message)
	if fold(sum+pseudoHeader(src, dst, len(message))) == 0xffff {
		return ChecksumRFC5798, true
	}
	if fold(sum) == 0xffff {
		return ChecksumRFC9568, true
	}
	return "", false
}

// centiseconds is the interval as the wire has it, kept within 1–4095.
func centiseconds(d time.Duration) uint16 {
	return uint16(min(max(d, centisecond), maxInterval) / centisecond)
}

// sum16 adds up the 16-bit words of b without the final fold (RFC 1071). The
// longest message, 1028 bytes, stays far below overflow.
func sum16(b []byte) uint32 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

// pseudoHeader is the sum of source, destination, protocol and length (RFC 5798
// section 5.2.8, in the layout that IPv4 implementations agreed on). Addresses
// that are not IPv4 count as nothing: such a packet is not one of ours.
func pseudoHeader(src, dst netip.Addr, length int) uint32 {
	sum := uint32(protocol) + uint32(length)
	for _, ip := range [2]netip.Addr{src, dst} {
		if ip.Is4() || ip.Is4In6() {
			b := ip.As4()
			sum += sum16(b[:])
		}
	}
	return sum
}

// fold is the one's complement sum as 16 bits.
func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
