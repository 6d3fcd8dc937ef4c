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

// protocol is the number that addresses and routes of ours carry, 0xF0; never 18,
// which is keepalived's. (Kernels before 5.18 keep none of an address.)
const protocol = 0xf0

// localAddress is one address of the loopback interface.
type localAddress struct {
	address netip.Addr
	ours    bool // it carries our mark, or the kernel keeps none
	marked  bool
}

// localAddresses are those of the loopback interface, with the interface.
func localAddresses() (netlink.Link, []localAddress, error) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, nil, fmt.Errorf("host: interface lo: %w", err)
	}
	all, err := netlink.AddrList(lo, netlink.FAMILY_ALL)
	if err != nil {
		return nil, nil, fmt.Errorf("host: addresses of lo: %w", err)
	}
	var list []localAddress
	for _, a := range all {
		if one, ok := netip.AddrFromSlice(a.IP); ok {
			list = append(list, localAddress{one.Unmap(), a.Protocol == protocol || a.Protocol == 0, a.Protocol == protocol})
		}
	}
	return lo, list, nil
}

// putLocal puts an address on the loopback interface, alone in its subnet.
func putLocal(lo netlink.Link, a netip.Addr) error {
	if err := netlink.AddrAdd(lo, alone(a)); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("host: add %s to lo: %w", a, privileged(err))
	}
	return nil
}

// removeLocal takes off those of our addresses that are not kept. Removed counts
// also what was not there, or is somebody else's by now.
func removeLocal(owned, keep []netip.Addr) (removed []netip.Addr, err error) {
	lo, have, err := localAddresses()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, a := range owned {
		if slices.Contains(keep, a) {
			continue
		}
		i := slices.IndexFunc(have, func(l localAddress) bool { return l.address == a })
		if i >= 0 && have[i].ours {
			if err := netlink.AddrDel(lo, alone(a)); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
				errs = append(errs, fmt.Errorf("host: remove %s from lo: %w", a, privileged(err)))
				continue
			}
		}
		removed = append(removed, a)
	}
	return removed, errors.Join(errs...)
}

// alone is an address alone in its subnet.
func alone(a netip.Addr) *netlink.Addr {
	ip := &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
	// Nobody else is to be asked whether it is theirs: it is.
	flags := 0
	if a.Is6() {
		flags = unix.IFA_F_NODAD
	}
	return &netlink.Addr{IPNet: ip, Protocol: protocol, Flags: flags}
}

// privileged says what an operation takes that is not permitted.
func privileged(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: that takes CAP_NET_ADMIN", err)
	}
	return err
}
