//go:build linux

package ipvs

import (
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// mostSent bounds the operations in one datagram, so that what is to be said of each
// fits into the socket's buffer.
const mostSent = 64

// commands are the operations that can go with others in one datagram.
var commands = map[lvs.OpKind]uint8{
	lvs.AddService: cmdNewService, lvs.SetService: cmdSetService, lvs.DelService: cmdDelService,
	lvs.AddServer: cmdNewDest, lvs.SetServer: cmdSetDest, lvs.DelServer: cmdDelDest,
}

// doAll carries operations out one after the other, and returns the error of each.
func (h *handle) doAll(ops []lvs.Op) []error {
	errs := make([]error, len(ops))
	for at := 0; at < len(ops); {
		n := 0
		for at+n < len(ops) && n < mostSent && commands[ops[at+n].Kind] != 0 {
			n++
		}
		if n == 0 {
			errs[at] = h.do(ops[at])
			n = 1
		} else {
			h.several(ops[at:at+n], errs[at:at+n])
		}
		at += n
	}
	return errs
}

// several sends operations in one datagram. The kernel carries them out in turn,
// whatever comes of each (net/netlink/af_netlink.c, netlink_rcv_skb), and tells of
// those that fail; only the last is asked to say that it was done. So a thousand cost
// a few dozen system calls.
func (h *handle) several(ops []lvs.Op, errs []error) {
	var m messages
	first := h.own.seq + 1
	h.own.seq += uint32(len(ops))
	last := -1 // where the last one begins
	var lastSeq uint32
	for i, op := range ops {
		at, seq := len(m), first+uint32(i)
		if errs[i] = m.operation(h.family, seq, op); errs[i] != nil {
			m = m[:at] // the kernel is not asked
			continue
		}
		last, lastSeq = at, seq
	}
	if last < 0 {
		return
	}
	m.flag(last, unix.NLM_F_ACK)
	err := h.own.send(m)
	if err == nil {
		err = h.own.answers(func(r reply) bool {
			if i := r.seq - first; r.kind == unix.NLMSG_ERROR && i < uint32(len(ops)) {
				_, errs[i] = r.ends()
			}
			return r.kind == unix.NLMSG_ERROR && r.seq == lastSeq
		})
	}
	for i := range errs {
		if err != nil && errs[i] == nil {
			errs[i] = err // it is not known what became of it
		}
	}
}

// operation adds one on a service or a real server.
func (m *messages) operation(family int, seq uint32, op lvs.Op) error {
	at := m.begin(uint16(family), unix.NLM_F_REQUEST, seq, commands[op.Kind])
	full := op.Kind != lvs.DelService && op.Kind != lvs.DelServer
	switch op.Kind {
	case lvs.AddServer, lvs.SetServer, lvs.DelServer:
		if err := checkServer(op.Service.Key, op.Server, !full); err != nil {
			return err
		}
		if err := m.service(op.Service, false); err != nil {
			return err
		}
		m.server(op.Server, full)
	default:
		if err := m.service(op.Service, full); err != nil {
			return err
		}
	}
	m.end(at)
	return nil
}
