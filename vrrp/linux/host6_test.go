package linux

import (
	"errors"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// addresses6 lists the IPv6 addresses of eth0 but for the machine's own
// link-local one.
func (m *machine) addresses6() (out []string) {
	m.t.Helper()
	for _, a := range m.list6() {
		if s := a.IPNet.String(); s != "fe80::1/64" && s != "fe80::2/64" {
			out = append(out, s)
		}
	}
	return out
}

func (m *machine) list6() (list []netlink.Addr) {
	m.t.Helper()
	eth0 := m.link("eth0")
	m.do(func() (err error) {
		list, err = netlink.AddrList(eth0, unix.AF_INET6)
		return err
	})
	return list
}

func TestSetHoldsIPv6(t *testing.T) {
	m, _ := pair6(t)
	h := newHost(m)
	virtual := []string{"fe80::200:5eff:fe00:233/64", "2001:db8::4/64"}
	same(t, "added", h.mustSet("g", 30, virtual...), 2)
	for _, a := range m.list6() {
		if a.IPNet.String() == "fe80::1/64" {
			continue
		}
		// Usable at once, never the machine's own choice, and gone without renewal.
		if a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 || a.Flags&unix.IFA_F_NODAD == 0 ||
			a.Flags&unix.IFA_F_DEPRECATED == 0 || a.ValidLft < 29 || a.ValidLft > 30 || h.marks && a.Protocol != mark {
			t.Errorf("%v: flags %#x, valid %d, protocol %#x", a.IPNet, a.Flags, a.ValidLft, a.Protocol)
		}
	}
	same(t, "added again", h.mustSet("g", 100, virtual...), 0)
	for _, a := range m.list6() {
		if a.IPNet.String() != "fe80::1/64" && (a.ValidLft < 99 || a.Flags&unix.IFA_F_DEPRECATED == 0) {
			t.Errorf("after the renewal: %v valid %d, flags %#x", a.IPNet, a.ValidLft, a.Flags)
		}
	}
	same(t, "both families", h.mustSet("g", 30, virtual[0], "192.0.2.10/24"), 1)
	same(t, "IPv6", m.addresses6(), "[fe80::200:5eff:fe00:233/64]")
	same(t, "IPv4", m.addresses("eth0"), "[192.0.2.10/24]")
	same(t, "another prefix", h.mustSet("g", 30, "fe80::200:5eff:fe00:233/128"), 1)
	same(t, "IPv6", m.addresses6(), "[fe80::200:5eff:fe00:233/128]")
	h.restart()
	h.mustSet("g", 30)
	same(t, "IPv6", m.addresses6(), "[]")
	same(t, "on disk", h.onDisk(), "[]")
}

func TestSetLeavesIPv6ThatIsNotOurs(t *testing.T) {
	m, _ := pair6(t)
	h := newHost(m)
	m.address6("eth0", "2001:db8::4/64")
	for _, p := range []string{"2001:db8::4/64", "2001:db8::4/128"} {
		if _, err := h.set("g", 30, p); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), p) {
			t.Errorf("%v, want ErrForeign for %s", err, p)
		}
	}
	h.mustSet("g", 30)
	same(t, "IPv6", m.addresses6(), "[2001:db8::4/64]")
}

func TestLeaseOfIPv6EndsByItself(t *testing.T) {
	t.Parallel()
	m, _ := pair6(t)
	h := newHost(m)
	o := h.watch("eth0")
	o.until("eth0", func(vrrp.Link) bool { return true })
	h.mustSet("g", 1, "2001:db8::4/64")
	o.loses("2001:db8::4/64")
	same(t, "IPv6", m.addresses6(), "[]")
}

// Our own connections come from an address that stays.
func TestVirtualIPv6IsNoSource(t *testing.T) {
	m, _ := pair6(t)
	h := newHost(m)
	m.address6("eth0", "2001:db8::1/64")
	h.mustSet("g", 30, "2001:db8::4/64")
	m.do(func() error {
		routes, err := netlink.RouteGet(addr("2001:db8::5").AsSlice())
		if err == nil {
			same(t, "source", routes[0].Src, "2001:db8::1")
		}
		return err
	})
}

func TestWatchReportsTheLinkLocalSource(t *testing.T) {
	a, b := newMachine(t), newMachine(t)
	a.sysctl("net.ipv6.conf.default.addr_gen_mode", "1")
	connect(a, b, "eth0")
	h := newHost(a)
	o := h.watch("eth0")
	first := o.until("eth0", func(l vrrp.Link) bool { return l.Carrier })
	same(t, "source", first.Source6, "invalid IP")
	h.mustSet("g", 30, "fe80::200:5eff:fe00:233/64") // ours is none
	a.address6("eth0", "2001:db8::1/64")             // nor is a global one
	a.address6("eth0", "fe80::9/64")
	l := o.until("a source", func(l vrrp.Link) bool { return l.Source6.IsValid() })
	same(t, "source", l.Source6, "fe80::9")
	a.address6("eth0", "fe80::8/64")
	o.until("the lower one", func(l vrrp.Link) bool { return l.Source6 == addr("fe80::8") })
	a.unaddress("eth0", "fe80::8/64")
	o.until("the first again", func(l vrrp.Link) bool { return l.Source6 == addr("fe80::9") })
}

// An address that duplicate address detection still looks at, or has found to be
// somebody else's, is nobody's source.
func TestSourceWaitsForDuplicateAddressDetection(t *testing.T) {
	t.Parallel()
	a, b := pair6(t)
	h := newHost(a)
	o := h.watch("eth0")
	o.until("fe80::1", func(l vrrp.Link) bool { return l.Source6 == addr("fe80::1") })
	a.unaddress("eth0", "fe80::1/64")
	o.until("none", func(l vrrp.Link) bool { return !l.Source6.IsValid() })
	b.address6("eth0", "fe80::7/64")
	a.address("eth0", "fe80::7/64") // b has it
	a.address("eth0", "fe80::8/64")
	l := o.until("a source", func(l vrrp.Link) bool { return l.Source6.IsValid() })
	same(t, "source", l.Source6, "fe80::8")
}
