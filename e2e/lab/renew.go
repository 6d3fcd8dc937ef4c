package lab

import (
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Renew destroys a director's network namespace and gives it a new one, as when its
// machine's network is torn down and built again: no device, no table, no connection
// of before is there, its files are. No process may run on it, and nobody else use
// the node meanwhile. Of its interfaces it has none until [Lab.Insert].
func (l *Lab) Renew(n *Node) error {
	for _, p := range append([]plug(nil), l.plugs...) {
		if p.node == n.Name {
			if err := l.Pull(n, p.network); err != nil {
				return err
			}
		}
	}
	// Its name would keep the old one alive. The new one has none: this thread's
	// names are not the machine's.
	if err := netns.DeleteNamed(n.nsName()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("lab: remove namespace %s: %w", n.nsName(), err)
	}
	if err := n.Do(n.leaveNetwork); err != nil {
		return fmt.Errorf("lab: %s: a new network namespace: %w", n.Name, err)
	}
	n.link.Close()
	h, err := netlink.NewHandleAt(n.ns)
	if err != nil {
		return fmt.Errorf("lab: node %s: netlink: %w", n.Name, err)
	}
	n.link = h
	lo, err := h.LinkByName("lo")
	if err == nil {
		err = h.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("lab: node %s: loopback: %w", n.Name, err)
	}
	return nil
}

// leaveNetwork moves the node's thread into a new network namespace.
func (n *Node) leaveNetwork() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	ns, err := netns.Get()
	if err != nil {
		return err
	}
	old := n.ns
	n.ns = ns
	if err := old.Close(); err != nil {
		return err
	}
	// What /sys/class/net shows is fixed when it is mounted.
	return unix.Mount("sysfs", "/sys", "sysfs", 0, "")
}
