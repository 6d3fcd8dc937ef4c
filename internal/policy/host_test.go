package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"failover/conf"
	"failover/lvs"
	"failover/vrrp"
)

var (
	vip6 = netip.MustParsePrefix("fe80::1/64")
	web6 = netip.MustParseAddrPort("[fd01::2]:80")
)

// machine is what a change of the pair's file makes of the machine's settings.
func machine(change func(*World)) World {
	w := pair("rr")
	w.Node.Groups[0].Routers[0].Addresses = []vrrp.Address{{Prefix: netip.MustParsePrefix("172.20.10.4/28")}}
	w.Node.Groups[0].Routers[1].Addresses = []vrrp.Address{{Prefix: netip.MustParsePrefix("192.168.33.90/24")}}
	w.Node.Addresses = []netip.Addr{netip.MustParseAddr("192.168.33.91")}
	w.Node.Peers = []conf.Director{{Name: "lb2", Addresses: []netip.Addr{netip.MustParseAddr("192.168.33.94")}}}
	change(&w)
	return w
}

// all gives every server of the first service one forwarding method.
func all(w *World, f lvs.Forward) {
	for i := range w.Node.Servers[0].Servers {
		w.Node.Servers[0].Servers[i].Forward = f
	}
}

// TestSysctlsWithReasons: each is there with its reason and not without it.
func TestSysctlsWithReasons(t *testing.T) {
	nothing := func(*World) {}
	stateless := func(w *World) {
		w.Node.Servers[0].Scheduler = "mh"
		all(w, lvs.DR)
	}
	six := func(w *World) {
		all(w, lvs.NAT)
		for i := range w.Node.Servers[0].Servers {
			w.Node.Servers[0].Servers[i].Address = netip.MustParseAddrPort(fmt.Sprintf("[fd01::%d]:80", i+2))
		}
		w.Node.Groups[0].Routers = append(w.Node.Groups[0].Routers, vrrp.RouterConfig{
			Interface: "eth3", Addresses: []vrrp.Address{{Prefix: netip.MustParsePrefix("fe80::1/64")}},
		})
	}
	oneArm := func(w *World) { w.Node.Groups[0].Routers[1].Interface = "eth2" }
	for _, c := range []struct {
		name   string
		change func(*World)
		key    string
		want   string
	}{
		{"nat", nothing, "net.ipv4.ip_forward", "1"},
		{"nat", nothing, "net.ipv4.conf.eth1.forwarding", "1"},
		{"nat", nothing, "net.ipv6.conf.all.forwarding", ""},
		{"nat", nothing, "net.ipv4.conf.all.send_redirects", ""},
		{"nat", nothing, "net.ipv4.vs.conntrack", ""},
		{"nat", nothing, "net.ipv4.vs.sloppy_tcp", ""},
		{"both roles of sync", nothing, "net.ipv4.vs.backup_only", "0"},
		{"one role", func(w *World) { w.Node.Sync = w.Node.Sync[:1] }, "net.ipv4.vs.backup_only", ""},
		{"nat of IPv6", six, "net.ipv4.ip_forward", ""},
		{"nat of IPv6", six, "net.ipv6.conf.all.forwarding", "1"},
		{"nat of IPv6", six, "net.ipv6.conf.eth3.forwarding", "1"},
		{"nat of IPv6", six, "net.ipv4.conf.eth1.forwarding", ""},
		{"dr", func(w *World) { all(w, lvs.DR) }, "net.ipv4.ip_forward", ""},
		{"dr with a sorry server of nat", func(w *World) {
			all(w, lvs.DR)
			w.Node.Servers[0].Sorry = &conf.RealServer{Address: netip.MustParseAddrPort("192.168.33.99:80"), Forward: lvs.NAT}
		}, "net.ipv4.ip_forward", "1"},
		{"one arm", oneArm, "net.ipv4.conf.all.send_redirects", "0"},
		{"one arm", oneArm, "net.ipv4.conf.eth2.send_redirects", "0"},
		{"masquerade", func(w *World) { w.Node.Servers[0].Masquerade = true }, "net.ipv4.vs.conntrack", "1"},
		{"mh with dr", stateless, "net.ipv4.vs.sloppy_tcp", "1"},
		{"mh with dr", stateless, "net.ipv4.vs.schedule_icmp", "1"},
		{"mh with nat", func(w *World) { w.Node.Servers[0].Scheduler = "mh" }, "net.ipv4.vs.sloppy_tcp", ""},
		{"mh with dr beside a service of another kind", func(w *World) {
			stateless(w)
			w.Node.Servers = append(w.Node.Servers, pair("wlc").Node.Servers...)
		}, "net.ipv4.vs.sloppy_tcp", ""},
		{"mh with dr beside one of udp", func(w *World) {
			stateless(w)
			w.Node.Servers = append(w.Node.Servers, pair("wlc").Node.Servers...)
			w.Node.Servers[1].Key.Protocol = lvs.UDP
		}, "net.ipv4.vs.sloppy_tcp", "1"},
		{"mh with tun by mark", func(w *World) {
			stateless(w)
			all(w, lvs.TUN)
			byMark(w, 7, vip)
		}, "net.ipv4.vs.sloppy_tcp", "1"},
	} {
		if got := Desired(machine(c.change)).Host.Sysctls[c.key]; got != c.want {
			t.Errorf("%s: %s = %q, want %q", c.name, c.key, got, c.want)
		}
	}
}

