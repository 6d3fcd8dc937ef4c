//go:build linux

package ipvs

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// Errors of what the kernel would answer with "invalid argument", or take and
// change.
var (
	errGroup  = errors.New("the group is no multicast address")
	errRuns   = errors.New("it goes on running")
	errMaxLen = fmt.Errorf("maxlen out of range: %d to %d", maxLenLeast, maxLenMost)
)

// The range of a message's length that the kernel takes as it is for both roles
// and families (ip_vs_sync.c, start_sync_thread).
const (
	maxLenLeast = 1024
	maxLenMost  = 65535 - 40 - 8
)

// daemon starts or stops a sync daemon.
func (h *handle) daemon(op lvs.Op) error {
	if op.Kind == lvs.StopSync {
		return h.stopDaemon(op.Sync.Role)
	}
	a, err := daemonAttribute(op.Sync)
	if err != nil {
		return err
	}
	d, err := h.device(op.Sync)
	if err != nil {
		return err
	}
	err = h.order(cmdNewDaemon, a)
	h.devices.starts(op.Sync, d, err == nil)
	return err
}

// stopDaemon stops a sync daemon. The kernel gives no answer at all for one whose
// thread has not had the processor yet: the error of such a thread, EINTR, means
// "say nothing" to netlink (kernel/kthread.c, net/netlink/af_netlink.c,
// netlink_rcv_skb). So none is waited for; the list of those that run tells.
func (h *handle) stopDaemon(r lvs.Role) error {
	runs := func() (bool, error) {
		list, err := h.running()
		return slices.ContainsFunc(list, func(s lvs.Sync) bool { return s.Role == r }), err
	}
	if before, err := runs(); err != nil || !before {
		return cmp.Or[error](err, unix.ESRCH)
	}
	a := nl.NewRtAttr(attrDaemon|unix.NLA_F_NESTED, nil)
	a.AddRtAttr(syncState, nl.Uint32Attr(stateNumber(r)))
	if err := h.send(cmdDelDaemon, 0, a); err != nil {
		return err
	}
	after, err := runs()
	if err == nil && after {
		err = errRuns
	}
	if err == nil {
		h.devices.stopped(r)
	}
	return err
}

// daemonAttribute describes a sync daemon to start.
func daemonAttribute(s lvs.Sync) (*nl.RtAttr, error) {
	a := nl.NewRtAttr(attrDaemon|unix.NLA_F_NESTED, nil)
	a.AddRtAttr(syncState, nl.Uint32Attr(stateNumber(s.Role)))
	a.AddRtAttr(syncInterface, nl.ZeroTerminated(s.Interface))
	a.AddRtAttr(syncID, nl.Uint32Attr(uint32(s.ID)))
	switch {
	case !s.Group.IsValid():
	case !s.Group.IsMulticast():
		return nil, errGroup
	case s.Group.Is6():
		a.AddRtAttr(syncGroup6, s.Group.AsSlice())
	default:
		a.AddRtAttr(syncGroup, s.Group.AsSlice())
	}
	if s.Port != 0 {
		a.AddRtAttr(syncPort, nl.Uint16Attr(s.Port))
	}
	if s.MaxLen != 0 {
		if s.MaxLen < maxLenLeast || int(s.MaxLen) > maxLenMost {
			return nil, errMaxLen
		}
		a.AddRtAttr(syncMaxLen, nl.Uint16Attr(s.MaxLen))
	}
	if s.TTL != 0 {
		a.AddRtAttr(syncTTL, nl.Uint8Attr(s.TTL))
	}
	return a, nil
}

// daemons reads the sync daemons that run, in order of role, and looks whether
// they still have what they were started on.
func (h *handle) daemons() ([]lvs.Sync, error) {
	list, err := h.running()
	if err != nil {
		return nil, fmt.Errorf("sync daemons: %w", err)
	}
	for i, s := range list {
		now, err := h.device(s)
		if err != nil {
			return nil, fmt.Errorf("sync daemons: %w", err)
		}
		list[i].Orphan = h.devices.orphan(s, now)
	}
	h.devices.ended(list)
	return list, nil
}

// running reads the sync daemons that the kernel lists, in order of role.
func (h *handle) running() ([]lvs.Sync, error) {
	list, err := request(h, cmdGetDaemon, unix.NLM_F_DUMP, decodeDaemon)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b lvs.Sync) int { return compareRoles(a.Role, b.Role) })
	return list, nil
}

func compareRoles(a, b lvs.Role) int { return strings.Compare(string(a), string(b)) }

func decodeDaemon(msg attributes) (lvs.Sync, error) {
	a, err := msg.nested(attrDaemon)
	if err != nil {
		return lvs.Sync{}, err
	}
	s := lvs.Sync{
		Interface: a.text(syncInterface),
		ID:        int(a.number(syncID)),
		MaxLen:    uint16(a.number(syncMaxLen)),
		Port:      uint16(a.number(syncPort)),
		TTL:       uint8(a.number(syncTTL)),
	}
	switch state := a.number(syncState); state {
	case stateMaster:
		s.Role = lvs.SyncMaster
	case stateBackup:
		s.Role = lvs.SyncBackup
	default:
		return s, fmt.Errorf("sync daemon of state %d", state)
	}
	if b := a[syncGroup]; len(b) >= 4 {
		s.Group = netip.AddrFrom4([4]byte(b[:4]))
	}
	if b := a[syncGroup6]; len(b) >= 16 {
		s.Group = netip.AddrFrom16([16]byte(b[:16]))
	}
	return s, nil
}

func stateNumber(r lvs.Role) uint32 {
	switch r {
	case lvs.SyncMaster:
		return stateMaster
	case lvs.SyncBackup:
		return stateBackup
	}
	panic(fmt.Sprintf("ipvs: unknown sync role %q", r))
}
