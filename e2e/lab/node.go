package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Node is one machine of the lab: a network namespace and one thread that
// lives in it. Sockets belong to the namespace of the thread that made them,
// and processes to that of the thread that started them, so everything that
// has to happen on the node happens on its thread.
type Node struct {
	Name string

	lab  *Lab
	ns   netns.NsHandle
	link *netlink.Handle
	work chan func()
	dead chan struct{}

	lastPort atomic.Uint32 // of Dial
}

// addNode makes a node. A director is given files and a host name of its own.
func (l *Lab) addNode(name string, director bool) (*Node, error) {
	n := &Node{Name: name, lab: l, work: make(chan func()), dead: make(chan struct{})}
	up := make(chan error)
	go n.live(director, up)
	l.onClose(n.close)
	if err := <-up; err != nil {
		return nil, fmt.Errorf("lab: node %s: %w", name, err)
	}
	h, err := netlink.NewHandleAt(n.ns)
	if err != nil {
		return nil, fmt.Errorf("lab: node %s: netlink: %w", name, err)
	}
	n.link = h
	lo, err := h.LinkByName("lo")
	if err == nil {
		err = h.LinkSetUp(lo)
	}
	if err != nil {
		return nil, fmt.Errorf("lab: node %s: loopback: %w", name, err)
	}
	return n, nil
}

// live is the node's thread. It ends with the node and takes its namespaces
// along: a thread that left its process's namespaces must not serve others.
func (n *Node) live(director bool, up chan<- error) {
	runtime.LockOSThread()
	defer close(n.dead)
	ns, err := netns.NewNamed(n.nsName())
	if err != nil {
		up <- fmt.Errorf("network namespace: %w", err)
		return
	}
	n.ns = ns
	defer n.ns.Close()
	if director {
		if err := n.ownFiles(); err != nil {
			up <- err
			return
		}
	}
	up <- nil
	for f := range n.work {
		f()
	}
}

// ownFiles gives the calling thread a host name and file systems of its own: an
// empty /run, and layers above /etc and /var/lib whose upper halves live and die
// with the node.
func (n *Node) ownFiles() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWUTS); err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	if err := unix.Sethostname([]byte(n.Name)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	base := filepath.Join(n.lab.Dir, n.Name)
	if err := os.Mkdir(base, 0o755); err != nil {
		return err
	}
	steps := []struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}{
		{"none", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""},
		{"tmpfs", base, "tmpfs", 0, "mode=755,size=64m"},
		{"tmpfs", "/run", "tmpfs", 0, "mode=755,size=64m"},
		// What /sys/class/net shows is fixed when it is mounted.
		{"sysfs", "/sys", "sysfs", 0, ""},
	}
	for _, s := range steps {
		if err := unix.Mount(s.source, s.target, s.kind, s.flags, s.data); err != nil {
			return fmt.Errorf("mount %s: %w", s.target, err)
		}
	}
	for _, target := range []string{"/etc", "/var/lib"} {
		upper := filepath.Join(base, target, "upper")
		work := filepath.Join(base, target, "work")
		if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
			return err
		}
		data := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", target, upper, work)
		if err := unix.Mount("overlay", target, "overlay", 0, data); err != nil {
			return fmt.Errorf("mount overlay on %s: %w", target, err)
		}
	}
	return nil
}

// Do runs f on the node: sockets it makes, processes it starts and files it
// opens are the node's. Keep it short; a node does one thing at a time.
func (n *Node) Do(f func() error) error {
	done := make(chan error, 1)
	select {
	case n.work <- func() { done <- f() }:
		return <-done
	case <-n.dead:
		return fmt.Errorf("lab: node %s is closed", n.Name)
	}
}

// nsName is what `ip netns` shows.
func (n *Node) nsName() string { return n.lab.id + "-" + n.Name }

// close ends the thread and with it the namespaces. The name goes here, not on
// the thread: a director's does not see this machine's /run.
func (n *Node) close() error {
	close(n.work)
	<-n.dead
	if n.link != nil {
		n.link.Close()
	}
	if err := netns.DeleteNamed(n.nsName()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("lab: remove namespace %s: %w", n.nsName(), err)
	}
	return nil
}

// WriteFile writes a file as the node sees it, with the folders above it.
func (n *Node) WriteFile(path string, text []byte, mode os.FileMode) error {
	return n.Do(func() error {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, text, mode)
	})
}

// ReadFile reads a file as the node sees it; below /proc/sys/net that is the
// node's own setting.
func (n *Node) ReadFile(path string) (text []byte, err error) {
	err = n.Do(func() error {
		text, err = os.ReadFile(path)
		return err
	})
	return text, err
}

// Sysctl writes a setting of the node, with slashes: net/ipv4/ip_forward.
func (n *Node) Sysctl(key, value string) error {
	return n.Do(func() error { return os.WriteFile("/proc/sys/"+key, []byte(value), 0) })
}

// DefaultRoute sends what has no better route to a gateway.
func (n *Node) DefaultRoute(gateway netip.Addr) error {
	if err := n.link.RouteReplace(&netlink.Route{Gw: gateway.AsSlice()}); err != nil {
		return fmt.Errorf("lab: %s: default route by %s: %w", n.Name, gateway, err)
	}
	return nil
}

// Holds tells whether one of the node's interfaces has the address.
func (n *Node) Holds(a netip.Addr) (bool, error) {
	have, err := n.Addresses()
	return have[a], err
}

// Addresses are the addresses of all the node's interfaces.
func (n *Node) Addresses() (map[netip.Addr]bool, error) {
	list, err := n.link.AddrList(nil, netlink.FAMILY_ALL)
	// A change during the dump makes the kernel say so; a busy node needs another try.
	for try := 0; errors.Is(err, netlink.ErrDumpInterrupted) && try < 10; try++ {
		list, err = n.link.AddrList(nil, netlink.FAMILY_ALL)
	}
	if err != nil {
		return nil, fmt.Errorf("lab: %s: list addresses: %w", n.Name, err)
	}
	have := make(map[netip.Addr]bool, len(list))
	for _, a := range list {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			have[ip.Unmap()] = true
		}
	}
	return have, nil
}
