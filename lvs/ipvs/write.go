//go:build linux

package ipvs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"

	moby "github.com/moby/ipvs"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// errMask is of a value that cannot be written; the kernel is not asked.
var errMask = errors.New("persistence mask out of range")

// Do implements [lvs.Kernel].
func (k *Kernel) Do(ctx context.Context, op lvs.Op) error {
	_, err := call(ctx, k, func(h *handle) (struct{}, error) { return struct{}{}, h.do(op) })
	return opError(op, err)
}

// DoAll implements [lvs.Batcher]: nothing waits between one operation and the next.
func (k *Kernel) DoAll(ctx context.Context, ops []lvs.Op) []error {
	errs, err := call(ctx, k, func(h *handle) ([]error, error) { return h.doAll(ops), nil })
	if err != nil {
		errs = slices.Repeat([]error{err}, len(ops))
	}
	for i, op := range ops {
		errs[i] = opError(op, errs[i])
	}
	return errs
}

func (h *handle) do(op lvs.Op) error {
	switch op.Kind {
	case lvs.StartSync, lvs.StopSync:
		return h.daemon(op)
	case lvs.SetTimeouts:
		return h.setTimeouts(op.Timeouts)
	case lvs.Zero:
		return h.zero(op.Service.Key)
	case lvs.AddServer, lvs.SetServer, lvs.DelServer:
		return h.server(op)
	}
	s, err := service(op.Service)
	if err != nil {
		return err
	}
	switch op.Kind {
	case lvs.AddService:
		return h.moby.NewService(s)
	case lvs.SetService:
		return h.moby.UpdateService(s)
	case lvs.DelService:
		return h.moby.DelService(s)
	}
	panic(fmt.Sprintf("ipvs: unknown operation %q", op.Kind))
}

// service puts a service into moby's form.
func service(s lvs.Service) (*moby.Service, error) {
	mask, err := netmask(s)
	if err != nil {
		return nil, err
	}
	out := &moby.Service{
		AddressFamily: addressFamily(s.Key),
		SchedName:     s.Scheduler,
		Flags:         s.Flags,
		Timeout:       s.Timeout,
		Netmask:       mask,
		PEName:        s.Engine,
		FWMark:        s.Key.FWMark,
	}
	if s.Key.FWMark == 0 {
		out.Protocol = protocolNumber(s.Key.Protocol)
		out.Address = net.IP(s.Key.Address.Addr().AsSlice())
		out.Port = s.Key.Address.Port()
	}
	return out, nil
}

// netmask gives the persistence mask as the kernel wants it: for IPv4 a mask in
// network byte order, for IPv6 a prefix length. Never 0: the kernel refuses that
// for IPv6, and for IPv4 it would make all clients one.
func netmask(s lvs.Service) (uint32, error) {
	length := uint32(s.Mask)
	if s.Key.Is6() {
		if length == 0 {
			length = 128
		}
		if length > 128 {
			return 0, errMask
		}
		return length, nil
	}
	if length == 0 {
		length = 32
	}
	if length > 32 {
		return 0, errMask
	}
	mask := uint32(math.MaxUint32) << (32 - length)
	return toNetwork(mask), nil
}

func addressFamily(k lvs.Key) uint16 { return familyNumber(k.Is6()) }

func familyNumber(is6 bool) uint16 {
	if is6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

func protocolNumber(p lvs.Protocol) uint16 {
	switch p {
	case lvs.TCP:
		return unix.IPPROTO_TCP
	case lvs.UDP:
		return unix.IPPROTO_UDP
	case lvs.SCTP:
		return unix.IPPROTO_SCTP
	}
	panic(fmt.Sprintf("ipvs: unknown protocol %q", p))
}

// toNetwork turns a number into the one whose bytes in memory are in network
// order; it is its own inverse.
func toNetwork(v uint32) uint32 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return binary.NativeEndian.Uint32(b[:])
}
