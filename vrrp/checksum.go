package vrrp

import "net/netip"

const protocol = 112 // RFC 9568 sections 5.1.1.4 and 5.1.2.4

// checksumForm tells whether the checksum of a message is correct, and in which
// of the two forms where version 3 for IPv4 has the choice. Where both are, which
// takes a pseudo-header that sums to nothing, it says the form that is sent by
// default.
func checksumForm(message []byte, src, dst netip.Addr) (form ChecksumForm, ok bool) {
	sum := sum16(message)
	if message[0]>>4 == Version2 {
		// RFC 3768 section 5.3.8: over the entire message and nothing else.
		return "", fold(sum) == 0xffff
	}
	withHeader := fold(sum+pseudoHeader(src, dst, len(message))) == 0xffff
	switch {
	case src.Is6():
		// RFC 9568 section 5.2.8: for IPv6 always with the pseudo-header.
		return "", withHeader
	case withHeader:
		return ChecksumRFC5798, true
	default:
		return ChecksumRFC9568, fold(sum) == 0xffff
	}
}

// sum16 adds up the 16-bit words of b without the final fold (RFC 1071). The
// longest message, 4088 bytes, stays far below overflow.
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

// pseudoHeader is the sum of source, destination, protocol and length: of IPv6 by
// RFC 8200 section 8.1, of IPv4 in the layout that implementations of RFC 5798
// agreed on.
func pseudoHeader(src, dst netip.Addr, length int) uint32 {
	sum := uint32(protocol) + uint32(length)
	for _, ip := range [2]netip.Addr{src, dst} {
		if ip.Is4() {
			b := ip.As4()
			sum += sum16(b[:])
		} else {
			b := ip.As16()
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
