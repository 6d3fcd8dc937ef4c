//go:build linux

package ipvs

import (
	"fmt"
	"time"

	moby "github.com/moby/ipvs"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// receiveLimit ends one receive on our own socket.
const receiveLimit = 10 * time.Second

// handle is a pair of sockets to the kernel: moby's and ours.
type handle struct {
	moby   *moby.Handle
	own    *nl.SocketHandle
	family int // generic netlink family IPVS
}

// openHandle opens the sockets in namespace ns.
func openHandle(ns netns.NsHandle, family int) (*handle, error) {
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
	s, err := nl.GetNetlinkSocketAt(at, netns.None(), unix.NETLINK_GENERIC)
	if err == nil {
		tv := unix.NsecToTimeval(receiveLimit.Nanoseconds())
		err = s.SetReceiveTimeout(&tv)
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	return &handle{moby: m, own: &nl.SocketHandle{Socket: s}, family: family}, nil
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
		h.own.Close()
	}
}
