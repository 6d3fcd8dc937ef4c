package host

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tunnelAlias is the alias (ip link show: "alias …") of tunnel devices of ours.
const tunnelAlias = "failover realserver"

// TunnelKind is a kind of device that takes balanced packets out of their tunnel,
// as `ip link` names it; gue is a port of UDP that hands to the devices.
type TunnelKind string

// The kinds of tunnel. Which one it is depends on the families outside and inside.
const (
	IPIP TunnelKind = "ipip"   // IPv4 in IPv4
	SIT  TunnelKind = "sit"    // IPv6 in IPv4
	IP6  TunnelKind = "ip6tnl" // either in IPv6
	GRE  TunnelKind = "gre"    // either in IPv4
	GRE6 TunnelKind = "ip6gre" // either in IPv6
	GUE  TunnelKind = "gue"
)

// Tunnel is where balanced packets arrive in a tunnel, whoever sends them.
type Tunnel struct {
	Kind  TunnelKind `json:"kind"`
	Local netip.Addr `json:"local"` // what they are sent to; of GUE only its family counts
	// Checksum of GRE: the kernel takes none with one from a device that wants none,
	// and the other way round.
	Checksum bool   `json:"checksum,omitempty"`
	Port     uint16 `json:"port,omitempty"` // of GUE
	// Inside is an IPv4 address that the device has. Without one no packet from it
	// passes the filter of reversed paths, however loose (net/ipv4/fib_frontend.c,
	// __fib_validate_source, no_addr). Invalid: no IPv4 inside.
	Inside netip.Addr `json:"inside,omitzero"`
}

// same tells whether two are about one device or port.
func (t Tunnel) same(o Tunnel) bool { return t.Device() == o.Device() && t.String() == o.String() }

func containsTunnel(list []Tunnel, t Tunnel) bool { return slices.ContainsFunc(list, t.same) }

// Device is the name of the tunnel's device; empty for a port of GUE. A name has at
// most 15 bytes, and the same tunnel always has the same.
func (t Tunnel) Device() string {
	if t.Kind == GUE {
		return ""
	}
	h := fnv.New32a()
	h.Write(t.Local.AsSlice())
	return fmt.Sprintf("fo%s-%05x", t.Kind, h.Sum32()&0xfffff)
}

// String names the tunnel for people.
func (t Tunnel) String() string {
	if t.Kind == GUE {
		return fmt.Sprintf("gue on port %d of %s", t.Port, familyOf(t.Local))
	}
	return fmt.Sprintf("%s to %s, %s", t.Kind, t.Local, t.Device())
}

func familyOf(a netip.Addr) string {
	if a.Is6() {
		return "IPv6"
	}
	return "IPv4"
}

// setTunnels makes devices and ports, and removes those that we own and nobody
// wants.
func setTunnels(want, owned []Tunnel) (added, removed []Tunnel, err error) {
	var errs []error
	for _, t := range want {
		is, err := t.is()
		if err == nil && is {
			continue
		}
		if err == nil {
			err = t.add()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("host: tunnel %s: %w", t, privileged(err)))
			continue
		}
		added = append(added, t)
	}
	for _, t := range owned {
		if containsTunnel(want, t) {
			continue
		}
		if err := t.remove(); err != nil {
			errs = append(errs, fmt.Errorf("host: remove tunnel %s: %w", t, privileged(err)))
			continue
		}
		removed = append(removed, t)
	}
	return added, removed, errors.Join(errs...)
}

// is tells whether the tunnel is there as it should be. Something else in its place
// is an error.
func (t Tunnel) is() (bool, error) {
	if t.Kind == GUE {
		return t.listens()
	}
	l, err := netlink.LinkByName(t.Device())
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if l.Attrs().Alias != tunnelAlias || l.Type() != string(t.Kind) {
		return false, fmt.Errorf("there is a device of that name that is not ours")
	}
	missing, others, err := t.inside(l)
	return l.Attrs().Flags&net.FlagUp != 0 && t.matches(l) && !missing && len(others) == 0, err
}

