package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// gatewayMetric6 is the metric of our default route of IPv6; those of others have
// 1024. Of IPv4 it is 0, the best there is.
const gatewayMetric6 = 1

// OwnedGateway is a default route of ours, and the one whose place it took.
type OwnedGateway struct {
	Gateway netip.Addr     `json:"gateway"`
	Before  *ReplacedRoute `json:"before,omitempty"`
}

// ReplacedRoute is what is needed to bring a default route of IPv4 back.
type ReplacedRoute struct {
	Gateway   netip.Addr `json:"gateway,omitzero"` // invalid: by the interface alone
	Interface string     `json:"interface"`
	Source    netip.Addr `json:"source,omitzero"`
	Protocol  int        `json:"protocol"`
	OnLink    bool       `json:"onlink,omitempty"`
}

// defaults are the default routes of a family in the main table.
func defaults(v6 bool) ([]netlink.Route, error) {
	family := netlink.FAMILY_V4
	if v6 {
		family = netlink.FAMILY_V6
	}
	all, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("host: list routes: %w", err)
	}
	return slices.DeleteFunc(all, func(r netlink.Route) bool {
		if r.Dst == nil {
			return false
		}
		ones, _ := r.Dst.Mask.Size()
		return ones != 0 || r.Type != unix.RTN_UNICAST
	}), nil
}

// viaUs finds our route among default routes.
func viaUs(list []netlink.Route, gateway netip.Addr) int {
	return slices.IndexFunc(list, func(r netlink.Route) bool {
		gw, ok := netip.AddrFromSlice(r.Gw)
		return ok && gw.Unmap() == gateway && r.Protocol == protocol
	})
}

// inPlace tells whether the machine routes by the gateway, by our doing or not.
func inPlace(gateway netip.Addr) (bool, error) {
	list, err := defaults(gateway.Is6())
	if err != nil || len(list) == 0 {
		return false, err
	}
	best := slices.MinFunc(list, func(a, b netlink.Route) int { return a.Priority - b.Priority })
	gw, ok := netip.AddrFromSlice(best.Gw)
	return ok && gw.Unmap() == gateway, nil
}

// replaced is the default route of IPv4 whose place ours would take: the kernel has
// one of a metric.
func replaced(gateway netip.Addr) (*ReplacedRoute, error) {
	if gateway.Is6() {
		return nil, nil
	}
	list, err := defaults(false)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(r netlink.Route) bool { return r.Priority == 0 && r.Tos == 0 })
	if i < 0 || list[i].Protocol == protocol {
		return nil, nil
	}
	r := list[i]
	if len(r.MultiPath) > 0 {
		return nil, fmt.Errorf("host: default route: it has several gateways, which could not be brought back; remove it or give it a metric")
	}
	link, err := netlink.LinkByIndex(r.LinkIndex)
	if err != nil {
		return nil, fmt.Errorf("host: default route: %w", err)
	}
	before := &ReplacedRoute{Interface: link.Attrs().Name, Protocol: int(r.Protocol), OnLink: r.Flags&unix.RTNH_F_ONLINK != 0}
	if gw, ok := netip.AddrFromSlice(r.Gw); ok {
		before.Gateway = gw.Unmap()
	}
	if src, ok := netip.AddrFromSlice(r.Src); ok {
		before.Source = src.Unmap()
	}
	return before, nil
}

// addGateway makes the default route, in the place of one of the same metric.
func addGateway(gateway netip.Addr) error {
	r := &netlink.Route{Gw: net.IP(gateway.AsSlice()), Protocol: protocol, Table: unix.RT_TABLE_MAIN, Dst: everywhere(gateway)}
	if gateway.Is6() {
		r.Priority = gatewayMetric6
	}
	if err := netlink.RouteReplace(r); err != nil {
		return fmt.Errorf("host: default route via %s: %w", gateway, privileged(err))
	}
	return nil
}

// removeGateway removes our default route and brings back the one before, where
// nobody has put another there.
func removeGateway(o OwnedGateway) error {
	list, err := defaults(o.Gateway.Is6())
	if err != nil {
		return err
	}
	if i := viaUs(list, o.Gateway); i >= 0 {
		if err := netlink.RouteDel(&list[i]); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("host: remove default route via %s: %w", o.Gateway, privileged(err))
		}
	}
	b := o.Before
	if b == nil {
		return nil
	}
	link, err := netlink.LinkByName(b.Interface)
	if err != nil {
		return fmt.Errorf("host: bring back the default route via %s: %w", b.Gateway, err)
	}
	r := &netlink.Route{LinkIndex: link.Attrs().Index, Protocol: netlink.RouteProtocol(b.Protocol), Table: unix.RT_TABLE_MAIN, Dst: everywhere(o.Gateway)}
	if b.Gateway.IsValid() {
		r.Gw = net.IP(b.Gateway.AsSlice())
	} else {
		r.Scope = netlink.SCOPE_LINK
	}
	if b.Source.IsValid() {
		r.Src = net.IP(b.Source.AsSlice())
	}
	if b.OnLink {
		r.Flags = unix.RTNH_F_ONLINK
	}
	if err := netlink.RouteAdd(r); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("host: bring back the default route via %s: %w", b.Gateway, privileged(err))
	}
	return nil
}

// everywhere is the destination of a default route.
func everywhere(of netip.Addr) *net.IPNet {
	return &net.IPNet{IP: net.IP(netip.PrefixFrom(of, 0).Masked().Addr().AsSlice()), Mask: net.CIDRMask(0, of.BitLen())}
}
