package realserver

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"failover/conf"
	"failover/internal/host"
	"failover/lvs"
)

// Interface is one interface of the machine.
type Interface struct {
	Name     string
	Prefixes []netip.Prefix // its addresses
}

// Role is one place that this machine has in the configuration.
type Role struct {
	VirtualServer string
	RealServer    string
	Service       lvs.Key
	Address       netip.AddrPort
	Forward       lvs.Forward
	Sorry         bool
	// Gateway is the default route of nat; invalid where none is needed.
	Gateway netip.Addr

	vs conf.VirtualServer
	rs conf.RealServer
}

// Plan is what makes the machine all that it is to be.
type Plan struct {
	Roles []Role
	Host  host.Desired
	// Notes are what the plan cannot do, and why.
	Notes []string
}

// ErrNone is that the machine is no real server of the file.
var ErrNone = errors.New("this host is no real server of the file")

// For finds the real servers that a machine is, by its addresses, and what it needs
// for that. It is an error where it is none ([ErrNone]), or a director.
func For(d conf.Deployment, machine []Interface) (Plan, error) {
	if name, a, is := Director(d, machine); is {
		return Plan{}, fmt.Errorf("this host is director %s, by its address %s", name, a)
	}
	f := file{servers: d.VirtualServers}
	for _, r := range d.VirtualRouters {
		one := router{name: r.Name, group: r.Group}
		for _, a := range r.Addresses {
			one.addresses = append(one.addresses, a.Prefix)
		}
		f.routers = append(f.routers, one)
	}
	p := Plan{Roles: f.roles(func(a netip.Addr) bool { return on(machine, a) != nil })}
	if len(p.Roles) == 0 {
		return p, fmt.Errorf("%w: no real server there has an address of its own, %s", ErrNone, addresses(machine))
	}
	return p, p.fill(f)
}

// Director tells whether a machine is a director of the file, which one, and by
// which address.
func Director(d conf.Deployment, machine []Interface) (name string, by netip.Addr, is bool) {
	for _, director := range d.Directors {
		for _, a := range director.Addresses {
			if on(machine, a) != nil {
				return director.Name, a, true
			}
		}
	}
	return "", by, false
}

// OfDirector is what a director needs for being a real server by dr or tun itself;
// mostly nothing.
func OfDirector(n conf.Node) host.Desired {
	f := file{servers: n.Servers}
	for _, g := range n.Groups {
		for _, r := range g.Routers {
			one := router{name: r.Name, group: g.Name}
			for _, a := range r.Addresses {
				one.addresses = append(one.addresses, a.Prefix)
			}
			f.routers = append(f.routers, one)
		}
	}
	p := Plan{Roles: slices.DeleteFunc(
		f.roles(func(a netip.Addr) bool { return slices.Contains(n.Addresses, a) }),
		func(r Role) bool { return r.Forward == lvs.NAT },
	)}
	if len(p.Roles) == 0 || p.fill(f) != nil {
		return host.Desired{}
	}
	return p.Host
}

// file is the part of a configuration that counts here.
type file struct {
	servers []conf.VirtualServer
	routers []router
}

type router struct {
	name, group string
	addresses   []netip.Prefix
}

// roles are the machine's places in the file, in its order.
func (f file) roles(mine func(netip.Addr) bool) []Role {
	var list []Role
	for _, vs := range f.servers {
		for _, rs := range vs.Servers {
			if mine(rs.Address.Addr()) {
				list = append(list, role(vs, rs))
			}
		}
		if vs.Sorry != nil && mine(vs.Sorry.Address.Addr()) {
			r := role(vs, *vs.Sorry)
			r.Sorry = true
			list = append(list, r)
		}
	}
	return list
}

func role(vs conf.VirtualServer, rs conf.RealServer) Role {
	return Role{
		VirtualServer: vs.Name, RealServer: rs.Name, Service: vs.Key,
		Address: rs.Address, Forward: rs.Forward, vs: vs, rs: rs,
	}
}

// fill computes the settings of the roles.
func (p *Plan) fill(f file) error {
	p.Host.Sysctls = map[string]string{}
	var errs []error
	for i := range p.Roles {
		r := &p.Roles[i]
		if r.Forward == lvs.NAT {
			errs = append(errs, p.nat(f, r))
			continue
		}
		p.direct(f, *r)
		if r.Forward == lvs.TUN {
			p.tunnel(f, *r)
		}
	}
	return errors.Join(errs...)
}

