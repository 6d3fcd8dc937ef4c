//go:build linux

package ipvs

import (
	"errors"
	"fmt"
	"math"
	"net"

	moby "github.com/moby/ipvs"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// Errors of real servers that cannot be written, or would be written as something
// else; the kernel is not asked.
var (
	errFamily    = errors.New("a real server of another address family than its service needs forward tun")
	errTunnel    = errors.New("unknown tunnel type or checksum")
	errPort      = errors.New("a gue tunnel needs a port")
	errWeight    = errors.New("weight out of range")
	errThreshold = errors.New("the lower threshold of connections is above the upper one")
)

// server adds, sets or deletes a real server.
func (h *handle) server(op lvs.Op) error {
	if err := checkServer(op.Service.Key, op.Server, op.Kind == lvs.DelServer); err != nil {
		return err
	}
	if !plain(op.Service.Key, op.Server) {
		return h.ownServer(op)
	}
	s, err := service(op.Service)
	if err != nil {
		return err
	}
	d := destination(op.Server)
	switch op.Kind {
	case lvs.AddServer:
		return h.moby.NewDestination(s, d)
	case lvs.SetServer:
		return h.moby.UpdateDestination(s, d)
	}
	return h.moby.DelDestination(s, d)
}

// checkServer finds what the kernel refuses without a word of explanation. A
// server that is deleted is only named.
func checkServer(k lvs.Key, r lvs.Server, named bool) error {
	switch {
	case named:
		return nil
	case r.Address.Addr().Is6() != k.Is6() && r.Forward != lvs.TUN:
		return errFamily // ip_vs_ctl.c, ip_vs_genl_set_cmd
	case r.Weight < 0 || r.Weight > math.MaxInt32:
		return errWeight
	case r.Lower > r.Upper:
		return errThreshold
	case r.Forward == lvs.TUN && (r.Tunnel.Type > lvs.TunnelGRE || r.Tunnel.Flags > 2):
		return errTunnel
	case r.Forward == lvs.TUN && r.Tunnel.Type == lvs.TunnelGUE && r.Tunnel.Port == 0:
		return errPort // ip_vs_ctl.c, ip_vs_add_dest
	}
	return nil
}

// plain tells whether moby/ipvs can carry the server. It sends neither address
// family, without which the kernel would read another address, nor tunnel,
// without which a tunnel becomes IP-in-IP.
func plain(k lvs.Key, r lvs.Server) bool {
	return r.Address.Addr().Is6() == k.Is6() && (r.Forward != lvs.TUN || r.Tunnel == lvs.Tunnel{})
}

// destination puts a plain server into moby's form.
func destination(r lvs.Server) *moby.Destination {
	return &moby.Destination{
		Address:         net.IP(r.Address.Addr().AsSlice()),
		Port:            r.Address.Port(),
		Weight:          r.Weight,
		ConnectionFlags: forwardNumber(r.Forward),
		AddressFamily:   familyNumber(r.Address.Addr().Is6()),
		UpperThreshold:  r.Upper,
		LowerThreshold:  r.Lower,
	}
}

// ownServer is what moby/ipvs cannot carry.
func (h *handle) ownServer(op lvs.Op) error {
	cmd := map[lvs.OpKind]uint8{lvs.AddServer: cmdNewDest, lvs.SetServer: cmdSetDest, lvs.DelServer: cmdDelDest}[op.Kind]
	r := op.Server
	a := nl.NewRtAttr(attrDest|unix.NLA_F_NESTED, nil)
	a.AddRtAttr(dstFamily, nl.Uint16Attr(familyNumber(r.Address.Addr().Is6())))
	a.AddRtAttr(dstAddress, r.Address.Addr().AsSlice())
	a.AddRtAttr(dstPort, nl.BEUint16Attr(r.Address.Port()))
	if op.Kind != lvs.DelServer {
		a.AddRtAttr(dstForward, nl.Uint32Attr(forwardNumber(r.Forward)))
		a.AddRtAttr(dstWeight, nl.Uint32Attr(uint32(r.Weight)))
		a.AddRtAttr(dstUpper, nl.Uint32Attr(r.Upper))
		a.AddRtAttr(dstLower, nl.Uint32Attr(r.Lower))
		a.AddRtAttr(dstTunType, nl.Uint8Attr(r.Tunnel.Type))
		a.AddRtAttr(dstTunPort, nl.BEUint16Attr(r.Tunnel.Port))
		a.AddRtAttr(dstTunFlags, nl.Uint16Attr(r.Tunnel.Flags))
	}
	return h.order(cmd, keyAttribute(op.Service.Key), a)
}

func forwardNumber(f lvs.Forward) uint32 {
	switch f {
	case lvs.NAT:
		return moby.ConnFwdMasq
	case lvs.TUN:
		return moby.ConnFwdTunnel
	case lvs.DR:
		return moby.ConnFwdDirectRoute
	}
	panic(fmt.Sprintf("ipvs: unknown forwarding method %q", f))
}
