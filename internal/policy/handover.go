package policy

import (
	"net/netip"
	"slices"
	"time"

	"failover/conf"
	"failover/lvs"
	"failover/vrrp"
)

// Rule: a director that hands a mastership over tells the others at once of the
// connections that were used in the last seconds. The kernel keeps what it has to tell
// for up to [lvs.SyncFlush], and a backup that does not know a connection makes one of
// its own where it has become master: with another server, as like as not, and the
// kernel's late word then breaks it in the middle of a request. Connections of a
// mastership that stays are left out: there the kernel's word comes in time, and of
// those of another master nobody but it has the newest. So is what this director was
// told itself. Whoever told it has told the others; and where that is the successor, a
// client may have come back with the port meanwhile, and have another server there, from
// which our word would take its connection.

// HandingOver finds for each connection of this director's what others have to be told
// of it at a hand-over.
type HandingOver struct {
	joining  Joining
	timeouts lvs.Timeouts
	stay     map[netip.Addr]bool // addresses of masterships that are not handed over
}

// NewHandingOver is for the hand-over of these groups. The timeouts are the kernel's.
func NewHandingOver(n conf.Node, timeouts lvs.Timeouts, groups []string) HandingOver {
	h := HandingOver{joining: NewJoining(n), timeouts: timeouts, stay: map[netip.Addr]bool{}}
	for _, g := range n.Groups {
		if slices.Contains(groups, g.Name) {
			continue
		}
		for _, r := range g.Routers {
			for _, a := range r.Addresses {
				h.stay[a.Prefix.Addr()] = true
			}
		}
	}
	return h
}

// Move is the connection as the others are to have it; false: they know it, or need
// not. One at its beginning or its end is told as established, for as long as it has
// left: the answer may still be under way, and needs no more than a server.
func (h HandingOver) Move(c lvs.Conn) (lvs.Move, bool) {
	if c.Template || c.Told || h.stay[c.Virtual.Addr()] {
		return lvs.Move{}, false // a template is told of when it is made, and as it is used
	}
	lasts, is := h.lasts(c)
	if !is || c.Expires < lasts-lvs.SyncFlush {
		return lvs.Move{}, false
	}
	if c.Protocol == lvs.TCP {
		c.State = "ESTABLISHED"
	}
	return h.joining.Move(c)
}

// lasts is how long the kernel keeps a connection like this one that carries nothing;
// false: it is over (net/netfilter/ipvs/ip_vs_proto_tcp.c, tcp_timeouts;
// ip_vs_proto_sctp.c, sctp_timeouts).
func (h HandingOver) lasts(c lvs.Conn) (time.Duration, bool) {
	switch c.Protocol {
	case lvs.UDP:
		return time.Duration(h.timeouts.UDP) * time.Second, true
	case lvs.SCTP:
		return 15 * time.Minute, true
	}
	switch c.State {
	case "ESTABLISHED":
		return time.Duration(h.timeouts.TCP) * time.Second, true
	case "FIN_WAIT":
		return time.Duration(h.timeouts.TCPFin) * time.Second, true
	case "SYN_RECV", "CLOSE_WAIT":
		return time.Minute, true
	case "LAST_ACK":
		return 30 * time.Second, true
	}
	return 0, false
}

// HandOverLasts is how long a hand-over of this group, from master to this state, may
// take: the time that the successor needs to be announced, and that of a look; and of one
// that has not spoken yet the longest Skew_Time there can be and an interval.
func HandOverLasts(g vrrp.GroupConfig, to vrrp.State) time.Duration {
	d := 200 * time.Millisecond
	if to == vrrp.Backup {
		return d // by its word
	}
	var longest time.Duration
	for _, r := range g.Routers {
		longest = max(longest, r.Interval)
	}
	return 2*longest + d
}
