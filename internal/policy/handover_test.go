package policy

import (
	"net/netip"
	"testing"
	"time"

	"failover/conf"
	"failover/lvs"
	"failover/vrrp"
)

// TestHandingOver: the others are told of what was used in the last seconds and may go
// on, and of nothing that belongs to a mastership that stays.
func TestHandingOver(t *testing.T) {
	at := netip.MustParseAddrPort
	group := func(name, address string) vrrp.GroupConfig {
		return vrrp.GroupConfig{Name: name, Routers: []vrrp.RouterConfig{{Name: name, Addresses: []vrrp.Address{{Prefix: netip.MustParsePrefix(address)}}}}}
	}
	service := func(p lvs.Protocol, address string) conf.VirtualServer {
		return conf.VirtualServer{Key: lvs.Key{Protocol: p, Address: at(address)}, Servers: []conf.RealServer{{Address: at("192.168.33.92:80"), Forward: lvs.DR}}}
	}
	node := conf.Node{
		Groups: []vrrp.GroupConfig{group("web", "172.20.10.4/28"), group("mail", "172.20.10.5/28")},
		Servers: []conf.VirtualServer{
			service(lvs.TCP, "172.20.10.4:80"), service(lvs.TCP, "172.20.10.5:80"), service(lvs.UDP, "172.20.10.4:80"),
			service(lvs.SCTP, "172.20.10.4:80"), service(lvs.TCP, "198.51.100.1:80"),
		},
	}
	h := NewHandingOver(node, lvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}, []string{"web"})
	for _, c := range []struct {
		protocol lvs.Protocol
		virtual  string
		state    string
		expires  time.Duration
		template bool
		told     bool
	}{
		{lvs.TCP, "172.20.10.4:80", "ESTABLISHED", 900 * time.Second, false, true},
		{lvs.TCP, "172.20.10.4:80", "ESTABLISHED", 897 * time.Second, false, true},
		{lvs.TCP, "172.20.10.4:80", "ESTABLISHED", 896 * time.Second, false, false}, // the kernel has told of it
		{lvs.TCP, "172.20.10.4:80", "SYN_RECV", 59 * time.Second, false, true},
		{lvs.TCP, "172.20.10.4:80", "SYN_RECV", 50 * time.Second, false, false},
		{lvs.TCP, "172.20.10.4:80", "FIN_WAIT", 119 * time.Second, false, true},
		{lvs.TCP, "172.20.10.4:80", "FIN_WAIT", 100 * time.Second, false, false},
		{lvs.TCP, "172.20.10.4:80", "CLOSE_WAIT", 59 * time.Second, false, true},
		{lvs.TCP, "172.20.10.4:80", "LAST_ACK", 29 * time.Second, false, true},
		{lvs.TCP, "172.20.10.4:80", "TIME_WAIT", 120 * time.Second, false, false},
		{lvs.TCP, "172.20.10.4:80", "NONE", 300 * time.Second, true, false},
		{lvs.UDP, "172.20.10.4:80", "UDP", 299 * time.Second, false, true},
		{lvs.UDP, "172.20.10.4:80", "UDP", 200 * time.Second, false, false},
		{lvs.SCTP, "172.20.10.4:80", "ESTABLISHED", 899 * time.Second, false, true},
		{lvs.TCP, "172.20.10.5:80", "ESTABLISHED", 900 * time.Second, false, false}, // its mastership stays
		{lvs.TCP, "198.51.100.1:80", "ESTABLISHED", 900 * time.Second, false, true}, // of no group
		{lvs.TCP, "198.51.100.2:80", "ESTABLISHED", 900 * time.Second, false, false},
	} {
		conn := lvs.Conn{
			Protocol: c.protocol, Client: at("172.20.10.1:40001"), Virtual: at(c.virtual), Server: at("192.168.33.92:80"),
			State: c.state, Expires: c.expires, Template: c.template,
		}
		if _, is := h.Move(heard(conn)); is {
			t.Errorf("%s %s %s: told back", c.protocol, c.virtual, c.state)
		}
		m, is := h.Move(conn)
		if is != c.told || is && (m.To != lvs.Server{Address: conn.Server, Forward: lvs.DR} || m.Expires != c.expires) {
			t.Errorf("%s %s %s, %v left: %t, %+v", c.protocol, c.virtual, c.state, c.expires, is, m)
		}
	}
}

// heard is a connection that another director told of.
func heard(c lvs.Conn) lvs.Conn {
	c.Told = true
	return c
}

func TestHandOverLasts(t *testing.T) {
	g := vrrp.GroupConfig{Routers: []vrrp.RouterConfig{{Interval: time.Second}, {Interval: 3 * time.Second}}}
	if d := HandOverLasts(g, vrrp.Init); d != 6200*time.Millisecond {
		t.Errorf("%v, want two of the longest interval and 0.2 s", d)
	}
	if d := HandOverLasts(g, vrrp.Backup); d != 200*time.Millisecond {
		t.Errorf("%v after the successor's word, want 0.2 s", d)
	}
}
