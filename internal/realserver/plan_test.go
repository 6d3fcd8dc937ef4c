package realserver

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"failover/conf"
	"failover/internal/host"
	"failover/lvs"
	"failover/vrrp"
)

func one(p lvs.Protocol, address string) lvs.Key {
	return lvs.Key{Protocol: p, Address: netip.MustParseAddrPort(address)}
}

func real(address string, f lvs.Forward, t lvs.Tunnel) conf.RealServer {
	return conf.RealServer{Name: "web1", Address: netip.MustParseAddrPort(address), Forward: f, Tunnel: t}
}

// deployment has two directors, a group of an outside and an inside router in both
// families, and these virtual servers.
func deployment(list ...conf.VirtualServer) conf.Deployment {
	d := conf.Deployment{VirtualServers: list}
	for i, name := range []string{"lb1", "lb2"} {
		d.Directors = append(d.Directors, conf.Director{Name: name, Addresses: []netip.Addr{netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i+1))}})
	}
	for _, r := range []struct{ name, addresses string }{
		{"outside", "203.0.113.4/28"}, {"inside", "192.0.2.90/24"}, {"outside6", "fe80::1/64 2001:db8::4/64"}, {"inside6", "fe80::2/64 fd00::90/64"},
	} {
		router := conf.VirtualRouter{Name: r.name, Group: "nat"}
		for a := range strings.FieldsSeq(r.addresses) {
			router.Addresses = append(router.Addresses, conf.VirtualAddress{Prefix: netip.MustParsePrefix(a)})
		}
		d.VirtualRouters = append(d.VirtualRouters, router)
	}
	return d
}

func web(k lvs.Key, servers ...conf.RealServer) conf.VirtualServer {
	return conf.VirtualServer{Name: "web", Key: k, VirtualRouter: "outside", Servers: servers}
}

func machine(addresses ...string) []Interface {
	list := []Interface{
		{Name: "lo", Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("203.0.113.4/32")}},
		{Name: "eth0"},
	}
	for _, a := range addresses {
		list[1].Prefixes = append(list[1].Prefixes, netip.MustParsePrefix(a))
	}
	return list
}

// words writes what a plan makes of the machine.
func words(h host.Desired) string {
	var list []string
	for _, a := range h.Local {
		list = append(list, a.String())
	}
	for _, t := range h.Tunnels {
		word := fmt.Sprintf("%s:%s", t.Kind, t.Local)
		if t.Checksum {
			word += ":csum"
		}
		if t.Port != 0 {
			word += fmt.Sprintf(":%d", t.Port)
		}
		list = append(list, word)
	}
	for _, g := range h.Gateways {
		list = append(list, "via:"+g.String())
	}
	for _, c := range h.Clamps {
		word := fmt.Sprintf("mss:%d", 1500-c.Headers)
		if c.Service.Address.Port() == 0 {
			word += ":" + c.Service.Address.Addr().String()
		}
		list = append(list, word)
	}
	list = append(list, h.Modules...)
	if h.Sysctls["net.ipv4.conf.all.arp_ignore"] == "1" && h.Sysctls["net.ipv4.conf.all.arp_announce"] == "2" {
		list = append(list, "arp")
	}
	for _, t := range h.Tunnels {
		if t.Device() != "" && h.Sysctls["net.ipv4.conf."+t.Device()+".rp_filter"] == "2" {
			list = append(list, "rp")
		}
	}
	return strings.Join(list, " ")
}

