//go:build linux

package ipvs

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// device is what a sync daemon holds on to from its start: its sockets belong to
// a device by number, not by name, and the master's to the address it had
// (net/netfilter/ipvs/ip_vs_sync.c, make_send_sock and make_receive_sock). The
// kernel does not end a daemon that has lost either, and lists it as running.
type device struct {
	index   int // 0: there is none of that name
	up      bool
	address netip.Addr // the first one, which the master of an IPv4 group binds to
}

// holds tells whether a daemon that was started on d works on now.
func (d device) holds(now device) bool {
	return now.index != 0 && d.index == now.index && d.address == now.address
}

// device looks a daemon's device up.
func (h *handle) device(s lvs.Sync) (device, error) {
	link, err := h.route.LinkByName(s.Interface)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return device{}, nil
	}
	if err != nil {
		return device{}, fmt.Errorf("interface %s: %w", s.Interface, err)
	}
	d := device{index: link.Attrs().Index, up: link.Attrs().RawFlags&unix.IFF_RUNNING != 0}
	if s.Role != lvs.SyncMaster || s.Group.Is6() {
		return d, nil
	}
	addresses, err := h.route.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return device{}, fmt.Errorf("addresses of %s: %w", s.Interface, err)
	}
	for _, a := range addresses {
		if a.Flags&unix.IFA_F_SECONDARY == 0 {
			d.address, _ = netip.AddrFromSlice(a.IP.To4())
			break
		}
	}
	return d, nil
}

// devices remember what the sync daemons were started on.
type devices struct {
	mu    sync.Mutex
	tried map[lvs.Role]lvs.Sync // started last, or tried to
	under map[lvs.Role]device   // those that run
}

// starts notes an attempt to start s on d and whether it succeeded.
func (v *devices) starts(s lvs.Sync, d device, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tried == nil {
		v.tried, v.under = map[lvs.Role]lvs.Sync{}, map[lvs.Role]device{}
	}
	v.tried[s.Role] = s
	if ok {
		v.under[s.Role] = d
	}
}

// stopped forgets a daemon.
func (v *devices) stopped(r lvs.Role) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.tried, r)
	delete(v.under, r)
}

// orphan tells whether the daemon s, which runs, has lost its device. One that was
// started before us counts as started on what is there now.
func (v *devices) orphan(s lvs.Sync, now device) bool {
	v.mu.Lock()
	then, known := v.under[s.Role]
	v.mu.Unlock()
	if !known {
		v.starts(s, now, now.index != 0)
		return now.index == 0
	}
	return !then.holds(now)
}

// wanted are the daemons whose devices to look at, in order of role.
func (v *devices) wanted() []lvs.Sync {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.SortedFunc(maps.Values(v.tried), func(a, b lvs.Sync) int { return compareRoles(a.Role, b.Role) })
}

// ended forgets what those daemons had that are not running any more.
func (v *devices) ended(running []lvs.Sync) {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.under, func(r lvs.Role, _ device) bool {
		return !slices.ContainsFunc(running, func(s lvs.Sync) bool { return s.Role == r })
	})
}
