package lab

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The addresses of IPv6, once [Lab.AddIPv6] has been called. A node has the number
// that is its last one of IPv4.
var (
	VirtualOutside6 = netip.MustParsePrefix("2001:db8:20::4/64")
	VirtualInside6  = netip.MustParsePrefix("2001:db8:33::90/64")
)

// Service6 is the address and port clients use by IPv6.
const Service6 = "[2001:db8:20::4]:80"

// BothFamilies are the virtual routers of both families, in one group.
func BothFamilies() []Router {
	return append(DefaultRouters(),
		Router{"outside6", "eth2", 51, VirtualOutside6, "nat"},
		Router{"inside6", "eth1", 52, VirtualInside6, "nat"},
	)
}

// AddIPv6 gives every node addresses of IPv6 too, and those that are connected later.
// Call it before [Lab.DirectRouting].
func (l *Lab) AddIPv6() error {
	l.ipv6 = true
	for _, p := range l.plugs {
		if err := l.second(p); err != nil {
			return err
		}
	}
	for _, w := range []*Web{l.Web1, l.Web2} {
		if err := w.Node.DefaultRoute(VirtualInside6.Addr()); err != nil {
			return err
		}
	}
	return nil
}

// second gives a node's interface its address of IPv6, which nobody is asked about.
func (l *Lab) second(p plug) error {
	n := l.nodes[p.node]
	four, err := netip.ParsePrefix(p.address)
	if err != nil {
		return fmt.Errorf("lab: %s: %w", p.node, err)
	}
	network := map[string]string{"outside": "2001:db8:20", "inside": "2001:db8:33"}[p.network]
	if network == "" {
		return fmt.Errorf("lab: network %s has no IPv6", p.network)
	}
	return n.addAddress(p.link, fmt.Sprintf("%s::%d/64", network, four.Addr().As4()[3]))
}

// addAddress adds an address to an interface; one of IPv6 is there at once.
func (n *Node) addAddress(name, text string) error {
	link, err := n.link.LinkByName(name)
	if err != nil {
		return fmt.Errorf("lab: %s %s: %w", n.Name, name, err)
	}
	address, err := netlink.ParseAddr(text)
	if err != nil {
		return fmt.Errorf("lab: %s: %w", n.Name, err)
	}
	if address.IP.To4() == nil {
		address.Flags = unix.IFA_F_NODAD
	}
	if err := n.link.AddrAdd(link, address); err != nil {
		return fmt.Errorf("lab: %s %s: add %s: %w", n.Name, name, text, err)
	}
	return nil
}
