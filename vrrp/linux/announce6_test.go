package linux

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// isUnsolicited tells neighbour advertisements to everybody.
func isUnsolicited(p []byte) bool {
	return p[6] == protocolICMPv6 && len(p) > ipv6.HeaderLen && p[40] == byte(ipv6.ICMPTypeNeighborAdvertisement) &&
		net.IP(p[24:40]).Equal(net.IPv6linklocalallnodes)
}

// RFC 9568 section 6.4.2: R set, S unset, O set, the target the virtual router's
// address; RFC 4861 section 7.1.2: hop limit 255 and a valid checksum.
func TestAnnounceIPv6(t *testing.T) {
	a, b := pair6(t)
	h := newHost(a)
	wire := b.captureIPv6()
	o := vrrp.Owned{Group: "g", Addresses: []vrrp.OwnedAddress{
		{Interface: "eth0", Address: prefix("fe80::200:5eff:fe00:233/64")}, {Interface: "eth0", Address: prefix("2001:db8::4/64")},
	}}
	mac := a.link("eth0").Attrs().HardwareAddr
	for setting, router := range map[string]bool{"1": true, "0": false} {
		a.sysctl("net.ipv6.conf.eth0.forwarding", setting)
		a.do(func() error { return h.Announce(context.Background(), o) })
		for _, x := range o.Addresses {
			f := frame6(t, wire, isUnsolicited)
			same(t, "frame", f.Destination.String()+" "+f.Source.String(), "33:33:00:00:00:01 "+mac.String())
			header, err := ipv6.ParseHeader(f.Payload)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "hop limit", header.HopLimit, 255)
			same(t, "source", header.Src, x.Address.Addr())
			m, err := ndp.ParseMessage(f.Payload[ipv6.HeaderLen:])
			if err != nil {
				t.Fatal(err)
			}
			na := m.(*ndp.NeighborAdvertisement)
			if na.Router != router || na.Solicited || !na.Override || na.TargetAddress != x.Address.Addr() {
				t.Errorf("%+v", na)
			}
			target := na.Options[0].(*ndp.LinkLayerAddress)
			if len(na.Options) != 1 || target.Direction != ndp.Target || target.Addr.String() != mac.String() {
				t.Errorf("options %+v", na.Options)
			}
			checkICMPv6(t, header, f.Payload[ipv6.HeaderLen:])
		}
	}
}

// checkICMPv6 verifies a checksum: a message made again from its parts is the same.
func checkICMPv6(t *testing.T, h *ipv6.Header, b []byte) {
	t.Helper()
	m, err := icmp.ParseMessage(protocolICMPv6, b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Marshal(icmp.IPv6PseudoHeader(h.Src, h.Dst))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "ICMPv6 with its checksum", again, b)
}

// A host that has its default route by router advertisement, through the virtual
// router, keeps it across a take-over and sends to the new master at once. Were
// the new one to announce itself without the R flag, the route would go.
func TestHostKeepsItsDefaultRoute(t *testing.T) {
	lan, one, two := newMachine(t), newMachine(t), newMachine(t)
	host := newMachine(t)
	bridged(lan, map[string]*machine{"one": one, "two": two, "host": host})
	host.sysctl("net.ipv6.conf.eth0.accept_ra", "1")
	host.address6("eth0", "fe80::9/64")
	owned := vrrp.Owned{Group: "g", Addresses: []vrrp.OwnedAddress{
		{Router: "r", Interface: "eth0", Address: prefix("fe80::200:5eff:fe00:233/64"), LeaseSecs: 30},
	}}
	virtual := owned.Addresses[0].Address.Addr()
	take := func(m *machine) {
		t.Helper()
		h := newHost(m)
		m.do(func() error {
			if _, err := h.Set(context.Background(), owned); err != nil {
				return err
			}
			return h.Announce(context.Background(), owned)
		})
	}
	for i, m := range []*machine{one, two} {
		m.sysctl("net.ipv6.conf.eth0.forwarding", "1")
		m.address6("eth0", []string{"fe80::1/64", "fe80::2/64"}[i])
	}
	take(one)
	one.advertiseRouter(virtual)
	host.waitNeighbour(virtual, one.link("eth0").Attrs().HardwareAddr)
	host.waitDefault(virtual, true)

	take(two)
	host.waitNeighbour(virtual, two.link("eth0").Attrs().HardwareAddr)
	host.waitDefault(virtual, true)

	// The breach, seen to matter: a machine that does not forward says so.
	one.sysctl("net.ipv6.conf.eth0.forwarding", "0")
	take(one)
	host.waitDefault(virtual, false)
}

