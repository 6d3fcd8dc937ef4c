package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// viewLasts is how long a view is believed without asking the kernel for all of
// it: events are complete or say that they are not, so this is for what nobody has
// thought of.
const viewLasts = 10 * time.Second

// view is what the machine has of addresses. With hundreds of groups that renew
// theirs each second, asking for all addresses each time would be a full-time
// job; what has changed since the last time is in the kernel's events, which are
// queued before a change is done. (That somebody else has added an address of IPv6
// is told a little later; until then the kernel refuses it where we want it.)
type view struct {
	events int // a netlink socket; -1: closed
	there  map[key]present
	asked  time.Time // for all of it; zero: not, or what came since is not known
}

// openView subscribes to changes of addresses.
func openView() (*view, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("vrrp: subscribe to addresses: %w", err)
	}
	groups := uint32(1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1))
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(fmt.Errorf("vrrp: subscribe to addresses: %w", err), unix.Close(fd))
	}
	return &view{events: fd}, nil
}

func (v *view) close() error {
	if v.events < 0 {
		return nil
	}
	err := unix.Close(v.events)
	v.events = -1
	return err
}

// catchUp takes in what has changed. false: not all of that is known.
func (v *view) catchUp() bool {
	var b [8192]byte
	for {
		n, err := unix.Read(v.events, b[:])
		switch {
		case errors.Is(err, unix.EAGAIN):
			return !v.asked.IsZero()
		case errors.Is(err, unix.EINTR):
		case err != nil: // ENOBUFS: some were dropped
			v.asked = time.Time{}
			if !errors.Is(err, unix.ENOBUFS) {
				return false
			}
		case !v.asked.IsZero():
			v.apply(b[:n])
		}
	}
}

func (v *view) apply(message []byte) {
	kind, a, ok := addressEvent(message)
	switch {
	case !ok:
		v.asked = time.Time{}
	case kind == unix.RTM_DELADDR:
		delete(v.there, a.key)
	default:
		v.there[a.key] = a
	}
}

// doubt has the next list ask the kernel for all addresses. It is for who has heard
// of a change on another socket: the kernel hands an event to one socket after the
// other and may sleep in between (net/netlink/af_netlink.c, netlink_broadcast_filtered),
// where a real-time thread runs at once. It would find nothing here, look at what was
// before, and not be told again.
func (v *view) doubt() { v.asked = time.Time{} }

// added notes an address that was added just now. Of one of IPv6 the kernel tells
// only when duplicate address detection has had its turn.
func (v *view) added(w wish, marks bool) {
	if w.Address.Addr().Is4() {
		return
	}
	p := present{key: w.key(), finite: true, noRoute: w.noRoute}
	if marks {
		p.mark = mark
	}
	v.there[p.key] = p
}

// list returns every address of the machine. The map is the view's own: what the
// caller has removed it may take out.
func (h *Host) list() (map[key]present, error) {
	v := h.view
	if v.catchUp() && time.Since(v.asked) < viewLasts {
		return v.there, nil
	}
	all, err := h.kernel.AddrList(nil, unix.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("vrrp: list addresses: %w", err)
	}
	v.asked, v.there = time.Now(), map[key]present{}
	for _, a := range all {
		p := presentOf(a)
		v.there[p.key] = p
	}
	return v.there, nil
}

// presentOf is an address as netlink has it.
func presentOf(a netlink.Addr) present {
	k := key{a.LinkIndex, toPrefix(a.IPNet)}
	is6 := k.prefix.Addr().Is6()
	return present{
		key:    k,
		mark:   uint8(a.Protocol),
		finite: a.ValidLft > 0 && uint32(a.ValidLft) != math.MaxUint32,
		// Of IPv6 the bit means another thing: a privacy address.
		secondary: !is6 && a.Flags&unix.IFA_F_SECONDARY != 0,
		unproven:  is6 && a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0,
		label:     a.Label,
		scope:     a.Scope,
		noRoute:   a.Flags&unix.IFA_F_NOPREFIXROUTE != 0,
	}
}

// addressEvent reads a message that tells of one address; false: it is another
// one, or not understood.
func addressEvent(b []byte) (kind uint16, p present, ok bool) {
	if len(b) < unix.SizeofNlMsghdr+unix.SizeofIfAddrmsg {
		return 0, p, false
	}
	kind = binary.NativeEndian.Uint16(b[typeOffset:])
	if kind != unix.RTM_NEWADDR && kind != unix.RTM_DELADDR {
		return kind, p, false
	}
	length := int(binary.NativeEndian.Uint32(b))
	if length > len(b) || length < unix.SizeofNlMsghdr+unix.SizeofIfAddrmsg {
		return kind, p, false
	}
	m := b[unix.SizeofNlMsghdr:length]
	family, bits := m[0], int(m[1])
	a := netlink.Addr{Flags: int(m[2]), Scope: int(m[3]), LinkIndex: int(binary.NativeEndian.Uint32(m[4:]))}
	var local, address netip.Addr
	for rest := m[unix.SizeofIfAddrmsg:]; len(rest) >= unix.SizeofRtAttr; {
		n := int(binary.NativeEndian.Uint16(rest))
		if n < unix.SizeofRtAttr || n > len(rest) {
			return kind, p, false
		}
		value := rest[unix.SizeofRtAttr:n]
		switch what := binary.NativeEndian.Uint16(rest[2:]); {
		case what == unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(value)
		case what == unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(value)
		case what == unix.IFA_LABEL:
			a.Label = unix.ByteSliceToString(value)
		case what == unix.IFA_FLAGS && len(value) >= 4:
			a.Flags = int(binary.NativeEndian.Uint32(value))
		case what == unix.IFA_CACHEINFO && len(value) >= 8:
			a.ValidLft = int(binary.NativeEndian.Uint32(value[4:]))
		case what == netlink.IFA_PROTO && len(value) >= 1:
			a.Protocol = int(value[0])
		}
		rest = rest[min(len(rest), (n+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1)):]
	}
	// An address with a peer is a host address, and the bits are the peer's.
	switch {
	case !local.IsValid():
		local = address
	case local != address || family == unix.AF_INET6:
		bits = local.BitLen()
	}
	if !local.IsValid() || bits > local.BitLen() {
		return kind, p, false
	}
	a.IPNet = toIPNet(netip.PrefixFrom(local, bits))
	return kind, presentOf(a), true
}
