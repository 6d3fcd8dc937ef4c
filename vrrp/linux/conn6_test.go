package linux

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// pair6 is two machines joined by eth0 with the link-local addresses fe80::1 and
// fe80::2, and nothing of IPv6 that they did not ask for.
func pair6(t *testing.T) (a, b *machine) {
	t.Helper()
	a, b = newMachine(t), newMachine(t)
	for _, m := range []*machine{a, b} {
		m.sysctl("net.ipv6.conf.default.addr_gen_mode", "1")
		m.sysctl("net.ipv6.conf.default.accept_ra", "0")
	}
	connect(a, b, "eth0")
	a.address6("eth0", "fe80::1/64")
	b.address6("eth0", "fe80::2/64")
	return a, b
}

// address6 gives an interface an IPv6 address for good, at once.
func (m *machine) address6(name, prefix string) {
	m.t.Helper()
	l := m.link(name)
	m.do(func() error {
		a, err := netlink.ParseAddr(prefix)
		if err != nil {
			return err
		}
		a.Flags = unix.IFA_F_NODAD
		return netlink.AddrAdd(l, a)
	})
}

var multicast6 = netip.MustParseAddr("ff02::12")

func TestAdvertsCrossIPv6(t *testing.T) {
	for _, tt := range []struct {
		name      string
		multicast bool
		src, dst  string
	}{
		{"multicast", true, "fe80::1", "ff02::12"},
		{"multicast from an address we do not have", true, "fe80::77", "ff02::12"},
		{"unicast", false, "fe80::1", "fe80::2"},
		{"unicast from an address we do not have", false, "fe80::77", "fe80::2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := pair6(t)
			port := vrrp.Port{Interface: "eth0", IPv6: true, Multicast: tt.multicast}
			from, to := a.listen(port), b.listen(port)
			wire := b.captureIPv6()
			advert := vrrp.Advert{VRID: 51, Priority: 100, Interval: time.Second, Addresses: []netip.Addr{addr("fe80::200:5eff:fe00:233")}}
			payload := advert.Append(nil, addr(tt.src), addr(tt.dst))
			send(t, from, vrrp.Transmission{Interface: "eth0", Src: addr(tt.src), Dst: addr(tt.dst), Payload: payload})
			got := receive(t, to)
			if got.Interface != "eth0" || got.Src != addr(tt.src) || got.Dst != addr(tt.dst) || got.TTL != 255 {
				t.Errorf("received %+v", got)
			}
			if !bytes.Equal(got.Payload, payload) {
				t.Errorf("payload % x, want % x", got.Payload, payload)
			}
			h, err := ipv6.ParseHeader(vrrpFrame(t, wire))
			if err != nil {
				t.Fatal(err)
			}
			if h.Version != 6 || h.TrafficClass != 0xc0 || h.HopLimit != 255 || h.NextHeader != 112 || h.PayloadLen != len(payload) {
				t.Errorf("header %v", h)
			}
			silent(t, from) // no loop
		})
	}
}

// captureIPv6 listens to IPv6 on eth0 of a machine.
func (m *machine) captureIPv6() *packet.Conn {
	m.t.Helper()
	return m.captureProtocol(unix.ETH_P_IPV6)
}

// vrrpFrame reads frames until one with an advert, and returns its IPv6 packet.
func vrrpFrame(t *testing.T, c *packet.Conn) []byte {
	t.Helper()
	return frame6(t, c, func(p []byte) bool { return p[6] == protocolVRRP }).Payload
}

// frame6 reads frames until one whose IPv6 packet is as wanted.
func frame6(t *testing.T, c *packet.Conn, want func([]byte) bool) ethernet.Frame {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	for {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		var f ethernet.Frame
		if err := f.UnmarshalBinary(bytes.Clone(b[:n])); err != nil {
			t.Fatal(err)
		}
		if len(f.Payload) >= ipv6.HeaderLen && want(f.Payload) {
			return f
		}
	}
}

// The families of one interface are two ports: each hears its own.
func TestPortsOfBothFamilies(t *testing.T) {
	a, b := pair6(t)
	a.address("eth0", "192.0.2.1/24")
	b.address("eth0", "192.0.2.2/24")
	four, six := vrrp.Port{Interface: "eth0", Multicast: true}, vrrp.Port{Interface: "eth0", IPv6: true, Multicast: true}
	from, to := a.listen(four, six), b.listen(four, six)
	adverts := []vrrp.Transmission{
		{Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: []byte{4}},
		{Interface: "eth0", Src: addr("fe80::1"), Dst: multicast6, Payload: []byte{6}},
	}
	for range 3 {
		for _, x := range adverts {
			send(t, from, x)
			if got := receive(t, to); !bytes.Equal(got.Payload, x.Payload) || got.Src != x.Src {
				t.Errorf("received %+v, want %+v", got, x)
			}
		}
	}
	b.do(func() error { return to.Close(four) })
	send(t, from, adverts[0])
	send(t, from, adverts[1])
	if got := receive(t, to); got.Src != addr("fe80::1") {
		t.Errorf("received %+v", got)
	}
	silent(t, to)
}

func TestUnicastPortHearsNoMulticastIPv6(t *testing.T) {
	a, b := pair6(t)
	from := a.listen(vrrp.Port{Interface: "eth0", IPv6: true})
	to := b.listen(vrrp.Port{Interface: "eth0", IPv6: true})
	other := b.listen(vrrp.Port{Interface: "eth0", IPv6: true, Multicast: true})
	advert := vrrp.Transmission{Interface: "eth0", Src: addr("fe80::1"), Dst: multicast6, Payload: []byte{1}}
	send(t, from, advert)
	receive(t, other)
	silent(t, to)
	b.do(func() error { return to.Open(vrrp.Port{Interface: "eth0", IPv6: true, Multicast: true}) })
	send(t, from, advert)
	receive(t, to)
}

func TestErrorsOfIPv6NameOperationAndSubject(t *testing.T) {
	a, _ := pair6(t)
	c := a.listen(vrrp.Port{Interface: "eth0", IPv6: true, Multicast: true})
	for _, x := range []struct{ src, dst, want string }{
		{"192.0.2.1", "ff02::12", "vrrp: send on eth0 from 192.0.2.1 to ff02::12: not IPv6"},
		{"fe80::1", "224.0.0.18", "vrrp: send on eth0: not open"}, // for IPv4
	} {
		err := c.Send(vrrp.Transmission{Interface: "eth0", Src: addr(x.src), Dst: addr(x.dst), Payload: []byte{1}})
		if err == nil || err.Error() != x.want {
			t.Errorf("%v, want %s", err, x.want)
		}
	}
	a.down("eth0")
	err := c.Send(vrrp.Transmission{Interface: "eth0", Src: addr("fe80::1"), Dst: multicast6, Payload: []byte{1}})
	if err == nil || !strings.HasPrefix(err.Error(), "vrrp: send on eth0 to ff02::12: ") {
		t.Errorf("link down: %v", err)
	}
}