// inside tells whether the device lacks its address, and which others it has.
func (t Tunnel) inside(l netlink.Link) (missing bool, others []netlink.Addr, err error) {
	others, err = netlink.AddrList(l, netlink.FAMILY_V4)
	if err != nil || !t.Inside.IsValid() {
		return false, others, err
	}
	n := len(others)
	others = slices.DeleteFunc(others, func(a netlink.Addr) bool { return a.IP.Equal(t.Inside.AsSlice()) })
	return len(others) == n, others, nil
}

// matches compares what a device of the right name and kind takes.
func (t Tunnel) matches(l netlink.Link) bool {
	g, is := l.(*netlink.Gretun)
	return !is || g.IFlags&greChecksum != 0 == t.Checksum
}

// add makes the device, or mends one of ours.
func (t Tunnel) add() error {
	if t.Kind == GUE {
		return netlink.FouAdd(t.port())
	}
	l := t.link()
	err := netlink.LinkAdd(l)
	if errors.Is(err, unix.EEXIST) {
		if there, findErr := netlink.LinkByName(t.Device()); findErr == nil && !t.matches(there) {
			err = errors.Join(netlink.LinkDel(there), netlink.LinkAdd(l))
		} else if findErr == nil {
			err = nil // it is down
		} else {
			err = fmt.Errorf("%w: another device takes packets to %s", err, t.Local)
		}
	}
	if err != nil {
		return err
	}
	made, err := netlink.LinkByName(t.Device())
	if err != nil {
		return err
	}
	missing, others, err := t.inside(made)
	errs := []error{err, netlink.LinkSetAlias(made, tunnelAlias)}
	if missing {
		errs = append(errs, netlink.AddrAdd(made, alone(t.Inside)))
	}
	for _, a := range others {
		errs = append(errs, netlink.AddrDel(made, &a))
	}
	return errors.Join(append(errs, netlink.LinkSetUp(made))...)
}

// greChecksum is GRE_CSUM, in the kernel's order (include/uapi/linux/if_tunnel.h).
const greChecksum = 0x8000

func (t Tunnel) link() netlink.Link {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = t.Device()
	local := net.IP(t.Local.AsSlice())
	switch t.Kind {
	case IPIP:
		return &netlink.Iptun{LinkAttrs: attrs, Local: local, PMtuDisc: 1}
	case SIT:
		return &netlink.Sittun{LinkAttrs: attrs, Local: local, PMtuDisc: 1, Proto: unix.IPPROTO_IPV6}
	case IP6:
		return &netlink.Ip6tnl{LinkAttrs: attrs, Local: local, Remote: net.IPv6unspecified}
	case GRE, GRE6:
		g := &netlink.Gretun{LinkAttrs: attrs, Local: local, PMtuDisc: 1}
		if t.Kind == GRE6 {
			g.Remote = net.IPv6unspecified
		}
		if t.Checksum {
			g.IFlags = greChecksum
		}
		return g
	case GUE:
	}
	panic("host: no such kind of device: " + string(t.Kind))
}

// remove removes what is ours.
func (t Tunnel) remove() error {
	if t.Kind == GUE {
		err := netlink.FouDel(t.port())
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
			return nil
		}
		return err
	}
	l, err := netlink.LinkByName(t.Device())
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil || l.Attrs().Alias != tunnelAlias {
		return err
	}
	return netlink.LinkDel(l)
}

func (t Tunnel) family() int {
	if t.Local.Is6() {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

func (t Tunnel) port() netlink.Fou {
	return netlink.Fou{Family: t.family(), Port: int(t.Port), EncapType: netlink.FOU_ENCAP_GUE}
}

// listens tells whether the port of GUE is open.
func (t Tunnel) listens() (bool, error) {
	list, err := netlink.FouList(t.family())
	if err != nil && strings.Contains(err.Error(), "not found") || errors.Is(err, unix.ENOENT) {
		return false, fmt.Errorf("the kernel has no fou: %w", err)
	}
	if err != nil {
		return false, err
	}
	for _, f := range list {
		if f.Port != int(t.Port) || f.Family != t.family() {
			continue
		}
		if f.EncapType != netlink.FOU_ENCAP_GUE {
			return false, fmt.Errorf("the port is taken by another kind of encapsulation")
		}
		return true, nil
	}
	return false, nil
}
