package lvs

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Move is a connection that is to get another server. The kernel has no call for
// that, but its synchronisation has: a backup that is told of a connection with
// another server than the one it knows ends the old entry at once and makes a new
// one (net/netfilter/ipvs/ip_vs_sync.c, ip_vs_proc_conn).
type Move struct {
	Conn
	To     Server
	FWMark uint32 // of the service; 0: it is none by mark
}

// The forms of version 1 of the kernel's synchronisation (struct ip_vs_sync_mesg,
// ip_vs_sync_v4 and ip_vs_sync_v6).
const (
	syncHeader  = 8
	syncConn4   = 36
	syncConn6   = 72
	syncVersion = 1
	// syncLongest keeps a message below every MTU that IPv6 allows, and below what a
	// backup takes at least.
	syncLongest = 1000

	connInactive = 0x0100 // IP_VS_CONN_F_INACTIVE
	connTemplate = 0x1000 // IP_VS_CONN_F_TEMPLATE
)

// SyncMessages are the messages that tell a backup daemon with this sync ID of
// moves, each with the time that the connection has left. Those of UDP are told
// twice, the second time as inactive, which is how the kernel counts them.
func SyncMessages(id int, moves []Move) [][]byte {
	var all [][]byte
	var m []byte
	count := 0
	flush := func() {
		if count > 0 {
			binary.BigEndian.PutUint16(m[2:], uint16(len(m)))
			m[4] = uint8(count)
			all = append(all, m)
		}
		m, count = append(make([]byte, 0, syncLongest), 0, uint8(id), 0, 0, 0, syncVersion, 0, 0), 0
	}
	flush()
	for _, move := range moves {
		flags := []uint32{0}
		switch {
		case move.Template:
			flags[0] = connTemplate
		case move.Protocol == UDP:
			flags = append(flags, connInactive)
		}
		if len(m)+len(flags)*syncConn6 > syncLongest {
			flush()
		}
		for _, f := range flags {
			m = appendSyncConn(m, move, f)
			count++
		}
	}
	flush()
	return all
}

// appendSyncConn writes one connection.
func appendSyncConn(m []byte, c Move, flags uint32) []byte {
	kind, size := uint8(0), uint16(syncConn4)
	if c.Client.Addr().Is6() {
		kind, size = 1, syncConn6 // STYPE_F_INET6
	}
	state := uint16(1) // ESTABLISHED
	switch {
	case c.Template, c.Protocol == UDP:
		state = 0 // the only one
	case c.Protocol == SCTP:
		state = 8
	}
	m = append(m, kind, uint8(c.Protocol.number()))
	m = binary.BigEndian.AppendUint16(m, size)
	m = binary.BigEndian.AppendUint32(m, flags|forwardFlag(c.To.Forward))
	m = binary.BigEndian.AppendUint16(m, state)
	m = binary.BigEndian.AppendUint16(m, c.Client.Port())
	m = binary.BigEndian.AppendUint16(m, c.Virtual.Port())
	m = binary.BigEndian.AppendUint16(m, serverPort(c))
	m = binary.BigEndian.AppendUint32(m, c.FWMark)
	m = binary.BigEndian.AppendUint32(m, max(1, uint32(c.Expires/time.Second)))
	for _, a := range []netip.Addr{c.Client.Addr(), c.Virtual.Addr(), c.To.Address.Addr()} {
		m = append(m, a.AsSlice()...)
	}
	return m
}

// serverPort is the port of the connection at its new server: a server of port 0
// gets each at the port it came to.
func serverPort(c Move) uint16 {
	if c.Template {
		return c.Server.Port() // 0 where it binds on every port
	}
	if p := c.To.Address.Port(); p != 0 {
		return p
	}
	return c.Virtual.Port()
}

// forwardFlag is the forwarding method as a connection's flags have it.
func forwardFlag(f Forward) uint32 {
	switch f {
	case TUN:
		return 2
	case DR:
		return 3
	}
	return 0
}
