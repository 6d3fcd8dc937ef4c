package lvs

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Role is one of the two sync daemon roles of the kernel.
type Role string

// The roles. Both may run at once.
const (
	SyncMaster Role = "master"
	SyncBackup Role = "backup"
)

// Sync is the connection synchronisation of one role (ipvsadm --start-daemon).
// Group, Port, TTL and MaxLen left zero are the kernel's defaults.
type Sync struct {
	Role      Role
	Interface string
	ID        int        // syncid, 0–255; a backup with 0 takes every sender's
	Group     netip.Addr // of either family; default 224.0.0.81
	Port      uint16     // default 8848
	TTL       uint8      // default 1
	// MaxLen is the longest message in bytes, without IP and UDP headers, at least
	// 1024 for a backup; the default goes by the interface's MTU.
	MaxLen uint16 `json:",omitzero"`
	// Orphan says, in a table that was read, that the device the daemon was started
	// on is not there any more, or has another address: the daemon is listed as
	// running, and neither sends nor receives.
	Orphan bool `json:",omitzero"`
}

// SyncFlush is how long the kernel may keep to itself what it has to tell of a
// connection: a message waits 2 s to be filled, and the master looks for such once a
// second (ip_vs_sync.c, IPVS_SYNC_FLUSH_TIME, IPVS_SYNC_CHECK_PERIOD). A master that
// is stopped drops it, and nobody knows the connections of the last seconds.
const SyncFlush = 3 * time.Second

// Tells tells whether a sync master is among the daemons.
func Tells(daemons []Sync) bool {
	return slices.ContainsFunc(daemons, func(s Sync) bool { return s.Role == SyncMaster })
}

// withDefaults fills in what the kernel fills in (ip_vs_sync.c,
// start_sync_thread), the length aside: it depends on the interface.
func (s Sync) withDefaults() Sync {
	if !s.Group.IsValid() {
		s.Group = netip.AddrFrom4([4]byte{224, 0, 0, 81})
	}
	if s.Port == 0 {
		s.Port = 8848
	}
	if s.TTL == 0 {
		s.TTL = 1
	}
	return s
}

// String describes the daemon in one line.
func (s Sync) String() string {
	s = s.withDefaults()
	text := fmt.Sprintf("%s on %s, syncid %d, group %s, ttl %d",
		s.Role, s.Interface, s.ID, netip.AddrPortFrom(s.Group, s.Port), s.TTL)
	if s.MaxLen != 0 {
		text += fmt.Sprintf(", maxlen %d", s.MaxLen)
	}
	return text
}

// sameSync tells whether the daemon that runs is the wanted one.
func sameSync(actual, desired Sync) bool {
	if desired.MaxLen == 0 {
		actual.MaxLen = 0
	}
	return actual.withDefaults() == desired.withDefaults()
}

// diffSync compares the sync daemons by role. The kernel cannot change one that
// runs: it is stopped and started.
func diffSync(actual, desired []Sync, owned Owned) []Op {
	var ops []Op
	for _, d := range desired {
		i := slices.IndexFunc(actual, func(a Sync) bool { return a.Role == d.Role })
		switch {
		case i < 0:
			ops = append(ops, Op{Kind: StartSync, Sync: d, Reason: "not running"})
		case !sameSync(actual[i], d):
			reason := syncReason(actual[i], d)
			ops = append(ops,
				Op{Kind: StopSync, Sync: actual[i], Reason: reason},
				Op{Kind: StartSync, Sync: d, Reason: reason})
		}
	}
	for _, a := range actual {
		wanted := slices.ContainsFunc(desired, func(d Sync) bool { return a.Role == d.Role })
		if !wanted && owned.HasRole(a.Role) {
			ops = append(ops, Op{Kind: StopSync, Sync: a, Reason: "not wanted any more"})
		}
	}
	return ops
}

func syncReason(a, d Sync) string {
	if d.MaxLen == 0 {
		a.MaxLen = 0
	}
	if a.Orphan {
		return fmt.Sprintf("the device or the address it was started on, %s, is gone", a.Interface)
	}
	return fmt.Sprintf("%s, was %s", d, a)
}
