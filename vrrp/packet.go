package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// The versions of the protocol.
const (
	Version2 = 2 // RFC 3768: IPv4, whole seconds, an authentication field
	Version3 = 3 // RFC 9568: both families, steps of 10 ms
)

const (
	headerLen     = 8                     // fixed fields, RFC 9568 section 5.1
	authLen       = 8                     // of version 2, after the addresses: RFC 3768 section 5.1
	advertisement = 1                     // the one type there is, RFC 9568 section 5.2.2
	requiredTTL   = 255                   // RFC 9568 sections 5.1.1.3 and 5.1.2.3
	centisecond   = 10 * time.Millisecond // unit of the interval on the wire
	maxInterval   = 0xfff * centisecond   // 12 bits
	maxInterval2  = 255 * time.Second     // of version 2: one byte
	maxAddresses  = 255                   // the count is one byte
)

// The multicast addresses of VRRP (RFC 9568 sections 5.1.1.2 and 5.1.2.2).
var (
	group4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	group6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
)

// groupOf is where multicast adverts of a family go.
func groupOf(ipv6 bool) netip.Addr {
	if ipv6 {
		return group6
	}
	return group4
}

// Advert is a VRRP advertisement: of version 3 (RFC 9568 section 5.1) for IPv4 or
// IPv6, or of version 2 (RFC 3768 section 5.1) for IPv4. The family is that of
// the packet around it.
type Advert struct {
	Version  uint8 // 2 or 3; 0 is sent as 3
	VRID     uint8
	Priority uint8
	// Interval is the sender's Advertisement_Interval: of version 3 10 ms–40.95 s in
	// steps of 10 ms, of version 2 whole seconds up to 255; on sending, what is finer
	// is cut off.
	Interval time.Duration
	// Addresses are the virtual addresses, at most 255, all of the packet's family.
	Addresses []netip.Addr
	// Checksum is the form to send with, or the form that was found correct. Only
	// version 3 for IPv4 has a choice; of others it is empty.
	Checksum ChecksumForm
	// Auth is the authentication of version 2.
	Auth Auth
}

// Auth is the authentication field of a version 2 advert. RFC 3768 section 5.3.6
// has type 0 only; type 1, a password in the clear, is that of RFC 2338 section
// 5.3.6.2, which routers in the field still use.
type Auth struct {
	Type uint8
	Data [authLen]byte
}

// The types of authentication.
const (
	AuthNone     = 0
	AuthPassword = 1
)

// Password is the simple password of version 2, at most 8 bytes; empty for none.
// It travels in the clear and protects from mistakes only. It does not print
// itself.
type Password string

// String says whether there is a password, never which.
func (p Password) String() string {
	if p == "" {
		return "none"
	}
	return "password"
}

// auth is the field that a password makes: padded with zeros.
func (p Password) auth() Auth {
	var a Auth
	if p != "" {
		a.Type = AuthPassword
		copy(a.Data[:], p)
	}
	return a
}

// Append appends the message to b, with its checksum for a packet from src to
// dst, and returns the extended slice. A pseudo-header covers src and dst, so a
// unicast advert differs from peer to peer.
func (a *Advert) Append(b []byte, src, dst netip.Addr) []byte {
	start, version := len(b), a.Version
	if version == 0 {
		version = Version3
	}
	addresses := a.Addresses[:min(len(a.Addresses), maxAddresses)]
	b = append(b, version<<4|advertisement, a.VRID, a.Priority, byte(len(addresses)))
	if version == Version2 {
		b = append(b, a.Auth.Type, seconds(a.Interval))
	} else {
		// RFC 9568 section 5.2.6: the four reserved bits are zero.
		b = binary.BigEndian.AppendUint16(b, centiseconds(a.Interval))
	}
	b = append(b, 0, 0)
	for _, ip := range addresses {
		if src.Is4() {
			ip4 := ip.As4()
			b = append(b, ip4[:]...)
		} else {
			ip16 := ip.As16()
			b = append(b, ip16[:]...)
		}
	}
	if version == Version2 {
		b = append(b, a.Auth.Data[:]...)
	}
	message := b[start:]
	sum := sum16(message)
	if src.Is6() || version != Version2 && a.Checksum != ChecksumRFC9568 {
		sum += pseudoHeader(src, dst, len(message))
	}
	binary.BigEndian.PutUint16(message[6:], ^fold(sum))
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
	// RFC 9568 section 7.1: MUST verify that the VRRP version is 3; RFC 3768 section
	// 7.1: is 2. Which of them it has to be is for the engine to say.
	version := payload[0] >> 4
	if version != Version3 && (version != Version2 || src.Is6()) {
		return nil, RejectVersion
	}
	// RFC 9568 section 7.1: MUST verify that the VRRP packet type is 1.
	if payload[0]&0xf != advertisement {
		return nil, RejectType
	}
	// RFC 9568 section 5.2.5: the minimum value of the count is 1.
	count := int(payload[3])
	if count == 0 {
		return nil, RejectCount
	}
	// RFC 9568 section 7.1: MUST verify that the packet is complete, fixed fields
	// and addresses; RFC 3768 section 7.1: and the authentication data.
	size := src.BitLen() / 8
	end := headerLen + size*count
	length := end
	if version == Version2 {
		length += authLen
	}
	if len(payload) < length {
		return nil, RejectLength
	}
	message, trailing := payload[:length], payload[length:]
	// RFC 9568 section 7.1: MUST verify the VRRP checksum.
	form, ok := checksumForm(message, src, dst)
	if !ok {
		return nil, RejectChecksum
	}
	a.Version, a.VRID, a.Priority, a.Checksum = version, message[1], message[2], form
	a.Auth = Auth{}
	if version == Version2 {
		a.Auth.Type, a.Auth.Data = message[4], [authLen]byte(message[end:])
		a.Interval = time.Duration(message[5]) * time.Second
	} else {
		// The reserved bits above the interval are ignored (section 5.2.6).
		a.Interval = time.Duration(binary.BigEndian.Uint16(message[4:])&0xfff) * centisecond
	}
	// RFC 9568 section 7.1, erratum 8301: MUST verify that the interval is not zero.
	if a.Interval == 0 {
		return nil, RejectInterval
	}
	a.Addresses = a.Addresses[:0]
	for i := headerLen; i < end; i += size {
		ip, _ := netip.AddrFromSlice(message[i : i+size])
		a.Addresses = append(a.Addresses, ip)
	}
	return trailing, ""
}

// centiseconds is the interval as the wire has it, kept within 1–4095.
func centiseconds(d time.Duration) uint16 {
	return uint16(min(max(d, centisecond), maxInterval) / centisecond)
}

// seconds is the interval as version 2 has it, kept within 1–255.
func seconds(d time.Duration) byte {
	return byte(min(max(d, time.Second), maxInterval2) / time.Second)
}
