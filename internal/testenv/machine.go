package testenv

import (
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Machine is a network namespace and the one thread that lives in it. Sockets
// belong to the namespace of the thread that makes them, and programs to that of
// the thread that starts them, so what happens on the machine happens there.
type Machine struct {
	// NS is the namespace.
	NS netns.NsHandle

	t    *testing.T
	work chan func()
}

// NewMachine makes a namespace with nothing in it but a loopback interface that
// is up. It ends with the test.
func NewMachine(t *testing.T) *Machine {
	t.Helper()
	NeedRoot(t)
	m := &Machine{t: t, work: make(chan func())}
	made, ended := make(chan error), make(chan struct{})
	go func() {
		// Never unlocked: the thread ends with the goroutine, the namespace with it.
		runtime.LockOSThread()
		defer close(ended)
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			m.NS, err = netns.Get()
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
		if err := m.NS.Close(); err != nil {
			t.Error(err)
		}
	})
	m.Do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(lo)
	})
	return m
}

// Do runs f on the machine and fails the test on its error.
func (m *Machine) Do(f func() error) {
	m.t.Helper()
	if err := m.Try(f); err != nil {
		m.t.Fatal(err)
	}
}

// Try runs f on the machine.
func (m *Machine) Try(f func() error) error {
	done := make(chan error)
	m.work <- func() { done <- f() }
	return <-done
}

// Cable joins two machines by an interface of the given name at both ends, which
// are down.
func Cable(a, b *Machine, name string) {
	a.t.Helper()
	a.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name, PeerNamespace: netlink.NsFd(b.NS)})
	})
}
