package linux

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// event is a message of the kernel about an interface.
func event(kind uint16, index uint32, attributes ...uint32) []byte {
	native := binary.NativeEndian
	b := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	native.PutUint16(b[4:], kind)
	native.PutUint32(b[unix.SizeofNlMsghdr+4:], index)
	for i := 0; i+1 < len(attributes); i += 2 {
		b = native.AppendUint16(b, 8)
		b = native.AppendUint16(b, uint16(attributes[i]))
		b = native.AppendUint32(b, attributes[i+1])
	}
	native.PutUint32(b, uint32(len(b)))
	return b
}

func TestStirred(t *testing.T) {
	var s stirred
	for _, step := range []struct {
		name    string
		message []byte
		two     uint64 // of interface 2
		three   uint64
	}{
		{"the first word of a carrier", event(unix.RTM_NEWLINK, 2, unix.IFLA_CARRIER_UP_COUNT, 7), 0, 0},
		{"the same", event(unix.RTM_NEWLINK, 2, unix.IFLA_CARRIER_UP_COUNT, 7), 0, 0},
		{"it came back", event(unix.RTM_NEWLINK, 2, unix.IFLA_CARRIER_UP_COUNT, 8), 1, 0},
		{"a bond has another port", event(unix.RTM_NEWLINK, 3, unix.IFLA_EVENT, unix.IFLA_EVENT_BONDING_FAILOVER), 1, 1},
		{"and tells", event(unix.RTM_NEWLINK, 3, unix.IFLA_EVENT, unix.IFLA_EVENT_NOTIFY_PEERS), 1, 2},
		{"something else", event(unix.RTM_NEWLINK, 3, unix.IFLA_EVENT, unix.IFLA_EVENT_FEATURES), 1, 2},
		{"an address", event(unix.RTM_NEWADDR, 3, unix.IFLA_EVENT, unix.IFLA_EVENT_NOTIFY_PEERS), 1, 2},
		{"lost events", nil, 2, 3},
		{"gone", event(unix.RTM_DELLINK, 3), 2, 1},
		{"there again", event(unix.RTM_NEWLINK, 3, unix.IFLA_CARRIER_UP_COUNT, 1), 2, 1},
		{"nonsense", []byte{1, 2, 3}, 2, 1},
		{"cut short", event(unix.RTM_NEWLINK, 3, unix.IFLA_CARRIER_UP_COUNT, 9)[:34], 2, 1},
	} {
		s.hear(step.message)
		if s.of(2) != step.two || s.of(3) != step.three {
			t.Errorf("%s: %d and %d, want %d and %d", step.name, s.of(2), s.of(3), step.two, step.three)
		}
	}
}

// A carrier that comes back is told of, however short it was away.
func TestWatchTellsOfACarrierThatCameBack(t *testing.T) {
	a, b := newMachine(t), newMachine(t)
	connect(a, b, "eth0")
	o := newHost(a).watch("eth0")
	last := o.until("eth0", func(l vrrp.Link) bool { return l.Up && l.Carrier })
	a.down("eth0") // the first event tells the count
	a.up("eth0")
	for range 3 {
		b.down("eth0")
		b.up("eth0")
		now := o.until("the carrier is back", func(l vrrp.Link) bool { return l.Carrier && l.Moved > last.Moved })
		last = now
	}
}
