package linux

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

var (
	mac4 = vrrp.VirtualMAC(51, false)
	mac6 = vrrp.VirtualMAC(51, true)
)

// behind has a group hold addresses of eth0 at a virtual MAC address; with none
// it has the device only.
func (l *lodger) behind(group string, mac vrrp.MAC, prefixes ...string) (added int, err error) {
	o := vrrp.Owned{Group: group, Devices: []vrrp.Device{{Router: "r", Interface: "eth0", MAC: mac}}}
	for _, p := range prefixes {
		o.Addresses = append(o.Addresses, vrrp.OwnedAddress{
			Router: "r", Interface: "eth0", MAC: mac, Address: prefix(p), LeaseSecs: 30,
		})
	}
	err = l.m.try(func() (err error) {
		added, err = l.Set(context.Background(), o)
		return err
	})
	return added, err
}

func (l *lodger) mustBehind(group string, mac vrrp.MAC, prefixes ...string) int {
	l.m.t.Helper()
	added, err := l.behind(group, mac, prefixes...)
	if err != nil {
		l.m.t.Fatal(err)
	}
	return added
}

// devices lists the macvlans of a machine, "up" or "down".
func (m *machine) devices() (list []string) {
	m.t.Helper()
	m.do(func() error {
		all, err := netlink.LinkList()
		for _, l := range all {
			if v, is := l.(*netlink.Macvlan); is {
				state := "down"
				if v.RawFlags&unix.IFF_UP != 0 {
					state = "up"
				}
				list = append(list, v.Name+" "+v.HardwareAddr.String()+" "+state)
			}
		}
		return err
	})
	return list
}

func (m *machine) device(mac vrrp.MAC) string {
	return vrrp.DeviceName(m.link("eth0").Attrs().Index, mac)
}

func TestDeviceIsUpWithItsAddresses(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	name := m.device(mac4)
	same(t, "added", h.mustBehind("g", mac4), 0)
	same(t, "devices", m.devices(), "["+name+" 00:00:5e:00:01:33 down]")
	same(t, "added", h.mustBehind("g", mac4, "192.0.2.10/24", "192.0.2.11/32"), 2)
	same(t, "devices", m.devices(), "["+name+" 00:00:5e:00:01:33 up]")
	same(t, "addresses", m.addresses(name), "[192.0.2.10/24 192.0.2.11/32]")
	same(t, "addresses of eth0", m.addresses("eth0"), "[192.0.2.1/24]")
	same(t, "added again", h.mustBehind("g", mac4, "192.0.2.10/24", "192.0.2.11/32"), 0)
	m.down(name) // a stranger's doing
	same(t, "added", h.mustBehind("g", mac4, "192.0.2.10/24"), 0)
	same(t, "devices", m.devices(), "["+name+" 00:00:5e:00:01:33 up]")
	h.mustBehind("g", mac4)
	same(t, "devices", m.devices(), "["+name+" 00:00:5e:00:01:33 down]")
	same(t, "addresses", m.addresses(name), "[]")
	h.mustSet("g", 30, "192.0.2.10/24")
	same(t, "devices of a group without", m.devices(), "[]")
	same(t, "addresses of eth0", m.addresses("eth0"), "[192.0.2.1/24 192.0.2.10/24]")
	same(t, "added", h.mustBehind("g", mac4, "192.0.2.10/24"), 1)
	same(t, "addresses of eth0", m.addresses("eth0"), "[192.0.2.1/24]")
}

