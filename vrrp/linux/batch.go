package linux

import (
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// batchSize is how many packets one call reads at most. The adverts of hundreds of
// masters come in bursts, and a system call for each costs more than what the
// election does with it. It bounds how long a packet waits on another interface,
// and how long Wake is not seen.
const batchSize = 32

// batch is what one recvmmsg(2) has read from a port and take has not yet
// delivered. It is made once: the kernel writes into the same memory each time, of
// which only what packets have touched is there.
type batch struct {
	from    *port
	next, n int
	heads   [batchSize]multiHeader
	slots   [batchSize]slot

	header   ipv4.Header
	message  ipv4.ControlMessage
	message6 ipv6.ControlMessage
}

// multiHeader is struct mmsghdr of recvmmsg(2).
type multiHeader struct {
	unix.Msghdr
	length uint32 // of the packet
}

// slot is the room for one packet and what the kernel says beside it.
type slot struct {
	vector  unix.Iovec
	sender  unix.RawSockaddrInet6
	control [128]byte // of the messages asked for: TTL and packet information
	packet  [maxPacket]byte
}

func newBatch() *batch {
	b := new(batch)
	for i := range b.heads {
		h, s := &b.heads[i], &b.slots[i]
		s.vector.Base = &s.packet[0]
		s.vector.SetLen(len(s.packet))
		h.Iov, h.Name, h.Control = &s.vector, (*byte)(unsafe.Pointer(&s.sender)), &s.control[0]
		h.SetIovlen(1)
		b.clear(i)
	}
	return b
}

// clear gives the kernel back the room for what it says beside a packet: it has
// put there how much of it was used.
func (b *batch) clear(i int) {
	b.heads[i].Namelen = unix.SizeofSockaddrInet6
	b.heads[i].SetControllen(len(b.slots[i].control))
	b.heads[i].Flags = 0
}

// drop forgets what was read from a port that is being closed.
func (b *batch) drop(from *port) {
	if b.from == from {
		b.from, b.next = nil, b.n
	}
}

// fill reads what waits on a port, as far as there is room, and tells whether
// there was anything.
func (b *batch) fill(from *port) (bool, error) {
	for i := range b.n {
		b.clear(i)
	}
	b.from, b.next, b.n = from, 0, 0
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(from.in),
		uintptr(unsafe.Pointer(&b.heads[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		if harmless(errno) {
			return false, nil
		}
		return false, fmt.Errorf("vrrp: receive on %s: %w", from.name, errno)
	}
	b.n = int(n)
	return true, nil
}

// take delivers the next packet and tells how many it went through for it. ok is
// false where there is none, or only such as are not for the election to judge:
// cut, or not IP packets.
func (b *batch) take(p *vrrp.Packet) (ok bool, read int) {
	for ; b.next < b.n && !ok; read++ {
		i := b.next
		b.next++
		if b.heads[i].Flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
			continue
		}
		s := &b.slots[i]
		data, control := s.packet[:b.heads[i].length], s.control[:b.heads[i].Controllen]
		if b.from.ipv6 {
			ok = b.read6(data, control, &s.sender, p)
		} else {
			ok = b.read(data, control, p)
		}
	}
	return ok, read
}

// read takes an IPv4 packet, which comes with its header.
func (b *batch) read(data, control []byte, p *vrrp.Packet) bool {
	b.message = ipv4.ControlMessage{}
	if b.header.Parse(data) != nil || b.message.Parse(control) != nil {
		return false
	}
	src, okSrc := netip.AddrFromSlice(b.header.Src.To4())
	dst, okDst := netip.AddrFromSlice(b.header.Dst.To4())
	if !okSrc || !okDst || b.message.IfIndex != b.from.index {
		return false
	}
	*p = vrrp.Packet{
		Interface: b.from.name,
		Src:       src,
		Dst:       dst,
		TTL:       uint8(b.message.TTL),
		Payload:   data[b.header.Len:],
	}
	return true
}

// read6 takes an IPv6 packet. The kernel has taken its headers off; what the
// election needs of them it tells beside the packet.
func (b *batch) read6(data, control []byte, sender *unix.RawSockaddrInet6, p *vrrp.Packet) bool {
	b.message6 = ipv6.ControlMessage{}
	if b.message6.Parse(control) != nil {
		return false
	}
	dst, ok := netip.AddrFromSlice(b.message6.Dst)
	if !ok || sender.Family != unix.AF_INET6 || b.message6.IfIndex != b.from.index {
		return false
	}
	// A raw socket of IPv6 hears every group that anyone on this machine joined;
	// IPV6_MULTICAST_ALL does not keep it from that (net/ipv6/raw.c, raw_v6_match).
	if dst.IsMulticast() && !b.from.multicast {
		return false
	}
	*p = vrrp.Packet{
		Interface: b.from.name,
		Src:       netip.AddrFrom16(sender.Addr),
		Dst:       dst,
		TTL:       uint8(b.message6.HopLimit),
		Payload:   data,
	}
	return true
}

// harmless tells the errors of a receiving socket that say nothing about it: no
// packet, or one pending from the network that reading it has cleared.
func harmless(err syscall.Errno) bool {
	switch err {
	case unix.EAGAIN, unix.EINTR, unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ECONNREFUSED, unix.ENODEV:
		return true
	}
	return false
}
