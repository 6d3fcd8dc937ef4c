//go:build linux

package ipvs

import (
	"fmt"
	"math/bits"
	"net/netip"

	moby "github.com/moby/ipvs"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// decodeService reads the answer to GET_SERVICE, without servers.
func decodeService(msg attributes) (entry, error) {
	a, err := msg.nested(attrService)
	if err != nil {
		return entry{}, err
	}
	key, err := decodeKey(a)
	if err != nil {
		return entry{}, err
	}
	s := lvs.Service{
		Key:       key,
		Scheduler: a.text(svcScheduler),
		Engine:    a.text(svcEngine),
	}
	if v := a[svcFlags]; len(v) >= 4 { // struct ip_vs_flags: the flags, then their mask
		s.Flags = nl.NativeEndian().Uint32(v) &^ flagHashed
	}
	// Without persistence they mean nothing.
	if s.Flags&lvs.FlagPersistent != 0 {
		s.Timeout = uint32(a.number(svcTimeout))
		s.Mask = maskLength(key, uint32(a.number(svcNetmask)))
	}
	counters, err := decodeCounters(a, svcStats64, svcStats)
	return entry{service: s, counters: counters}, err
}

func decodeKey(a attributes) (lvs.Key, error) {
	family := uint16(a.number(svcFamily))
	if mark := uint32(a.number(svcFWMark)); mark != 0 {
		any := netip.IPv4Unspecified()
		if family == unix.AF_INET6 {
			any = netip.IPv6Unspecified()
		}
		return lvs.Key{FWMark: mark, Address: netip.AddrPortFrom(any, 0)}, nil
	}
	address, err := decodeAddress(family, a[svcAddress])
	if err != nil {
		return lvs.Key{}, err
	}
	key := lvs.Key{Address: netip.AddrPortFrom(address, a.port(svcPort))}
	switch number := a.number(svcProtocol); number {
	case unix.IPPROTO_TCP:
		key.Protocol = lvs.TCP
	case unix.IPPROTO_UDP:
		key.Protocol = lvs.UDP
	case unix.IPPROTO_SCTP:
		key.Protocol = lvs.SCTP
	default:
		return lvs.Key{}, fmt.Errorf("protocol number %d", number)
	}
	return key, nil
}

// decodeAddress reads an address; the kernel sends 16 bytes for either family.
func decodeAddress(family uint16, b []byte) (netip.Addr, error) {
	switch {
	case family == unix.AF_INET && len(b) >= 4:
		return netip.AddrFrom4([4]byte(b[:4])), nil
	case family == unix.AF_INET6 && len(b) >= 16:
		return netip.AddrFrom16([16]byte(b[:16])), nil
	}
	return netip.Addr{}, fmt.Errorf("address of family %d with %d bytes", family, len(b))
}

// maskLength turns the kernel's persistence mask into a prefix length, 0 for the
// whole address.
func maskLength(k lvs.Key, raw uint32) uint8 {
	if k.Is6() {
		switch {
		case raw == 128:
			return 0
		case 0 < raw && raw < 128:
			return uint8(raw)
		}
		return lvs.MaskOther
	}
	mask := toNetwork(raw)
	ones := bits.LeadingZeros32(^mask)
	switch {
	case ones == 32:
		return 0
	case ones == 0, mask<<ones != 0:
		return lvs.MaskOther
	}
	return uint8(ones)
}

// decodeServer reads the answer to GET_DEST.
func decodeServer(msg attributes) (server, error) {
	a, err := msg.nested(attrDest)
	if err != nil {
		return server{}, err
	}
	family := uint16(a.number(dstFamily))
	address, err := decodeAddress(family, a[dstAddress])
	if err != nil {
		return server{}, err
	}
	r := lvs.Server{
		Address: netip.AddrPortFrom(address, a.port(dstPort)),
		Forward: forwardName(uint32(a.number(dstForward))),
		Weight:  int(int32(a.number(dstWeight))),
		Upper:   uint32(a.number(dstUpper)),
		Lower:   uint32(a.number(dstLower)),
	}
	if r.Forward == lvs.TUN { // Linux 5.3 and later
		r.Tunnel = lvs.Tunnel{
			Type: uint8(a.number(dstTunType)), Port: a.port(dstTunPort), Flags: uint16(a.number(dstTunFlags)),
		}
	}
	counters, err := decodeCounters(a, dstStats64, dstStats)
	return server{r, lvs.ServerStats{
		Active: uint32(a.number(dstActive)), Inactive: uint32(a.number(dstInactive)),
		Persistent: uint32(a.number(dstPersist)), Counters: counters,
	}}, err
}

// forwardName names a forwarding method. The kernel has two more that nobody
// asks it for: they are named so that they differ from ours.
func forwardName(n uint32) lvs.Forward {
	switch n & moby.ConnFwdMask {
	case moby.ConnFwdMasq:
		return lvs.NAT
	case moby.ConnFwdTunnel:
		return lvs.TUN
	case moby.ConnFwdDirectRoute:
		return lvs.DR
	case moby.ConnFwdLocalNode:
		return "local"
	}
	return "bypass"
}

// decodeCounters reads the 64-bit counters, or on a kernel that does not send
// them (before Linux 4.1) the 32-bit ones.
func decodeCounters(a attributes, wide, narrow uint16) (lvs.Counters, error) {
	t := wide
	if a[t] == nil {
		t = narrow
	}
	s, err := a.nested(t)
	return lvs.Counters{
		Connections: s.number(statConns),
		PacketsIn:   s.number(statPacketsIn),
		PacketsOut:  s.number(statPacketsOut),
		BytesIn:     s.number(statBytesIn),
		BytesOut:    s.number(statBytesOut),
	}, err
}
