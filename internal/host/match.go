package host

import (
	"encoding/binary"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// layout is where in a packet a rule finds its key, in bytes.
type layout struct {
	address, protocol, port field
}

// field is a part of a packet.
type field struct {
	base           expr.PayloadBase
	offset, length uint32
}

// The headers of RFC 791, 8200 and 792 (4443 alike): an ICMP error is eight bytes
// and then the packet that it is about.
const (
	inNetwork   = expr.PayloadBaseNetworkHeader
	inTransport = expr.PayloadBaseTransportHeader
	icmpHeader  = 8
)

// Registers of four bytes, which a key takes one after the other. The kernel has
// two numbers for the first of each sixteen bytes and tells the one of old.
var registers = [...]uint32{
	unix.NFT_REG_1, unix.NFT_REG32_01, unix.NFT_REG32_02, unix.NFT_REG32_03,
	unix.NFT_REG_2, unix.NFT_REG32_05,
}

// exprs is `ip daddr . meta l4proto . th dport @set counter drop`, or its like.
func (d rule) exprs(count expr.Counter) []expr.Any {
	list := append(d.conditions(), d.load()...)
	lookup := &expr.Lookup{SourceRegister: unix.NFT_REG_1, SetName: d.set}
	if d.does == mark {
		lookup.IsDestRegSet, lookup.DestRegister = true, unix.NFT_REG_1
		return append(list, lookup, &expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: unix.NFT_REG_1}, &count)
	}
	if d.does == clamp {
		// The kernel never makes it larger (net/netfilter/nft_exthdr.c).
		lookup.IsDestRegSet, lookup.DestRegister = true, unix.NFT_REG_1
		return append(list, lookup, &expr.Exthdr{
			Op: expr.ExthdrOpTcpopt, Type: optionMSS, Offset: 2, Len: 2, SourceRegister: unix.NFT_REG_1,
		}, &count)
	}
	list = append(list, lookup)
	switch d.by {
	case address:
		list = append(list, fromOutside()...)
	case sought:
		list = append(list, neighbourDiscovery()...)
	}
	list = append(list, &count)
	switch d.does {
	case pass:
		return append(list, &expr.Verdict{Kind: expr.VerdictAccept})
	case masquerade:
		return append(list, &expr.Masq{})
	}
	return append(list, &expr.Verdict{Kind: expr.VerdictDrop})
}

// conditions are what a packet must be, so that the parts of the key are where
// they are looked for.
func (d rule) conditions() []expr.Any {
	switch d.by {
	case sender:
		ethernet := binary.NativeEndian.AppendUint16(nil, unix.ARPHRD_ETHER)
		return equals(&expr.Meta{Key: expr.MetaKeyIIFTYPE, Register: unix.NFT_REG_1}, ethernet...)
	case arrival:
		return nil
	}
	family := byte(unix.NFPROTO_IPV4)
	if d.v6 {
		family = unix.NFPROTO_IPV6
	}
	list := equals(&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: unix.NFT_REG_1}, family)
	switch d.by {
	case embedded:
		list = append(list, portUnreachable(d.v6)...)
	case answer, answers:
		list = append(list, syn()...)
	}
	return list
}

// load puts the key of the rule into the registers.
func (d rule) load() []expr.Any {
	at := d.layout()
	words := at.address.length / 4 // that an address takes
	switch d.by {
	case destination, source, answer:
		return []expr.Any{
			at.address.load(registers[0]),
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: registers[words]},
			at.port.load(registers[words+1]),
		}
	case whole, answers:
		return []expr.Any{at.address.load(registers[0]), &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: registers[words]}}
	case embedded:
		return []expr.Any{
			at.address.load(registers[0]), at.protocol.load(registers[words]), at.port.load(registers[words+1]),
		}
	case sender:
		return []expr.Any{field{expr.PayloadBaseLLHeader, 6, 6}.load(registers[0])}
	case arrival:
		return []expr.Any{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: registers[0]}}
	case marked:
		return []expr.Any{&expr.Meta{Key: expr.MetaKeyMARK, Register: registers[0]}}
	case forWhom:
		return []expr.Any{&expr.Meta{Key: expr.MetaKeyMARK, Register: registers[0]}, at.address.load(registers[1])}
	}
	return []expr.Any{at.address.load(registers[0])} // that is all of the key
}

