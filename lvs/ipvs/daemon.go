//go:build linux

package ipvs

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// errGroup: the kernel would answer "invalid argument".
var errGroup = errors.New("the group is no multicast address")

// daemon starts or stops a sync daemon.
func (h *handle) daemon(op lvs.Op) error {
	a := nl.NewRtAttr(attrDaemon|unix.NLA_F_NESTED, nil)
	a.AddRtAttr(syncState, nl.Uint32Attr(stateNumber(op.Sync.Role)))
	if op.Kind == lvs.StopSync {
		_, err := h.request(cmdDelDaemon, unix.NLM_F_ACK, a)
		return err
	}
	s := op.Sync
	a.AddRtAttr(syncInterface, nl.ZeroTerminated(s.Interface))
	a.AddRtAttr(syncID, nl.Uint32Attr(uint32(s.ID)))
	switch {
	case !s.Group.IsValid():
	case !s.Group.IsMulticast():
		return errGroup
	case s.Group.Is6():
		a.AddRtAttr(syncGroup6, s.Group.AsSlice())
	default:
		a.AddRtAttr(syncGroup, s.Group.AsSlice())
	}
	if s.Port != 0 {
		a.AddRtAttr(syncPort, nl.Uint16Attr(s.Port))
	}
	if s.TTL != 0 {
		a.AddRtAttr(syncTTL, nl.Uint8Attr(s.TTL))
	}
	_, err := h.request(cmdNewDaemon, unix.NLM_F_ACK, a)
	return err
}

// daemons reads the sync daemons that run, in order of role.
func (h *handle) daemons() ([]lvs.Sync, error) {
	msgs, err := h.request(cmdGetDaemon, unix.NLM_F_DUMP, nil)
	if err != nil {
		return nil, fmt.Errorf("sync daemons: %w", err)
	}
	var out []lvs.Sync
	for _, m := range msgs {
		s, err := decodeDaemon(m)
		if err != nil {
			return nil, fmt.Errorf("sync daemons: %w", err)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b lvs.Sync) int { return strings.Compare(string(a.Role), string(b.Role)) })
	return out, nil
}

func decodeDaemon(msg attributes) (lvs.Sync, error) {
	a, err := msg.nested(attrDaemon)
	if err != nil {
		return lvs.Sync{}, err
	}
	s := lvs.Sync{
		Interface: a.text(syncInterface),
		ID:        int(a.number(syncID)),
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
