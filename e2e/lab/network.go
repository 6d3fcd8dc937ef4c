package lab

import (
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const bridge = "br0"

// addSwitch makes a namespace with a bridge in it that behaves as a plain
// switch: no spanning tree, no opinion on multicast.
func (l *Lab) addSwitch(name string) error {
	n, err := l.addNode(name, false)
	if err != nil {
		return err
	}
	l.switches[name] = n
	off := false
	br := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridge}, MulticastSnooping: &off}
	if err := n.link.LinkAdd(br); err != nil {
		return fmt.Errorf("lab: switch %s: %w", name, err)
	}
	if err := n.link.LinkSetUp(br); err != nil {
		return fmt.Errorf("lab: switch %s: up: %w", name, err)
	}
	return nil
}

// plugIn connects an interface of a node to a switch and makes the node at its
// first cable. The port of the switch has the node's name.
func (l *Lab) plugIn(p plug) error {
	n := l.nodes[p.node]
	if n == nil {
		var err error
		if n, err = l.addNode(p.node, p.node == "lb1" || p.node == "lb2"); err != nil {
			return err
		}
		l.nodes[p.node] = n
	}
	sw := l.switches[p.network]
	cable := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: p.node},
		PeerName:      p.link,
		PeerNamespace: netlink.NsFd(n.ns),
	}
	if err := sw.link.LinkAdd(cable); err != nil {
		return fmt.Errorf("lab: cable of %s %s: %w", p.node, p.link, err)
	}
	if err := l.port(n, p.network, l.attach); err != nil {
		return err
	}
	if err := n.addAddress(p.link, p.address); err != nil {
		return err
	}
	link, err := n.link.LinkByName(p.link)
	if err == nil {
		err = n.link.LinkSetUp(link)
	}
	if err != nil {
		return fmt.Errorf("lab: %s %s: up: %w", p.node, p.link, err)
	}
	l.plugs = append(l.plugs, p)
	if l.ipv6 {
		return l.second(p)
	}
	return nil
}

// AddSegment gives both directors one more interface, on a switch of its own.
// The addresses are lb1's and lb2's, with their prefix.
func (l *Lab) AddSegment(network, link, address1, address2 string) error {
	if err := l.addSwitch(network); err != nil {
		return err
	}
	for _, p := range []plug{{"lb1", link, address1, network}, {"lb2", link, address2, network}} {
		if err := l.plugIn(p); err != nil {
			return err
		}
	}
	return nil
}

// Pull removes the node's interface of a network from the machine, as when a card
// is pulled.
func (l *Lab) Pull(n *Node, network string) error {
	p, err := l.plugOf(n, network)
	if err != nil {
		return err
	}
	l.plugs = slices.DeleteFunc(l.plugs, func(x plug) bool { return x == p })
	link, err := n.link.LinkByName(p.link)
	if err == nil {
		err = n.link.LinkDel(link)
	}
	if err != nil {
		return fmt.Errorf("lab: %s: pull %s: %w", n.Name, p.link, err)
	}
	return nil
}

// Insert undoes Pull: a new interface of the same name, with the node's own
// address.
func (l *Lab) Insert(n *Node, network string) error {
	for _, p := range cables {
		if p.node == n.Name && p.network == network {
			return l.plugIn(p)
		}
	}
	return fmt.Errorf("lab: %s has no interface in %s", n.Name, network)
}

func (l *Lab) plugOf(n *Node, network string) (plug, error) {
	for _, p := range l.plugs {
		if p.node == n.Name && p.network == network {
			return p, nil
		}
	}
	return plug{}, fmt.Errorf("lab: %s has no interface in %s", n.Name, network)
}

// Cut takes the node's ports down at the switches: the node loses its carrier.
// With no network named, all of its ports.
func (l *Lab) Cut(n *Node, networks ...string) error {
	return l.ports(n, networks, func(h *netlink.Handle, port netlink.Link) error { return h.LinkSetDown(port) })
}

// Isolate takes the node's ports out of the switches: frames stop, the carrier
// stays, as when a switch further away fails.
func (l *Lab) Isolate(n *Node, networks ...string) error {
	return l.ports(n, networks, func(h *netlink.Handle, port netlink.Link) error { return h.LinkSetNoMaster(port) })
}

// Restore undoes Cut and Isolate.
func (l *Lab) Restore(n *Node, networks ...string) error {
	return l.ports(n, networks, l.attach)
}

// attach puts a port into the bridge and takes it up.
func (l *Lab) attach(h *netlink.Handle, port netlink.Link) error {
	br, err := h.LinkByName(bridge)
	if err != nil {
		return err
	}
	if err := h.LinkSetMaster(port, br); err != nil {
		return err
	}
	return h.LinkSetUp(port)
}

func (l *Lab) ports(n *Node, networks []string, f func(*netlink.Handle, netlink.Link) error) error {
	if len(networks) == 0 {
		for _, p := range l.plugs {
			if p.node == n.Name {
				networks = append(networks, p.network)
			}
		}
	}
	for _, network := range networks {
		if err := l.port(n, network, f); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) port(n *Node, network string, f func(*netlink.Handle, netlink.Link) error) error {
	return l.named(network, n.Name, f)
}

func (l *Lab) named(network, name string, f func(*netlink.Handle, netlink.Link) error) error {
	sw := l.switches[network]
	if sw == nil {
		return fmt.Errorf("lab: no network %q", network)
	}
	port, err := sw.link.LinkByName(name)
	if err == nil {
		err = f(sw.link, port)
	}
	if err != nil {
		return fmt.Errorf("lab: port %s in %s: %w", name, network, err)
	}
	return nil
}

// Cable connects one more interface of a node to a network. The port of the switch
// gets a name of its own.
func (l *Lab) Cable(n *Node, network, link, port string) error {
	sw := l.switches[network]
	if sw == nil {
		return fmt.Errorf("lab: no network %q", network)
	}
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: port}, PeerName: link, PeerNamespace: netlink.NsFd(n.ns)}
	if err := sw.link.LinkAdd(cable); err != nil {
		return fmt.Errorf("lab: cable of %s %s: %w", n.Name, link, err)
	}
	return l.named(network, port, l.attach)
}

// Unplug takes one port of a switch down, by its name: what is at it loses its
// carrier. Plug undoes that.
func (l *Lab) Unplug(network, port string) error {
	return l.named(network, port, func(h *netlink.Handle, p netlink.Link) error { return h.LinkSetDown(p) })
}

// Plug undoes [Lab.Unplug].
func (l *Lab) Plug(network, port string) error { return l.named(network, port, l.attach) }

// Behind names the node whose port a switch of the network last learned a MAC
// address at; empty where it knows none.
func (l *Lab) Behind(network, mac string) (string, error) {
	sw := l.switches[network]
	if sw == nil {
		return "", fmt.Errorf("lab: no network %q", network)
	}
	table, err := sw.link.NeighList(0, unix.AF_BRIDGE)
	if err != nil {
		return "", fmt.Errorf("lab: forwarding table of %s: %w", network, err)
	}
	for _, entry := range table {
		if entry.HardwareAddr.String() != mac {
			continue
		}
		port, err := sw.link.LinkByIndex(entry.LinkIndex)
		if err != nil {
			return "", fmt.Errorf("lab: forwarding table of %s: %w", network, err)
		}
		return port.Attrs().Name, nil
	}
	return "", nil
}
