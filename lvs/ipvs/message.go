//go:build linux

package ipvs

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"failover/lvs"
)

// messages are netlink messages on their way to the kernel, one behind the other.
type messages []byte

// begin begins a message, and returns where; end closes it.
func (m *messages) begin(family, flags uint16, seq uint32, cmd uint8) int {
	at := len(*m)
	b := binary.NativeEndian.AppendUint32(*m, 0) // its length, by end
	b = binary.NativeEndian.AppendUint16(b, family)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	*m = append(b, cmd, genlVersion, 0, 0)
	return at
}

func (m *messages) end(at int) { binary.NativeEndian.PutUint32((*m)[at:], uint32(len(*m)-at)) }

// flag sets flags of the message that begins there.
func (m messages) flag(at int, flags uint16) {
	binary.NativeEndian.PutUint16(m[at+6:], binary.NativeEndian.Uint16(m[at+6:])|flags)
}

// attribute adds one with its value, padded.
func (m *messages) attribute(kind uint16, value ...byte) {
	b := binary.NativeEndian.AppendUint16(*m, uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	for len(b)%unix.NLA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	*m = b
}

func (m *messages) number16(kind, v uint16) {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], v)
	m.attribute(kind, b[:]...)
}

func (m *messages) number32(kind uint16, v uint32) {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], v)
	m.attribute(kind, b[:]...)
}

func (m *messages) port(kind, port uint16) { m.attribute(kind, byte(port>>8), byte(port)) }

// nest begins an attribute of attributes, and returns where; unnest closes it.
func (m *messages) nest(kind uint16) int {
	at := len(*m)
	m.attribute(kind | unix.NLA_F_NESTED)
	return at
}

func (m *messages) unnest(at int) { binary.NativeEndian.PutUint16((*m)[at:], uint16(len(*m)-at)) }

// service adds what names a service, and with full what makes it.
func (m *messages) service(s lvs.Service, full bool) error {
	at := m.nest(attrService)
	m.number16(svcFamily, addressFamily(s.Key))
	if s.Key.FWMark != 0 {
		m.number32(svcFWMark, s.Key.FWMark)
	} else {
		m.number16(svcProtocol, protocolNumber(s.Key.Protocol))
		m.attribute(svcAddress, s.Key.Address.Addr().AsSlice()...)
		m.port(svcPort, s.Key.Address.Port())
	}
	if full {
		mask, err := netmask(s)
		if err != nil {
			return err
		}
		m.attribute(svcScheduler, append([]byte(s.Scheduler), 0)...)
		if s.Engine != "" {
			m.attribute(svcEngine, append([]byte(s.Engine), 0)...)
		}
		// struct ip_vs_flags: the flags, then which of them are meant.
		flags := binary.NativeEndian.AppendUint32(nil, s.Flags)
		m.attribute(svcFlags, binary.NativeEndian.AppendUint32(flags, ^uint32(0))...)
		m.number32(svcTimeout, s.Timeout)
		m.number32(svcNetmask, mask)
	}
	m.unnest(at)
	return nil
}

// server adds what names a real server, and with full what makes it.
func (m *messages) server(r lvs.Server, full bool) {
	at := m.nest(attrDest)
	m.number16(dstFamily, familyNumber(r.Address.Addr().Is6()))
	m.attribute(dstAddress, r.Address.Addr().AsSlice()...)
	m.port(dstPort, r.Address.Port())
	if full {
		m.number32(dstForward, forwardNumber(r.Forward))
		m.number32(dstWeight, uint32(r.Weight))
		m.number32(dstUpper, r.Upper)
		m.number32(dstLower, r.Lower)
	}
	if full && r.Forward == lvs.TUN {
		m.attribute(dstTunType, r.Tunnel.Type)
		m.port(dstTunPort, r.Tunnel.Port)
		m.number16(dstTunFlags, r.Tunnel.Flags)
	}
	m.unnest(at)
}
