package linux

import (
	"encoding/binary"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// eventGroups are the changes that a watch hears of.
var eventGroups = []int{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
	unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
}

// Where the fields of a message are: the header's type, and behind the header the
// protocol of a struct rtmsg.
const (
	typeOffset     = 4
	protocolOffset = unix.SizeofNlMsghdr + 5
)

// listenOnly keeps changes of routes that do not have our mark away from a socket:
// on a machine with the routes of a whole Internet there are thousands a second.
func listenOnly(fd int) error {
	const accept = 1<<32 - 1
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: typeOffset, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: asLoaded(unix.RTM_NEWROUTE), SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: asLoaded(unix.RTM_DELROUTE), SkipTrue: 1},
		bpf.RetConstant{Val: accept},
		bpf.LoadAbsolute{Off: protocolOffset, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: mark, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: accept},
	})
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(program))
	for i, r := range program {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

// asLoaded is what a filter, which loads as the network orders bytes, sees of a
// number that netlink has in the machine's order.
func asLoaded(n uint16) uint32 {
	return uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, n)))
}
