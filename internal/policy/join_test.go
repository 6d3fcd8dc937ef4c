package policy

import (
	"net/netip"
	"testing"

	"failover/conf"
	"failover/lvs"
)

func TestJoining(t *testing.T) {
	at := netip.MustParseAddrPort
	node := conf.Node{Servers: []conf.VirtualServer{
		{
			Name: "web", Key: lvs.Key{Protocol: lvs.TCP, Address: at("172.20.10.4:80")},
			Servers: []conf.RealServer{{Name: "web1", Address: at("192.168.33.92:80"), Forward: lvs.NAT}},
			Sorry:   &conf.RealServer{Name: "sorry", Address: at("192.168.33.99:80"), Forward: lvs.DR},
		},
		{
			Name: "all", Key: lvs.Key{Protocol: lvs.TCP, Address: at("172.20.10.5:0")},
			Servers: []conf.RealServer{{Name: "web1", Address: at("192.168.33.92:0"), Forward: lvs.DR}},
		},
		{
			Name: "shop", Key: lvs.Key{FWMark: 7}, Match: []lvs.Key{{Protocol: lvs.UDP, Address: at("172.20.10.6:53")}},
			Servers: []conf.RealServer{{Name: "dns1", Address: at("192.168.33.93:0"), Forward: lvs.TUN}},
		},
	}}
	client := at("172.20.10.1:40001")
	for _, c := range []struct {
		name    string
		conn    lvs.Conn
		forward lvs.Forward // "" is left out
		mark    uint32
	}{
		{"established", lvs.Conn{Protocol: lvs.TCP, Client: client, Virtual: at("172.20.10.4:80"), Server: at("192.168.33.92:80"), State: "ESTABLISHED"}, lvs.NAT, 0},
		{"with the sorry server", lvs.Conn{Protocol: lvs.TCP, Client: client, Virtual: at("172.20.10.4:80"), Server: at("192.168.33.99:80"), State: "ESTABLISHED"}, lvs.DR, 0},
		{"at its end", lvs.Conn{Protocol: lvs.TCP, Client: client, Virtual: at("172.20.10.4:80"), Server: at("192.168.33.92:80"), State: "TIME_WAIT"}, "", 0},
		{"of a server that is not here", lvs.Conn{Protocol: lvs.TCP, Client: client, Virtual: at("172.20.10.4:80"), Server: at("192.168.33.77:80"), State: "ESTABLISHED"}, "", 0},
		{"of a service that is not here", lvs.Conn{Protocol: lvs.TCP, Client: client, Virtual: at("172.20.10.9:80"), Server: at("192.168.33.92:80"), State: "ESTABLISHED"}, "", 0},
		{"of every port", lvs.Conn{Protocol: lvs.TCP, Client: client, Virtual: at("172.20.10.5:2222"), Server: at("192.168.33.92:2222"), State: "ESTABLISHED"}, lvs.DR, 0},
		{"by mark", lvs.Conn{Protocol: lvs.UDP, Client: client, Virtual: at("172.20.10.6:53"), Server: at("192.168.33.93:53"), State: "UDP"}, lvs.TUN, 7},
		{"a template", lvs.Conn{Protocol: lvs.TCP, Client: at("172.20.10.1:0"), Virtual: at("172.20.10.4:80"), Server: at("192.168.33.92:80"), State: "NONE", Template: true}, lvs.NAT, 0},
		{"a template by mark", lvs.Conn{Protocol: "ip", Client: at("172.20.10.1:0"), Virtual: at("0.0.0.7:0"), Server: at("192.168.33.93:0"), State: "NONE", Template: true}, lvs.TUN, 7},
		{"a template by another mark", lvs.Conn{Protocol: "ip", Client: at("172.20.10.1:0"), Virtual: at("0.0.0.8:0"), Server: at("192.168.33.93:0"), State: "NONE", Template: true}, "", 0},
	} {
		m, is := NewJoining(node).Move(c.conn)
		if is != (c.forward != "") || m.To.Forward != c.forward || m.FWMark != c.mark || is && m.To.Address != c.conn.Server {
			t.Errorf("%s: %+v, %t", c.name, m, is)
		}
	}
}