// The subnet is reached by the interface, from the machine's own address, even
// where its route is the younger one.
func TestDeviceHasTheWorseRoute(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	h.mustBehind("g", mac4, "192.0.2.10/24")
	way := func() (out string) {
		t.Helper()
		m.do(func() error {
			list, err := netlink.RouteGet(addr("192.0.2.2").AsSlice())
			if err == nil {
				l, lookErr := netlink.LinkByIndex(list[0].LinkIndex)
				out, err = l.Attrs().Name+" "+list[0].Src.String(), lookErr
			}
			return err
		})
		return out
	}
	same(t, "way", way(), "eth0 192.0.2.1")
	m.unaddress("eth0", "192.0.2.1/24")
	same(t, "way without an own address", way(), m.device(mac4)+" 192.0.2.10")
	m.address("eth0", "192.0.2.1/24")
	same(t, "way", way(), "eth0 192.0.2.1")
	h.mustBehind("g", mac4, "192.0.2.10/24") // a renewal keeps it so
	same(t, "way", way(), "eth0 192.0.2.1")
}

// RFC 9568 sections 6.4.3 and 8.1.2: the virtual MAC address answers for the
// virtual address, for that alone, and the interface's own never does.
func TestVirtualMACAnswers(t *testing.T) {
	a, b := pair6(t)
	a.address("eth0", "192.0.2.1/24")
	b.address("eth0", "192.0.2.2/24")
	a.address6("eth0", "2001:db8::1/64")
	b.address6("eth0", "2001:db8::2/64")
	a.sysctl("net.ipv4.conf.eth0.arp_ignore", "1") // these two are internal/host's
	a.sysctl("net.ipv4.conf.eth0.arp_announce", "2")
	a.sysctl("net.ipv4.conf.all.rp_filter", "1") // as some distributions have it
	h := newHost(a)
	h.mustBehind("four", mac4, "192.0.2.10/24")
	h.mustBehind("six", mac6, "fe80::200:5eff:fe00:233/64", "2001:db8::10/64")
	own := a.link("eth0").Attrs().HardwareAddr.String()
	for ip, want := range map[string]string{
		"192.0.2.10": mac4.String(), "2001:db8::10": mac6.String(), "fe80::200:5eff:fe00:233": mac6.String(),
		"192.0.2.1": own, "2001:db8::1": own, "fe80::1": own,
	} {
		for range 3 {
			b.forget()
			b.somebody(addr(ip))
			same(t, "neighbour "+ip, b.neighbour(addr(ip)), want)
		}
	}
	for _, mac := range []vrrp.MAC{mac4, mac6} {
		link := a.link(a.device(mac))
		a.do(func() error {
			list, err := netlink.AddrList(link, unix.AF_INET6)
			for _, x := range list {
				if h.marks && x.Protocol != mark {
					t.Errorf("%s has an address of its own making: %v", link.Attrs().Name, x)
				}
			}
			return err
		})
	}
}

// neighbour is the MAC address that a machine takes an address to be at.
func (m *machine) neighbour(ip netip.Addr) (mac string) {
	m.t.Helper()
	at := m.link("eth0").Attrs().Index
	m.do(func() error {
		list, err := netlink.NeighList(at, unix.AF_UNSPEC)
		for _, n := range list {
			if n.IP.String() == ip.String() {
				mac = n.HardwareAddr.String()
			}
		}
		return err
	})
	return mac
}

func TestAnnounceFromAVirtualMAC(t *testing.T) {
	a, b := pair6(t)
	h := newHost(a)
	arps, ips := b.capture(), b.captureIPv6()
	a.do(func() error {
		return h.Announce(context.Background(), vrrp.Owned{Group: "g", Addresses: []vrrp.OwnedAddress{
			{Interface: "eth0", MAC: mac4, Address: prefix("192.0.2.10/24")},
			{Interface: "eth0", MAC: mac6, Address: prefix("2001:db8::10/64")},
		}})
	})
	for range 2 {
		f, p := gratuitousFrame(t, arps)
		same(t, "gratuitous ARP", f.Source.String()+" "+p.SenderHardwareAddr.String(), mac4.String()+" "+mac4.String())
	}
	f := frame6(t, ips, isUnsolicited)
	option := f.Payload[len(f.Payload)-6:]
	same(t, "advertisement", f.Source.String()+" "+vrrp.MAC(option).String(), mac6.String()+" "+mac6.String())
}