// direct is what dr and tun need: the service's addresses, and nobody who says that
// they are here.
func (p *Plan) direct(f file, r Role) {
	list := f.virtual(r.vs)
	if len(list) == 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s: what carries its mark is not in the file: its addresses have to be put on lo by hand", r.VirtualServer))
	}
	for _, a := range list {
		if !slices.Contains(p.Host.Local, a) {
			p.Host.Local = append(p.Host.Local, a)
		}
		if a.Is4() {
			// Without them the machine answers ARP for an address of lo by every interface,
			// and speaks of it in requests of its own (net/ipv4/arp.c, arp_ignore and
			// arp_announce). Neighbour discovery knows an interface's own addresses only
			// (net/ipv6/ndisc.c, ndisc_recv_ns).
			p.Host.Sysctls["net.ipv4.conf.all.arp_ignore"] = "1"
			p.Host.Sysctls["net.ipv4.conf.all.arp_announce"] = "2"
		}
	}
}

// virtual are the addresses that clients of a service connect to. Of a mark that
// somebody else sets they are those of the service's virtual router.
func (f file) virtual(vs conf.VirtualServer) []netip.Addr {
	if vs.Key.FWMark == 0 {
		return []netip.Addr{vs.Key.Address.Addr()}
	}
	var list []netip.Addr
	for _, k := range vs.Match {
		list = append(list, k.Address.Addr())
	}
	for _, r := range f.routers {
		if len(vs.Match) > 0 || r.name != vs.VirtualRouter {
			continue
		}
		for _, a := range r.addresses {
			if one := a.Addr(); one.Is6() == vs.Key.Is6() && !one.IsLinkLocalUnicast() {
				list = append(list, one)
			}
		}
	}
	return list
}

// nat finds the gateway: the one virtual address that moves with the service and
// has the server in its subnet.
func (p *Plan) nat(f file, r *Role) error {
	if r.vs.Masquerade {
		return nil // it answers the director itself
	}
	gateway := f.gateway(r.vs, r.Address.Addr())
	if !gateway.IsValid() {
		p.Notes = append(p.Notes, fmt.Sprintf("%s: the file does not tell by which address its answers pass the master: the default route has to be set by hand", r.VirtualServer))
		return nil
	}
	r.Gateway = gateway
	for _, g := range p.Host.Gateways {
		if g.Is6() == gateway.Is6() && g != gateway {
			return fmt.Errorf("%s and another virtual server want different default routes on this host, via %s and via %s", r.VirtualServer, gateway, g)
		}
	}
	if !slices.Contains(p.Host.Gateways, gateway) {
		p.Host.Gateways = append(p.Host.Gateways, gateway)
	}
	return nil
}

func (f file) gateway(vs conf.VirtualServer, server netip.Addr) netip.Addr {
	i := slices.IndexFunc(f.routers, func(r router) bool { return r.name == vs.VirtualRouter })
	if i < 0 {
		return netip.Addr{}
	}
	for _, r := range f.routers {
		for _, a := range r.addresses {
			if r.group == f.routers[i].group && a.Masked().Contains(server) && a.Addr() != server {
				return a.Addr()
			}
		}
	}
	return netip.Addr{}
}

// on finds the interface with an address. The loopback interface is not looked at:
// it has the services' addresses.
func on(machine []Interface, a netip.Addr) *Interface {
	for i, one := range machine {
		if one.Name != "lo" && slices.ContainsFunc(one.Prefixes, func(p netip.Prefix) bool { return p.Addr() == a }) {
			return &machine[i]
		}
	}
	return nil
}

// addresses are those of a machine, for people.
func addresses(machine []Interface) string {
	var list []string
	for _, one := range machine {
		for _, p := range one.Prefixes {
			if one.Name != "lo" && !p.Addr().IsLinkLocalUnicast() {
				list = append(list, p.Addr().String())
			}
		}
	}
	if len(list) == 0 {
		return "which has none"
	}
	return "which has " + strings.Join(list, ", ")
}
