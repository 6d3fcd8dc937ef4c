package linux

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/internal/testenv"
)

// machine is a machine of its own, with what these tests do to its interfaces.
type machine struct {
	*testenv.Machine
	t *testing.T
}

// newMachine makes one that ends with the test.
func newMachine(t *testing.T) *machine {
	t.Helper()
	return &machine{testenv.NewMachine(t), t}
}

// do runs f on the machine and fails the test on its error.
func (m *machine) do(f func() error) {
	m.t.Helper()
	m.Do(f)
}

// try runs f on the machine.
func (m *machine) try(f func() error) error { return m.Try(f) }

// connect joins two machines by a cable with the given interface name at both
// ends, both up.
func connect(a, b *machine, name string) {
	a.t.Helper()
	testenv.Cable(a.Machine, b.Machine, name)
	for _, m := range []*machine{a, b} {
		m.up(name)
	}
	for _, m := range []*machine{a, b} {
		m.running(name)
	}
}

// running waits until an interface has its carrier and a queue: before that it
// drops what it is to send, without a word.
func (m *machine) running(name string) {
	m.t.Helper()
	m.do(func() error {
		events, err := subscribe()
		if err != nil {
			return err
		}
		defer func() { _ = events.Close() }()
		if err := events.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		for {
			l, err := netlink.LinkByName(name)
			if err != nil || l.Attrs().RawFlags&unix.IFF_RUNNING != 0 {
				return err
			}
			if err := await(events, make([]byte, 1), func([]byte) bool { return true }); err != nil {
				return fmt.Errorf("%s does not run: %w", name, err)
			}
		}
	})
}

// pair is two machines joined by eth0, 192.0.2.1/24 and 192.0.2.2/24.
func pair(t *testing.T) (a, b *machine) {
	t.Helper()
	a, b = newMachine(t), newMachine(t)
	connect(a, b, "eth0")
	a.address("eth0", "192.0.2.1/24")
	b.address("eth0", "192.0.2.2/24")
	return a, b
}

// link returns an interface of the machine.
func (m *machine) link(name string) netlink.Link {
	m.t.Helper()
	var l netlink.Link
	m.do(func() (err error) {
		l, err = netlink.LinkByName(name)
		return err
	})
	return l
}

// up and down set an interface.
func (m *machine) up(name string) {
	m.t.Helper()
	l := m.link(name)
	m.do(func() error { return netlink.LinkSetUp(l) })
}

func (m *machine) down(name string) {
	m.t.Helper()
	l := m.link(name)
	m.do(func() error { return netlink.LinkSetDown(l) })
}

// remove deletes an interface.
func (m *machine) remove(name string) {
	m.t.Helper()
	l := m.link(name)
	m.do(func() error { return netlink.LinkDel(l) })
}

// address gives an interface an address for good, as an administrator would.
func (m *machine) address(name, prefix string) {
	m.t.Helper()
	l := m.link(name)
	m.do(func() error {
		a, err := netlink.ParseAddr(prefix)
		if err != nil {
			return err
		}
		return netlink.AddrAdd(l, a)
	})
}

// unaddress takes an address off, as a stranger would.
func (m *machine) unaddress(name, prefix string) {
	m.t.Helper()
	l := m.link(name)
	m.do(func() error {
		a, err := netlink.ParseAddr(prefix)
		if err != nil {
			return err
		}
		return netlink.AddrDel(l, a)
	})
}

// addresses lists the IPv4 addresses of an interface, in the kernel's order.
func (m *machine) addresses(name string) []string {
	m.t.Helper()
	l := m.link(name)
	var out []string
	m.do(func() error {
		list, err := netlink.AddrList(l, unix.AF_INET)
		for _, a := range list {
			out = append(out, a.IPNet.String())
		}
		return err
	})
	return out
}

// sysctl writes a setting under /proc/sys of the machine's own namespace.
func (m *machine) sysctl(name, value string) {
	m.t.Helper()
	m.do(func() error {
		return os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0o644)
	})
}

// addr and prefix parse literals.
func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// same fails the test unless got and want print the same.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: %s, want %s", what, g, w)
	}
}
