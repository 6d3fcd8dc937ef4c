package policy

import (
	"net/netip"
	"testing"

	"failover/conf"
	"failover/lvs"
)

func TestBinding(t *testing.T) {
	parse := netip.MustParseAddrPort
	service := func(address string, flags uint32, forward lvs.Forward) (conf.VirtualServer, lvs.Op) {
		key := lvs.Key{Protocol: lvs.TCP, Address: parse(address)}
		return conf.VirtualServer{Key: key, Servers: []conf.RealServer{{Address: web1, Forward: forward}}},
			lvs.Op{Kind: lvs.AddServer, Service: lvs.Service{Key: key, Flags: flags}, Server: lvs.Server{Address: web1, Forward: forward}}
	}
	tun, addTun := service("172.20.10.5:80", 0, lvs.TUN)
	dr, addDR := service("172.20.10.6:80", 0, lvs.DR)
	sticky, addSticky := service("172.20.10.7:80", lvs.FlagPersistent, lvs.DR)
	node := conf.Node{Servers: []conf.VirtualServer{tun, dr, sticky}}
	to := func(address string) lvs.Conn {
		c := conn(1, web1)
		c.Virtual = parse(address)
		return c
	}
	template := to("172.20.10.7:80")
	template.Template, template.State, template.Client = true, "NONE", netip.AddrPortFrom(template.Client.Addr(), 0)
	elsewhere := to("172.20.10.5:80")
	elsewhere.Server = web2
	del := addTun
	del.Kind = lvs.DelServer
	for _, c := range []struct {
		name string
		op   lvs.Op
		conn lvs.Conn
		is   bool
	}{
		{"by tunnel", addTun, to("172.20.10.5:80"), true},
		{"by tunnel, to another server", addTun, elsewhere, false},
		{"direct", addDR, to("172.20.10.6:80"), false},
		{"direct, of a service with persistence", addSticky, to("172.20.10.7:80"), false},
		{"what persistence binds", addSticky, template, true},
		{"the server goes", del, to("172.20.10.5:80"), false},
	} {
		b, some := NewBinding(node, []lvs.Op{c.op})
		if m, is := b.Move(c.conn); is != c.is || is && (!some || m.To.Address != web1) {
			t.Errorf("%s: %+v, %t, %t", c.name, m, is, some)
		}
	}
	if _, some := NewBinding(node, []lvs.Op{addDR, del}); some {
		t.Error("there is something to do for direct routing")
	}
}