func TestNextProcessTakesDevicesOver(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	h.mustBehind("g", mac4, "192.0.2.10/24")
	index := m.link(m.device(mac4)).Attrs().Index
	for _, lost := range []bool{false, true} {
		h.restart()
		if lost { // and what it knew: the alias is left
			h.devices.held = nil
		}
		same(t, "added", h.mustBehind("g", mac4, "192.0.2.10/24"), 0)
		same(t, "index", m.link(m.device(mac4)).Attrs().Index, index)
	}
	h.restart()
	m.do(func() error {
		p, err := h.Purge(context.Background())
		same(t, "purged", p, Purged{Addresses: 1, Devices: 1})
		return err
	})
	same(t, "devices", m.devices(), "[]")
	same(t, "known", len(h.devices.held), 0)
}

// A device of that name, or of that MAC address, that somebody else has made.
func TestDeviceOfAStranger(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	parent := m.link("eth0").Attrs().Index
	stranger := func(name string, mac vrrp.MAC) {
		t.Helper()
		m.do(func() error {
			at := netlink.NewLinkAttrs()
			at.Name, at.ParentIndex, at.HardwareAddr = name, parent, mac[:]
			return netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: at, Mode: netlink.MACVLAN_MODE_BRIDGE})
		})
	}
	stranger("other", mac6)
	h.mustBehind("g", mac6)
	h.mustSet("g", 30)
	same(t, "devices", m.devices(), "[other 00:00:5e:00:02:33 down]")
	stranger(m.device(mac4), mac4)
	if _, err := h.behind("g", mac4, "192.0.2.10/24"); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), m.device(mac4)) {
		t.Errorf("%v, want ErrForeign for %s", err, m.device(mac4))
	}
	h.mustSet("g", 30)
	same(t, "devices", len(m.devices()), 2)
	// Ours, of which somebody has made something else.
	m.remove(m.device(mac4))
	h.mustBehind("g", mac4)
	link := m.link(m.device(mac4))
	m.do(func() error { return netlink.LinkSetHardwareAddr(link, slices.Repeat([]byte{2}, 6)) })
	h.mustSet("g", 30)
	same(t, "devices", len(m.devices()), 2)
}

// The kernel removes a device with its interface.
func TestDeviceComesBackWithItsInterface(t *testing.T) {
	a, b := pair(t)
	h := newHost(a)
	h.mustBehind("g", mac4, "192.0.2.10/24")
	a.remove("eth0")
	same(t, "devices", a.devices(), "[]")
	same(t, "without its interface", h.mustBehind("g", mac4), 0)
	connect(a, b, "eth0")
	same(t, "added", h.mustBehind("g", mac4, "192.0.2.10/24"), 1)
	same(t, "devices", a.devices(), "["+a.device(mac4)+" 00:00:5e:00:01:33 up]")
	same(t, "known", len(h.devices.held), 1)
}

func TestWatchSaysWhereNoVirtualMACCanBe(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	m.do(func() error {
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		at := netlink.NewLinkAttrs()
		at.Name, at.ParentIndex = "mv0", eth0.Attrs().Index
		if err := netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: at}); err != nil {
			return err
		}
		at = netlink.NewLinkAttrs()
		at.Name = "br0"
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: at}); err != nil {
			return err
		}
		br, err := netlink.LinkByName("br0")
		if err != nil {
			return err
		}
		at = netlink.NewLinkAttrs()
		at.Name, at.MasterIndex = "port", br.Attrs().Index
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: at, PeerName: "far"})
	})
	for name, want := range map[string]string{
		"eth0": "", "br0": "", "far": "", "gone": "",
		"lo": "it is the loopback interface", "mv0": "it is a macvlan itself", "port": "it is part of br0",
	} {
		m.do(func() error {
			l, err := h.state(name, nil)
			same(t, name, l.NoVirtualMAC, want)
			return err
		})
	}
}