// byMark makes the first service one by firewall mark, of tcp and udp where it
// matches anything.
func byMark(w *World, number uint32, match ...netip.AddrPort) {
	vs := &w.Node.Servers[0]
	vs.Key = lvs.Key{FWMark: number, Address: netip.AddrPortFrom(netip.IPv4Unspecified(), 0)}
	vs.Match = nil
	for _, m := range match {
		vs.Match = append(vs.Match, lvs.Key{Protocol: lvs.TCP, Address: m}, lvs.Key{Protocol: lvs.UDP, Address: m})
	}
}

// A service by mark is guarded by what carries the mark where we set it, else by
// the mark; its servers' replies come from the port of either.
func TestGuardOfMarks(t *testing.T) {
	ports := func(w *World, port uint16) {
		for i, rs := range w.Node.Servers[0].Servers {
			w.Node.Servers[0].Servers[i].Address = netip.AddrPortFrom(rs.Address.Addr(), port)
		}
	}
	for _, c := range []struct {
		name                              string
		change                            func(*World)
		services, marked, replies, refuse int
	}{
		{"our mark, a server's own port", func(w *World) { byMark(w, 7, vip) }, 2, 0, 4, 2},
		{"our mark, the client's port", func(w *World) { byMark(w, 7, vip); ports(w, 0) }, 2, 0, 4, 2},
		{"a foreign mark, a server's own port", func(w *World) { byMark(w, 7) }, 0, 1, 6, 0},
		{"a foreign mark, the client's port", func(w *World) { byMark(w, 7); ports(w, 0) }, 0, 1, 0, 0},
		{"no mark", func(*World) {}, 1, 0, 2, 1},
	} {
		w := machine(c.change)
		for i := range w.Node.Servers[0].Servers {
			w.Node.Servers[0].Servers[i].Checks = nil
		}
		g := Desired(w).Host.Guard
		if len(g.Services) != c.services || len(g.Marked) != c.marked || len(g.Replies) != c.replies || len(g.Refusals) != c.refuse {
			t.Errorf("%s: %+v", c.name, g)
		}
	}
}

// Marks are set where the file says what carries them; the other director's
// packets are left out where a real server is this director.
func TestMarks(t *testing.T) {
	w := machine(func(w *World) { byMark(w, 7, vip) })
	m := Desired(w).Host.Marks
	if len(m.Services) != 2 || m.Services[0].Mark != 7 || m.Services[0].Service.Address != vip || len(m.Directors) != 0 {
		t.Errorf("got %+v", m)
	}
	w = machine(func(w *World) {
		byMark(w, 7, vip)
		all(w, lvs.DR)
		w.Node.Servers[0].Servers[1].Address = netip.AddrPortFrom(w.Node.Addresses[0], 80)
	})
	d := Desired(w).Host
	if !slices.Equal(d.Marks.Directors, w.Node.Peers[0].Addresses) {
		t.Errorf("with a server here: %+v", d.Marks)
	}
	if len(d.Guard.Services) != 0 || len(d.Guard.Here) != 2 {
		t.Errorf("guard %+v", d.Guard)
	}
	if got := Desired(machine(func(w *World) { byMark(w, 7) })).Host.Marks; len(got.Services) != 0 {
		t.Errorf("a foreign mark: %+v", got)
	}
}

func TestMasquerade(t *testing.T) {
	w := machine(func(w *World) {
		w.Node.Servers[0].Masquerade = true
		w.Node.Servers[0].Servers[1].Forward = lvs.DR
	})
	if got := Desired(w).Host.Masquerade; len(got) != 1 || got[0].Service.Address != vip || got[0].Server != web1.Addr() {
		t.Errorf("got %+v", got)
	}
	if got := Desired(machine(func(*World) {})).Host.Masquerade; len(got) != 0 {
		t.Errorf("without: %+v", got)
	}
}
