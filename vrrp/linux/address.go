package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// scopes are the kernel's numbers (rtnetlink.h, RT_SCOPE_…).
var scopes = map[vrrp.Scope]int{
	"": unix.RT_SCOPE_UNIVERSE, vrrp.ScopeGlobal: unix.RT_SCOPE_UNIVERSE, vrrp.ScopeSite: unix.RT_SCOPE_SITE,
	vrrp.ScopeLink: unix.RT_SCOPE_LINK, vrrp.ScopeHost: unix.RT_SCOPE_HOST,
}

// resolve finds the interfaces of a group's addresses, or their devices; index are
// the interfaces that have been found so far. Addresses on an interface that is
// missing are left out, and the error names them.
func (h *Host) resolve(o vrrp.Owned, devices map[deviceKey]*device, index map[string]int) ([]wish, error) {
	var out []wish
	var errs []error
	for _, a := range o.Addresses {
		i, known := index[a.Interface]
		if !known {
			l, err := h.kernel.LinkByName(a.Interface)
			if err != nil {
				errs = append(errs, fmt.Errorf("vrrp: add %s to %s: %w", a.Address, a.Interface, noLink(err)))
				continue
			}
			i = l.Attrs().Index
			index[a.Interface] = i
		}
		if a.MAC != (vrrp.MAC{}) {
			d := devices[deviceKey{i, a.MAC}]
			if d == nil {
				continue // the error says why
			}
			i = d.link.Attrs().Index
		}
		out = append(out, wish{
			Held: Held{
				Group: o.Group, Router: a.Router, Interface: a.Interface, Index: i, Address: a.Address, Label: a.Label,
			},
			// The kernel takes none for one without end, which nobody would take off.
			lease: max(1, a.LeaseSecs),
			scope: scopes[a.Scope], noRoute: a.NoPrefixRoute,
			behind: a.MAC != (vrrp.MAC{}), static: a.Static,
		})
	}
	return out, errors.Join(errs...)
}

// noLink returns the error of an interface that is not there in the system's own
// words.
func noLink(err error) error {
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return unix.ENODEV
	}
	return err
}

// add gives the machine a new address. One that somebody else adds at the same
// moment is his.
func (h *Host) add(w wish, there map[key]present) error {
	err := h.install(w, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	switch {
	case errors.Is(err, unix.EEXIST):
		err = ErrForeign
	case errors.Is(err, unix.EINVAL):
		if other, is := rival(w, there); is {
			err = fmt.Errorf("%s is there with another scope, and one subnet of an interface has one", other)
		}
	}
	if err != nil {
		return fmt.Errorf("vrrp: add %s to %s: %w", w.Address, w.Interface, err)
	}
	h.log.Debug("address added", "address", w.Address, "interface", w.Interface, "group", w.Group)
	return nil
}

// rival finds what the kernel (inet_insert_ifa) does not let stand beside an IPv4
// address: one of the same subnet and of another scope.
func rival(w wish, there map[key]present) (netip.Prefix, bool) {
	for k, a := range there {
		if k.index == w.Index && k.prefix.Addr().Is4() && k.prefix.Masked() == w.Address.Masked() && a.scope != w.scope {
			return k.prefix, true
		}
	}
	return netip.Prefix{}, false
}

// renew gives an address of ours its lease anew.
func (h *Host) renew(w wish) error {
	if err := h.install(w, unix.NLM_F_CREATE|unix.NLM_F_REPLACE); err != nil {
		return fmt.Errorf("vrrp: renew %s on %s: %w", w.Address, w.Interface, err)
	}
	return nil
}

// address is a wish as netlink takes it. One of IPv6 is there at once: another
// machine may have had it a moment ago, which duplicate address detection would
// take for a duplicate. And it is deprecated from the first, so that what this
// machine asks of others it asks from an address that stays (RFC 6724 section 5,
// rule 3); who asks us is answered all the same.
func (h *Host) address(w wish) *netlink.Addr {
	a := &netlink.Addr{
		IPNet: toIPNet(w.Address), LinkIndex: w.Index, ValidLft: w.lease, PreferedLft: w.lease,
		Label: w.Label, Scope: w.scope,
	}
	if w.Address.Addr().Is6() {
		a.Flags, a.PreferedLft = unix.IFA_F_NODAD, 0
	}
	if w.noRoute {
		a.Flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if h.marks {
		a.Protocol = mark
	}
	return a
}

// remove takes an address of ours off. One that is gone already is fine. With
// promote the rest of its subnet stays.
func (h *Host) remove(a present, promote bool) (err error) {
	name := fmt.Sprintf("interface %d", a.index)
	if l, err := h.kernel.LinkByIndex(a.index); err == nil {
		name = l.Attrs().Name
	}
	if promote {
		restore, err := promoteSecondaries(name)
		if err != nil {
			return fmt.Errorf("vrrp: remove %s from %s: %w", a.prefix, name, err)
		}
		defer func() { err = errors.Join(err, restore()) }()
	}
	err = h.kernel.AddrDel(nil, &netlink.Addr{IPNet: toIPNet(a.prefix), LinkIndex: a.index})
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("vrrp: remove %s from %s: %w", a.prefix, name, err)
	}
	h.log.Debug("address removed", "address", a.prefix, "interface", name)
	return nil
}

// toPrefix and toIPNet convert between the address types.
func toPrefix(n *net.IPNet) netip.Prefix {
	a, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits)
}

func toIPNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
