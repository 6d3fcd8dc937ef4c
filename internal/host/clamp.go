package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"failover/lvs"
)

// segment is the largest that clients of a service may send, in bytes.
type segment struct {
	service lvs.Key
	size    uint16
}

// segments are the clamps in numbers. Without its interface, or on one that is too
// narrow for anything, a service has none.
func (r *Reconciler) segments(list []Clamp) ([]segment, error) {
	if len(list) == 0 {
		return nil, nil
	}
	mtu, err := r.mtus()
	return segmentsOf(list, mtu), err
}

func segmentsOf(list []Clamp, mtu map[netip.Addr]int) []segment {
	var out []segment
	for _, c := range list {
		size := mtu[c.Server] - c.Headers
		if size <= 0 || size >= 1<<16 {
			continue
		}
		i := slices.IndexFunc(out, func(s segment) bool { return s.service == c.Service })
		if i < 0 {
			out = append(out, segment{c.Service, uint16(size)})
			continue
		}
		out[i].size = min(out[i].size, uint16(size)) // it is reached by two tunnels
	}
	return out
}

// kernelMTUs are the MTUs of this machine's interfaces but lo, which has the
// addresses of services, by address.
func kernelMTUs() (map[netip.Addr]int, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("host: list interfaces: %w", err)
	}
	of := map[int]int{}
	for _, l := range links {
		if l.Attrs().Flags&net.FlagLoopback == 0 {
			of[l.Attrs().Index] = l.Attrs().MTU
		}
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	for try := 0; errors.Is(err, netlink.ErrDumpInterrupted) && try < 5; try++ { // something has changed meanwhile
		addresses, err = netlink.AddrList(nil, netlink.FAMILY_ALL)
	}
	if err != nil {
		return nil, fmt.Errorf("host: list addresses: %w", err)
	}
	mtu := map[netip.Addr]int{}
	for _, a := range addresses {
		if one, ok := netip.AddrFromSlice(a.IP); ok && of[a.LinkIndex] > 0 {
			mtu[one.Unmap()] = of[a.LinkIndex]
		}
	}
	return mtu, nil
}
