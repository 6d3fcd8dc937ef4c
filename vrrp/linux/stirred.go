package linux

import (
	"encoding/binary"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// stirred counts how often each interface may have got another place in the
// network: the kernel asks for the neighbours to be told anew
// (NETDEV_BONDING_FAILOVER and NETDEV_NOTIFY_PEERS: a bond, or a VLAN on it, has
// another active port, or the whole machine has moved to another host), or the
// carrier came back, if only for so short a time that no look saw it away. These
// are events and no state: what was not heard cannot be found later.
type stirred struct {
	moves map[int]uint64 // by index
	ups   map[int]uint32 // how often the carrier had come up, as last heard
	lost  uint64         // how often events went lost, which may have been of any
}

// of is the count of one interface.
func (s *stirred) of(index int) uint64 { return s.lost + s.moves[index] }

// hear takes one event of the kernel; nil: some went lost.
func (s *stirred) hear(message []byte) {
	if message == nil {
		s.lost++
		return
	}
	if len(message) < unix.SizeofNlMsghdr+unix.SizeofIfInfomsg {
		return
	}
	kind := binary.NativeEndian.Uint16(message[4:])
	body := message[unix.SizeofNlMsghdr:]
	index := int(int32(binary.NativeEndian.Uint32(body[4:])))
	if kind == unix.RTM_DELLINK {
		delete(s.moves, index)
		delete(s.ups, index)
	}
	if kind != unix.RTM_NEWLINK {
		return
	}
	attributes, err := nl.ParseRouteAttr(body[unix.SizeofIfInfomsg:])
	if err != nil {
		return // cut short: a later one tells of its state
	}
	if s.moves == nil {
		s.moves, s.ups = map[int]uint64{}, map[int]uint32{}
	}
	for _, a := range attributes {
		if len(a.Value) < 4 {
			continue
		}
		value := binary.NativeEndian.Uint32(a.Value)
		switch a.Attr.Type {
		case unix.IFLA_EVENT:
			if value == unix.IFLA_EVENT_BONDING_FAILOVER || value == unix.IFLA_EVENT_NOTIFY_PEERS {
				s.moves[index]++
			}
		case unix.IFLA_CARRIER_UP_COUNT:
			if was, known := s.ups[index]; known && was != value {
				s.moves[index]++
			}
			s.ups[index] = value
		}
	}
}