// bridged joins machines by eth0 to a bridge on another one.
func bridged(lan *machine, members map[string]*machine) {
	lan.t.Helper()
	lan.do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "br0"
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
			return err
		}
		br, err := netlink.LinkByName("br0")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(br)
	})
	br := lan.link("br0").Attrs().Index
	for name, m := range members {
		m.sysctl("net.ipv6.conf.default.addr_gen_mode", "1")
		m.sysctl("net.ipv6.conf.default.accept_ra", "0")
		lan.do(func() error {
			attrs := netlink.NewLinkAttrs()
			attrs.Name, attrs.MasterIndex = name, br
			return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(m.NS)})
		})
		lan.up(name)
		m.up("eth0")
		lan.running(name)
		m.running("eth0")
	}
}

// advertiseRouter sends one router advertisement from an address.
func (m *machine) advertiseRouter(from netip.Addr) {
	m.t.Helper()
	at := m.link("eth0").Attrs()
	b, err := ndp.MarshalMessageChecksum(&ndp.RouterAdvertisement{
		CurrentHopLimit: 64, RouterLifetime: 1800 * time.Second,
		Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: at.HardwareAddr}},
	}, from, allNodes)
	if err != nil {
		m.t.Fatal(err)
	}
	p := append(header6(len(b), protocolICMPv6, from.As16(), allNodes.As16()), b...)
	f := ethernet.Frame{Destination: allNodesMAC, Source: at.HardwareAddr, EtherType: ethernet.EtherTypeIPv6, Payload: p}
	frame, err := f.MarshalBinary()
	if err != nil {
		m.t.Fatal(err)
	}
	m.do(func() error {
		c, err := packet.Listen(&net.Interface{Index: at.Index, Name: at.Name}, packet.Raw, 0, nil)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.WriteTo(frame, &packet.Addr{HardwareAddr: allNodesMAC})
		return err
	})
}

// waitNeighbour waits until the machine takes an address to be at a MAC address.
func (m *machine) waitNeighbour(ip netip.Addr, mac net.HardwareAddr) {
	m.t.Helper()
	at := m.link("eth0").Attrs().Index
	m.eventually(ip.String()+" at "+mac.String(), func() (bool, error) {
		list, err := netlink.NeighList(at, unix.AF_INET6)
		for _, n := range list {
			if n.IP.String() == ip.String() && n.HardwareAddr.String() == mac.String() {
				return true, err
			}
		}
		return false, err
	})
}

// waitDefault waits until the machine has, or has not, a default route through an
// address.
func (m *machine) waitDefault(gateway netip.Addr, want bool) {
	m.t.Helper()
	m.eventually("default route through "+gateway.String(), func() (bool, error) {
		list, err := netlink.RouteList(nil, unix.AF_INET6)
		has := false
		for _, r := range list {
			has = has || r.Gw.String() == gateway.String()
		}
		return has == want, err
	})
}

// eventually looks again and again until something is so: the kernel tells of no
// event here.
func (m *machine) eventually(what string, is func() (bool, error)) {
	m.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var ok bool
		m.do(func() (err error) {
			ok, err = is()
			return err
		})
		if ok {
			return
		}
		if time.Now().After(end) {
			m.t.Fatalf("not so after %v: %s", patience, what)
		}
	}
}