func TestPlan(t *testing.T) {
	const vip, vip6, own, own6 = "203.0.113.4:80", "[2001:db8::4]:80", "192.0.2.12:80", "[fd00::12]:80"
	gue := lvs.Tunnel{Type: lvs.TunnelGUE, Port: 5555, Flags: 2}
	every := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.4"), 0).String()
	byMark := lvs.Key{FWMark: 7, Address: netip.AddrPortFrom(netip.IPv4Unspecified(), 0)}
	matched := web(byMark, real("192.0.2.12:0", lvs.DR, lvs.Tunnel{}))
	matched.Match = []lvs.Key{one(lvs.TCP, vip), one(lvs.UDP, vip)}
	tunneled := web(byMark, real("192.0.2.12:0", lvs.TUN, lvs.Tunnel{}))
	tunneled.Match = matched.Match
	masked := web(one(lvs.TCP, vip), real(own, lvs.NAT, lvs.Tunnel{}))
	masked.Masquerade = true
	sorry := web(one(lvs.TCP, vip), real("192.0.2.13:80", lvs.NAT, lvs.Tunnel{}))
	last := real(own, lvs.DR, lvs.Tunnel{})
	sorry.Sorry = &last
	for _, c := range []struct {
		name   string
		server conf.VirtualServer
		want   string
		note   bool
	}{
		{"dr", web(one(lvs.TCP, vip), real(own, lvs.DR, lvs.Tunnel{})), "203.0.113.4 arp", false},
		{"dr of IPv6", web(one(lvs.TCP, vip6), real(own6, lvs.DR, lvs.Tunnel{})), "2001:db8::4", false},
		{"dr by our mark", matched, "203.0.113.4 arp", false},
		{"dr by a foreign mark: the addresses of its virtual router", web(byMark, real(own, lvs.DR, lvs.Tunnel{})), "203.0.113.4 arp", false},
		{"the sorry server", sorry, "203.0.113.4 arp", false},
		{"nat", web(one(lvs.TCP, vip), real(own, lvs.NAT, lvs.Tunnel{})), "via:192.0.2.90", false},
		{"nat of IPv6", web(one(lvs.TCP, vip6), real(own6, lvs.NAT, lvs.Tunnel{})), "via:fd00::90", false},
		{"nat with masquerade", masked, "", false},
		{"ipip", web(one(lvs.TCP, vip), real(own, lvs.TUN, lvs.Tunnel{})), "203.0.113.4 ipip:192.0.2.12 mss:1440 ipip arp rp", false},
		{"ipip of udp", web(one(lvs.UDP, vip), real(own, lvs.TUN, lvs.Tunnel{})), "203.0.113.4 ipip:192.0.2.12 ipip arp rp", false},
		{"ipip of every port", web(one(lvs.TCP, every), real("192.0.2.12:0", lvs.TUN, lvs.Tunnel{})), "203.0.113.4 ipip:192.0.2.12 mss:1440:203.0.113.4 ipip arp rp", false},
		{"ipip by our mark", tunneled, "203.0.113.4 ipip:192.0.2.12 mss:1440 ipip arp rp", false},
		{"ipip by a foreign mark", web(byMark, real("192.0.2.12:0", lvs.TUN, lvs.Tunnel{})), "203.0.113.4 ipip:192.0.2.12 mss:1440:203.0.113.4 ipip arp rp", false},
		{"IPv6 in IPv4", web(one(lvs.TCP, vip6), real(own, lvs.TUN, lvs.Tunnel{})), "2001:db8::4 sit:192.0.2.12 mss:1420 sit rp", false},
		{"IPv4 in IPv6", web(one(lvs.TCP, vip), real(own6, lvs.TUN, lvs.Tunnel{})), "203.0.113.4 ip6tnl:fd00::12 mss:1420 ip6_tunnel arp rp", false},
		{"gre", web(one(lvs.TCP, vip), real(own, lvs.TUN, lvs.Tunnel{Type: lvs.TunnelGRE, Flags: 1})), "203.0.113.4 gre:192.0.2.12:csum mss:1432 ip_gre arp rp", false},
		{"gre over IPv6", web(one(lvs.TCP, vip6), real(own6, lvs.TUN, lvs.Tunnel{Type: lvs.TunnelGRE})), "2001:db8::4 ip6gre:fd00::12 mss:1396 ip6_gre rp", false},
		{"gue", web(one(lvs.TCP, vip), real(own, lvs.TUN, gue)), "203.0.113.4 ipip:192.0.2.12 gue:0.0.0.0:5555 mss:1420 ipip fou arp rp", false},
		{"gue over IPv6", web(one(lvs.TCP, vip6), real(own6, lvs.TUN, gue)), "2001:db8::4 ip6tnl:fd00::12 gue:[::]:5555 mss:1380 ip6_tunnel fou fou6 rp", false},
	} {
		p, err := For(deployment(c.server), machine("192.0.2.12/24", "fd00::12/64"))
		want := strings.ReplaceAll(c.want, "[::]", "::")
		if got := words(p.Host); err != nil || got != want || (len(p.Notes) > 0) != c.note || len(p.Roles) != 1 {
			t.Errorf("%s: %s, %v, notes %q\nwant %s", c.name, got, err, p.Notes, want)
		}
	}
}

