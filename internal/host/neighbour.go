package host

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"failover/internal/pause"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// firstAnswer is how long the first look for another director waits for its answer,
// which takes a millisecond where there is one.
const firstAnswer = 300 * time.Millisecond

// cards are the hardware addresses of other directors, as the kernel's neighbour
// discovery has them. Of one that does not answer now the last known counts: it
// may speak again before it is looked for again. Where nothing is known the kernel
// is told to ask. missing tells that one on a link of ours has not answered.
func (r *Reconciler) cards(ctx context.Context, directors []netip.Addr) (list []string, missing bool) {
	if len(directors) == 0 {
		return nil, false
	}
	var silent []netip.Addr
	first := false
	for _, a := range directors {
		_, known := r.lastKnown[a]
		if r.neighbours()[a] == "" && r.solicit(a) && !known {
			silent = append(silent, a)
			first = first || !r.solicited[a]
			r.solicited[a] = true
		}
	}
	answered := func() bool {
		known := r.neighbours()
		return !slices.ContainsFunc(silent, func(a netip.Addr) bool { return known[a] == "" })
	}
	for end := time.Now().Add(firstAnswer); first && !answered() && time.Now().Before(end) && ctx.Err() == nil; {
		_ = pause.For(ctx, 5*time.Millisecond)
	}
	known := r.neighbours()
	for _, a := range directors {
		if mac, ok := known[a]; ok {
			r.lastKnown[a] = mac
		}
		if mac, ok := r.lastKnown[a]; ok {
			list = append(list, mac)
		}
	}
	if len(list) == 0 {
		// A new process that finds nobody goes on with what the one before has found.
		if _, has, exact, err := r.nft.read(); err == nil && exact {
			list = has["directors"]
		}
	}
	return list, !answered()
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

// solicit has the kernel look for a neighbour, and tells whether it is one. What is
// not on a link of ours is behind a router, from whose card everything else comes
// too: it has none.
func solicit(a netip.Addr) bool {
	routes, err := netlink.RouteGet(net.IP(a.AsSlice()))
	if err != nil || len(routes) == 0 || routes[0].Gw != nil || routes[0].Type != unix.RTN_UNICAST {
		return false
	}
	// NTF_USE: as if a packet were to be sent (net/core/neighbour.c, neigh_add).
	return netlink.NeighSet(&netlink.Neigh{LinkIndex: routes[0].LinkIndex, IP: net.IP(a.AsSlice()), Flags: unix.NTF_USE}) == nil
}