// layout is where the key of a rule is.
func (d rule) layout() layout {
	switch {
	case d.by == embedded && d.v6:
		return layout{
			address:  field{inTransport, icmpHeader + 24, 16},
			protocol: field{inTransport, icmpHeader + 6, 1},
			port:     field{inTransport, icmpHeader + 40 + 2, 2},
		}
	case d.by == embedded:
		return layout{
			address:  field{inTransport, icmpHeader + 16, 4},
			protocol: field{inTransport, icmpHeader + 9, 1},
			port:     field{inTransport, icmpHeader + 20 + 2, 2},
		}
	}
	l := layout{address: field{inNetwork, 16, 4}, port: field{inTransport, 2, 2}}
	if d.v6 {
		l.address = field{inNetwork, 24, 16}
	}
	if d.by == source || d.by == answer || d.by == answers {
		l.address.offset -= l.address.length
		l.port.offset = 0
	}
	return l
}

// portUnreachable matches the ICMP error that IPVS sends for a service without a
// server, about a packet without IP options (their length would move the port).
func portUnreachable(v6 bool) []expr.Any {
	protocol, typeAndCode := byte(unix.IPPROTO_ICMP), []byte{3, 3}
	if v6 {
		protocol, typeAndCode = unix.IPPROTO_ICMPV6, []byte{1, 4}
	}
	m := equals(&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: unix.NFT_REG_1}, protocol)
	m = append(m, equals(field{inTransport, 0, 2}.load(unix.NFT_REG_1), typeAndCode...)...)
	if !v6 {
		m = append(m, equals(field{inTransport, icmpHeader, 1}.load(unix.NFT_REG_1), 0x45)...)
	}
	return m
}

// optionMSS is the maximum segment size among the options of TCP (RFC 9293 section
// 3.2), which stands in a SYN alone.
const optionMSS = 2

// syn matches a segment of TCP that opens a connection, either way.
func syn() []expr.Any {
	const flags, bit = 13, 0x02
	return append(equals(&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: unix.NFT_REG_1}, unix.IPPROTO_TCP),
		field{inTransport, flags, 1}.load(unix.NFT_REG_1),
		&expr.Bitwise{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, Len: 1, Mask: []byte{bit}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: unix.NFT_REG_1, Data: []byte{0}},
	)
}

// fromOutside matches what came in by an interface and is not VRRP.
func fromOutside() []expr.Any {
	const protocolVRRP = 112
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFTYPE, Register: unix.NFT_REG_1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: unix.NFT_REG_1, Data: binary.NativeEndian.AppendUint16(nil, unix.ARPHRD_LOOPBACK)},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: unix.NFT_REG_1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: unix.NFT_REG_1, Data: []byte{protocolVRRP}},
	}
}

// neighbourDiscovery matches the ICMPv6 types of RFC 4861 section 4, from router
// solicitation to redirect.
func neighbourDiscovery() []expr.Any {
	const routerSolicitation, redirect = 133, 137
	m := equals(&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: unix.NFT_REG_1}, unix.IPPROTO_ICMPV6)
	return append(m,
		field{inTransport, 0, 1}.load(unix.NFT_REG_1),
		&expr.Cmp{Op: expr.CmpOpGte, Register: unix.NFT_REG_1, Data: []byte{routerSolicitation}},
		&expr.Cmp{Op: expr.CmpOpLte, Register: unix.NFT_REG_1, Data: []byte{redirect}},
	)
}

func (f field) load(register uint32) *expr.Payload {
	return &expr.Payload{DestRegister: register, Base: f.base, Offset: f.offset, Len: f.length}
}

// equals compares what load puts into the first register.
func equals(load expr.Any, data ...byte) []expr.Any {
	return []expr.Any{load, &expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: data}}
}
