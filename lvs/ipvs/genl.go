//go:build linux

package ipvs

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Generic netlink commands of the family IPVS (include/uapi/linux/ip_vs.h).
const (
	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7
	cmdGetDest    = 8
	cmdNewDaemon  = 9
	cmdDelDaemon  = 10
	cmdGetDaemon  = 11
	cmdGetConfig  = 13
	cmdZero       = 16

	genlVersion = 1 // IPVS_GENL_VERSION
)

// First-level attributes.
const (
	attrService = 1
	attrDest    = 2
	attrDaemon  = 3

	attrTimeoutTCP    = 4
	attrTimeoutTCPFin = 5
	attrTimeoutUDP    = 6
)

// Attributes of a service.
const (
	svcFamily    = 1
	svcProtocol  = 2
	svcAddress   = 3
	svcPort      = 4
	svcFWMark    = 5
	svcScheduler = 6
	svcFlags     = 7
	svcTimeout   = 8
	svcNetmask   = 9
	svcStats     = 10
	svcEngine    = 11
	svcStats64   = 12
)

// Attributes of a destination.
const (
	dstAddress  = 1
	dstPort     = 2
	dstForward  = 3
	dstWeight   = 4
	dstUpper    = 5
	dstLower    = 6
	dstActive   = 7
	dstInactive = 8
	dstPersist  = 9
	dstStats    = 10
	dstFamily   = 11
	dstStats64  = 12
	dstTunType  = 13
	dstTunPort  = 14
	dstTunFlags = 15
)

// Attributes of the counters, the same in both widths.
const (
	statConns = iota + 1
	statPacketsIn
	statPacketsOut
	statBytesIn
	statBytesOut
)

// Attributes of a sync daemon.
const (
	syncState     = 1
	syncInterface = 2
	syncID        = 3
	syncMaxLen    = 4
	syncGroup     = 5
	syncGroup6    = 6
	syncPort      = 7
	syncTTL       = 8
)

// Values of syncState (IP_VS_STATE_MASTER, IP_VS_STATE_BACKUP).
const (
	stateMaster = 1
	stateBackup = 2
)

// flagHashed is IP_VS_SVC_F_HASHED, which the kernel sets for itself.
const flagHashed = 0x2

// dumpTries is how often a dump is taken that the kernel calls interrupted, or of
// which something was lost because the socket's buffer was full.
const dumpTries = 5

// request sends one command with its attributes and decodes the answers, which are
// gone when the next one comes.
func request[T any](h *handle, cmd uint8, flags int, decode func(attributes) (T, error), data ...*nl.RtAttr) ([]T, error) {
	for try := 1; ; try++ {
		list, err := exchange(h, cmd, flags, decode, data...)
		if err == nil || try == dumpTries || !again(err, flags) {
			return list, err
		}
	}
}

// exchange is request, once.
func exchange[T any](h *handle, cmd uint8, flags int, decode func(attributes) (T, error), data ...*nl.RtAttr) (list []T, err error) {
	if err := h.send(cmd, flags, data...); err != nil {
		return nil, err
	}
	seq, interrupted := h.own.seq, false
	var said, wrong error
	err = h.own.answers(func(r reply) bool {
		if r.seq != seq {
			return false // late
		}
		interrupted = interrupted || r.flags&unix.NLM_F_DUMP_INTR != 0
		if end, err := r.ends(); end {
			said = err
			return true
		}
		if wrong == nil { // else the rest has to be taken in all the same
			var one T
			if one, wrong = decodeMessage(r.body, decode); wrong == nil {
				list = append(list, one)
			}
		}
		return r.flags&unix.NLM_F_MULTI == 0
	})
	if interrupted && said == nil {
		said = nl.ErrDumpInterrupted
	}
	if err = cmp.Or(err, said, wrong); err != nil {
		return nil, err
	}
	return list, nil
}

func decodeMessage[T any](m []byte, decode func(attributes) (T, error)) (one T, err error) {
	if len(m) < nl.SizeofGenlmsg {
		return one, fmt.Errorf("message of %d bytes", len(m))
	}
	a, err := parseAttributes(m[nl.SizeofGenlmsg:])
	if err != nil {
		return one, err
	}
	return decode(a)
}

// order sends one command that changes something and waits until it is done.
func (h *handle) order(cmd uint8, data ...*nl.RtAttr) error {
	_, err := request(h, cmd, unix.NLM_F_ACK, func(attributes) (struct{}, error) { return struct{}{}, nil }, data...)
	return err
}

// send sends one command. Who waits for no answer leaves an error to the next request,
// which passes it over, because it has another sequence number.
func (h *handle) send(cmd uint8, flags int, data ...*nl.RtAttr) error {
	req := nl.NewNetlinkRequest(h.family, flags)
	req.AddData(&nl.Genlmsg{Command: cmd, Version: genlVersion})
	for _, a := range data {
		req.AddData(a)
	}
	h.own.seq++
	req.Seq = h.own.seq
	return h.own.send(req.Serialize())
}

// again tells whether to send a request once more. What comes late of the answers
// to the first is told apart by its sequence number. Only what reads is repeated:
// whether a change was made before its answer was lost, the next dump says.
func again(err error, flags int) bool {
	if flags&unix.NLM_F_DUMP != unix.NLM_F_DUMP {
		return false
	}
	return errors.Is(err, nl.ErrDumpInterrupted) || errors.Is(err, unix.ENOBUFS)
}

// attributes are the attributes of one level, by type, those that are known here.
// Reading one that is missing or short gives 0 or nothing, as for a kernel that does
// not send it.
type attributes [dstTunFlags + 1][]byte

// parseAttributes splits one level. (nl.ParseRouteAttr panics where the last
// attribute lacks its padding.)
func parseAttributes(b []byte) (a attributes, err error) {
	for len(b) >= unix.SizeofRtAttr {
		length := int(nl.NativeEndian().Uint16(b))
		if length < unix.SizeofRtAttr || length > len(b) {
			return a, fmt.Errorf("attribute of %d bytes in %d", length, len(b))
		}
		if kind := int(nl.NativeEndian().Uint16(b[2:]) & nlaTypeMask); kind < len(a) {
			a[kind] = b[unix.SizeofRtAttr:length]
		}
		b = b[min(aligned(length), len(b)):]
	}
	return a, nil
}

// nlaTypeMask takes the flags (nested, byte order) off an attribute's type.
const nlaTypeMask = ^uint16(unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)

func (a *attributes) nested(t uint16) (attributes, error) { return parseAttributes(a[t]) }

// number reads an unsigned integer of 1, 2, 4 or 8 bytes in the machine's order.
func (a *attributes) number(t uint16) uint64 {
	v := a[t]
	switch {
	case len(v) >= 8:
		return nl.NativeEndian().Uint64(v)
	case len(v) >= 4:
		return uint64(nl.NativeEndian().Uint32(v))
	case len(v) >= 2:
		return uint64(nl.NativeEndian().Uint16(v))
	case len(v) == 1:
		return uint64(v[0])
	}
	return 0
}

// port reads a port in network order.
func (a *attributes) port(t uint16) uint16 {
	if v := a[t]; len(v) >= 2 {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (a *attributes) text(t uint16) string {
	for i, c := range a[t] {
		if c == 0 {
			return string(a[t][:i])
		}
	}
	return string(a[t])
}
