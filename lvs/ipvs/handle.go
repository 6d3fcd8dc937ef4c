//go:build linux

package ipvs

import (
	"fmt"

	moby "github.com/moby/ipvs"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// handle is sockets to the kernel: moby's and ours to IPVS, and one to look at
// devices.
type handle struct {
	moby    *moby.Handle
	own     *socket
	route   *netlink.Handle
	family  int      // generic netlink family IPVS
	devices *devices // outlives the handle
}

// openHandle opens the sockets in namespace ns.
func openHandle(ns netns.NsHandle, family int, v *devices) (*handle, error) {
	// A goroutine may run on any thread. All threads of the daemon share one
	// namespace; a thread that does not (in tests) is led there, which needs
	// CAP_SYS_ADMIN.
	path, at := "", netns.None()
	if here, err := netns.Get(); err == nil {
		if !here.Equal(ns) {
			path, at = fmt.Sprintf("/proc/self/fd/%d", int(ns)), ns
		}
		here.Close()
	}
	m, err := moby.New(path)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	h := &handle{moby: m, family: family, devices: v}
	if h.own, err = openSocket(at); err == nil {
		h.route, err = netlink.NewHandleAt(at, unix.NETLINK_ROUTE)
	}
	if err == nil {
		err = h.route.SetSocketTimeout(receiveLimit)
	}
	if err != nil {
		h.close()
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	return h, nil
}

// close closes the sockets. It may wait for a system call that uses them.
func (h *handle) close() {
	if h == nil {
		return
	}
	if h.moby != nil {
		h.moby.Close()
	}
	if h.own != nil {
		h.own.close()
	}
	if h.route != nil {
		h.route.Close()
	}
}
