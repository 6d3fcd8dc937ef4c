package linux

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// requireRoot skips a test where network namespaces cannot be made, unless
// FAILOVER_REQUIRE says that they must be there.
func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	for c := range strings.SplitSeq(os.Getenv("FAILOVER_REQUIRE"), ",") {
		if c == "netns" {
			t.Fatal("FAILOVER_REQUIRE lists netns, which needs root")
		}
	}
	t.Skip("needs root")
}

// machine is a network namespace of its own and the one thread that lives in it.
type machine struct {
	t    *testing.T
	ns   netns.NsHandle
	work chan func()
}

// newMachine makes an empty namespace that ends with the test.
func newMachine(t *testing.T) *machine {
	t.Helper()
	requireRoot(t)
	m := &machine{t: t, work: make(chan func())}
	made, ended := make(chan error), make(chan struct{})
	go func() {
		// Never unlocked: the thread ends with the goroutine, the namespace with it.
		runtime.LockOSThread()
		defer close(ended)
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			m.ns, err = netns.Get()
		}
		made <- err
		for f := range m.work {
			f()
		}
	}()
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(m.work)
		<-ended
		if err := m.ns.Close(); err != nil {
			t.Error(err)
		}
	})
	m.do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(lo)
	})
	return m
}

// do runs f on the machine's thread and fails the test on its error.
func (m *machine) do(f func() error) {
	m.t.Helper()
	if err := m.try(f); err != nil {
		m.t.Fatal(err)
	}
}

// try runs f on the machine's thread.
func (m *machine) try(f func() error) error {
	done := make(chan error)
	m.work <- func() { done <- f() }
	return <-done
}

// connect joins two machines by a cable with the given interface name at both
// ends, both up.
func connect(a, b *machine, name string) {
	a.t.Helper()
	a.do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name, PeerNamespace: netlink.NsFd(b.ns)})
	})
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
			if err := await(events); err != nil {
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
