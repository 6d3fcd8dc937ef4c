package lab

import "fmt"

// directAddresses are those of the web servers in the clients' network.
var directAddresses = map[string]string{"web1": "172.20.10.7/28", "web2": "172.20.10.8/28"}

// DirectServers are the web servers of the lab for direct routing.
func DirectServers() []Server {
	return []Server{
		{Name: "web1", Address: "172.20.10.7:80", Weight: 1},
		{Name: "web2", Address: "172.20.10.8:80", Weight: 1},
	}
}

// DirectRouting makes the web servers real servers of direct routing: each has an
// interface in the clients' network, over which it answers them, and the virtual
// address on its loopback interface, which it keeps to itself.
func (l *Lab) DirectRouting() error {
	for _, w := range []*Web{l.Web1, l.Web2} {
		n := w.Node
		for _, name := range []string{"all", "default"} {
			if err := n.Sysctl("net/ipv4/conf/"+name+"/arp_ignore", "1"); err != nil {
				return fmt.Errorf("lab: %s: %w", n.Name, err)
			}
			if err := n.Sysctl("net/ipv4/conf/"+name+"/arp_announce", "2"); err != nil {
				return fmt.Errorf("lab: %s: %w", n.Name, err)
			}
		}
		if err := l.plugIn(plug{n.Name, "eth1", directAddresses[n.Name], "outside"}); err != nil {
			return err
		}
		own := []string{VirtualOutside.Addr().String() + "/32"}
		if l.ipv6 {
			own = append(own, VirtualOutside6.Addr().String()+"/128")
		}
		for _, a := range own {
			if err := n.addAddress("lo", a); err != nil {
				return err
			}
		}
	}
	return nil
}

// AddWeb adds a machine with a web server to the network of the real servers. Its
// replies go through the master.
func (l *Lab) AddWeb(name, address string) (*Web, error) {
	if err := l.plugIn(plug{name, "eth0", address, "inside"}); err != nil {
		return nil, err
	}
	n := l.nodes[name]
	if err := n.DefaultRoute(VirtualInside.Addr()); err != nil {
		return nil, err
	}
	return n.Serve(name, ":80")
}
