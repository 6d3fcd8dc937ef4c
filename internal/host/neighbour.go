package host

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// cards are the hardware addresses of other directors, as the kernel's neighbour
// discovery has them. Of one that does not answer now the last known counts: it
// may speak again before it is looked for again. Where nothing is known the kernel
// is told to ask, so that the next look finds it.
func (r *Reconciler) cards(directors []netip.Addr) []string {
	if len(directors) == 0 {
		return nil
	}
	known := r.neighbours()
	var list []string
	for _, a := range directors {
		if mac, ok := known[a]; ok {
			r.lastKnown[a] = mac
		} else {
			r.solicit(a)
		}
		if mac, ok := r.lastKnown[a]; ok {
			list = append(list, mac)
		}
	}
	if len(list) > 0 {
		return list
	}
	// A new process that finds nobody goes on with what the one before has found.
	if _, has, exact, err := r.nft.read(); err == nil && exact {
		return has["directors"]
	}
	return nil
}

// kernelNeighbours is the kernel's neighbour table, where it has an answer.
func kernelNeighbours() map[netip.Addr]string {
	known := map[netip.Addr]string{}
	list, err := netlink.NeighList(0, unix.AF_UNSPEC)
	if err != nil {
		return known // nothing is known
	}
	const silent = netlink.NUD_FAILED | netlink.NUD_INCOMPLETE | netlink.NUD_NOARP
	for _, n := range list {
		if a, ok := netip.AddrFromSlice(n.IP); ok && len(n.HardwareAddr) == 6 && n.State&silent == 0 {
			known[a.Unmap()] = string(n.HardwareAddr)
		}
	}
	return known
}

// solicit has the kernel look for a neighbour. One that is not on a link of ours is
// behind a router, from whose card everything else comes too: it has none.
func solicit(a netip.Addr) {
	routes, err := netlink.RouteGet(net.IP(a.AsSlice()))
	if err != nil || len(routes) == 0 || routes[0].Gw != nil || routes[0].Type != unix.RTN_UNICAST {
		return
	}
	// NTF_USE: as if a packet were to be sent (net/core/neighbour.c, neigh_add). It
	// fails where the interface has just gone; then there is nobody to find.
	_ = netlink.NeighSet(&netlink.Neigh{LinkIndex: routes[0].LinkIndex, IP: net.IP(a.AsSlice()), Flags: unix.NTF_USE})
}
