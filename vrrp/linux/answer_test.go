package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// knock sends a datagram to an address and tells whether a machine that accepts
// it said that the port is closed.
func (m *machine) knock(ip netip.Addr) (accepted bool, err error) {
	zone := ""
	if ip.Is6() && ip.IsLinkLocalUnicast() {
		zone = "eth0"
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip.WithZone(zone), 9)))
	if err != nil {
		return false, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		return false, err
	}
	if _, err := c.Write([]byte("?")); err != nil {
		return false, err
	}
	_, err = c.Read(make([]byte, 1))
	return errors.Is(err, unix.ECONNREFUSED), nil
}

// somebody waits until a machine answers for an address.
func (m *machine) somebody(ip netip.Addr) {
	m.t.Helper()
	m.eventually(ip.String()+" is answered", func() (bool, error) { return m.knock(ip) })
}

// nobody waits until the machine has found that nobody answers for an address.
func (m *machine) nobody(ip netip.Addr) {
	m.t.Helper()
	at := m.link("eth0").Attrs().Index
	m.eventually("nobody answers for "+ip.String(), func() (bool, error) {
		if accepted, err := m.knock(ip); accepted || err != nil && !errors.Is(err, unix.EHOSTUNREACH) {
			return false, errors.Join(err, fmt.Errorf("%s is answered: %v", ip, accepted))
		}
		list, err := netlink.NeighList(at, unix.AF_UNSPEC)
		return slices.ContainsFunc(list, func(n netlink.Neigh) bool {
			return n.IP.String() == ip.String() && n.State == netlink.NUD_FAILED
		}), err
	})
}

// RFC 9568 sections 6.4.2 and 6.4.3: the master answers ARP requests and
// neighbour solicitations for the addresses and accepts packets to them, the
// backup does neither: an address that is not on a machine is not answered for.
func TestWhoHoldsAnswers(t *testing.T) {
	a, b := pair6(t)
	a.address("eth0", "192.0.2.1/24")
	b.address("eth0", "192.0.2.2/24")
	b.address6("eth0", "2001:db8::2/64")
	// One quick attempt each, or a neighbour that is not there takes seconds.
	for _, family := range []string{"ipv4", "ipv6"} {
		b.sysctl("net."+family+".neigh.eth0.mcast_solicit", "1")
		b.sysctl("net."+family+".neigh.eth0.retrans_time_ms", "100")
	}
	h := newHost(a)
	for _, p := range []string{"192.0.2.10/24", "2001:db8::10/64", "fe80::200:5eff:fe00:233/64"} {
		for range 2 {
			h.mustSet("g", 30, p)
			b.somebody(prefix(p).Addr())
			h.mustSet("g", 30)
			b.forget()
			b.nobody(prefix(p).Addr())
			b.forget()
		}
	}
}

// forget empties what a machine knows of its neighbours.
func (m *machine) forget() {
	m.t.Helper()
	at := m.link("eth0").Attrs().Index
	m.do(func() error {
		list, err := netlink.NeighList(at, unix.AF_UNSPEC)
		for i := range list {
			err = errors.Join(err, netlink.NeighDel(&list[i]))
		}
		return err
	})
}

// RFC 9568 section 6.4.3: neighbour solicitations for the addresses are answered
// with the Router flag, by a machine that forwards.
func TestSolicitationsAreAnsweredAsRouter(t *testing.T) {
	a, b := pair6(t)
	b.address6("eth0", "2001:db8::2/64")
	newHost(a).mustSet("g", 30, "2001:db8::10/64")
	wire := b.captureIPv6()
	for setting, router := range map[string]bool{"1": true, "0": false} {
		a.sysctl("net.ipv6.conf.eth0.forwarding", setting)
		b.forget()
		b.somebody(addr("2001:db8::10"))
		f := frame6(t, wire, func(p []byte) bool {
			return p[6] == protocolICMPv6 && p[40] == byte(ipv6.ICMPTypeNeighborAdvertisement) &&
				netip.AddrFrom16([16]byte(p[48:64])) == addr("2001:db8::10")
		})
		m, err := ndp.ParseMessage(f.Payload[ipv6.HeaderLen:])
		if err != nil {
			t.Fatal(err)
		}
		if na := m.(*ndp.NeighborAdvertisement); na.Router != router || !na.Solicited {
			t.Errorf("forwarding %s: %+v", setting, na)
		}
	}
}

// Who holds an address is a member of its solicited-node group, and nobody else
// is.
func TestSolicitedNodeGroup(t *testing.T) {
	a, _ := pair6(t)
	h := newHost(a)
	member := func() bool { return strings.Contains(a.ip("-6", "maddr", "show", "dev", "eth0"), "ff02::1:ff00:10") }
	if member() {
		t.Error("a member before")
	}
	h.mustSet("g", 30, "2001:db8::10/64")
	// The kernel joins a moment later (net/ipv6/addrconf.c, addrconf_dad_work).
	if err := eventually(member); err != nil {
		t.Errorf("no member: %v", err)
	}
	h.mustSet("g", 30)
	if err := eventually(func() bool { return !member() }); err != nil {
		t.Errorf("still a member: %v", err)
	}
}