// What the file does not tell is said.
func TestPlanNotes(t *testing.T) {
	vs := web(one(lvs.TCP, "203.0.113.4:80"), real("192.0.2.12:80", lvs.NAT, lvs.Tunnel{}))
	vs.VirtualRouter = "none"
	p, err := For(deployment(vs), machine("192.0.2.12/24"))
	if err != nil || len(p.Notes) != 1 || len(p.Host.Gateways) != 0 {
		t.Errorf("got %+v, %v", p, err)
	}
	vs = web(lvs.Key{FWMark: 7, Address: netip.AddrPortFrom(netip.IPv4Unspecified(), 0)}, real("192.0.2.12:80", lvs.DR, lvs.Tunnel{}))
	vs.VirtualRouter = "none"
	if p, err = For(deployment(vs), machine("192.0.2.12/24")); err != nil || len(p.Notes) != 1 || len(p.Host.Local) != 0 {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestPlanRefuses(t *testing.T) {
	d := deployment(web(one(lvs.TCP, "203.0.113.4:80"), real("192.0.2.12:80", lvs.NAT, lvs.Tunnel{})))
	if _, err := For(d, machine("192.0.2.99/24")); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "192.0.2.99") {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := For(d, machine()); !errors.Is(err, ErrNone) {
		t.Errorf("the service's address on lo alone: %v", err)
	}
	if _, err := For(d, machine("192.0.2.12/24", "192.0.2.2/24")); err == nil || !strings.Contains(err.Error(), "director lb2") {
		t.Errorf("a director: %v", err)
	}
	other := web(one(lvs.TCP, "198.51.100.4:80"), real("192.0.2.12:80", lvs.NAT, lvs.Tunnel{}))
	other.VirtualRouter = "elsewhere"
	d.VirtualServers = append(d.VirtualServers, other)
	d.VirtualRouters = append(d.VirtualRouters, conf.VirtualRouter{
		Name: "elsewhere", Group: "elsewhere", Addresses: []conf.VirtualAddress{{Prefix: netip.MustParsePrefix("192.0.2.91/24")}},
	})
	if _, err := For(d, machine("192.0.2.12/24")); err == nil || !strings.Contains(err.Error(), "192.0.2.91") {
		t.Errorf("two gateways: %v", err)
	}
}

// A director that is a real server by dr is set up as any other one.
func TestOfDirector(t *testing.T) {
	n := conf.Node{
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
		Groups:    []vrrp.GroupConfig{{Name: "nat", Routers: []vrrp.RouterConfig{{Name: "outside"}}}},
		Servers:   []conf.VirtualServer{web(one(lvs.TCP, "203.0.113.4:80"), real("192.0.2.1:80", lvs.DR, lvs.Tunnel{}))},
	}
	if got := words(OfDirector(n)); got != "203.0.113.4 arp" {
		t.Errorf("got %s", got)
	}
	n.Servers[0].Servers[0].Forward = lvs.TUN
	if got := words(OfDirector(n)); got != "203.0.113.4 ipip:192.0.2.1 mss:1440 ipip arp rp" {
		t.Errorf("by tun: %s", got)
	}
	n.Servers[0].Servers[0].Forward = lvs.NAT
	if got := OfDirector(n); len(got.Local)+len(got.Gateways)+len(got.Sysctls) != 0 {
		t.Errorf("by nat: %+v", got)
	}
}

// Names of devices fit the kernel and differ.
func TestDeviceNames(t *testing.T) {
	var names []string
	for _, kind := range []host.TunnelKind{host.IPIP, host.SIT, host.IP6, host.GRE, host.GRE6} {
		for _, a := range []string{"192.0.2.1", "192.0.2.2", "fd00::1"} {
			name := host.Tunnel{Kind: kind, Local: netip.MustParseAddr(a)}.Device()
			if len(name) > 15 || slices.Contains(names, name) {
				t.Errorf("%s", name)
			}
			names = append(names, name)
		}
	}
}
