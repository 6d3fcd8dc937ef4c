package lvs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// diffServers returns the operations for the servers of a service that is wanted, which
// the kernel has as a (nil: not at all).
func diffServers(want, a *Service) []Op {
	if a != nil && unchanged(want, a) {
		return nil
	}
	d := *want
	if a == nil {
		ops := make([]Op, 0, len(d.Servers))
		for _, r := range distinct(d.Servers) {
			ops = addServer(ops, d, r, "not in the table")
		}
		return ops
	}
	have, from := a.Servers, a.Scheduler // so far
	at := make(map[netip.AddrPort]Server, len(have))
	for _, a := range have {
		if _, twice := at[a.Address]; !twice {
			at[a.Address] = a
		}
	}
	servers := distinct(d.Servers)
	kept := keptPrefix(d.Scheduler, servers, have)
	var adds, raises, sets, moves, dels []Op
	wanted := make(map[netip.AddrPort]bool, len(servers))
	for i, r := range servers {
		wanted[r.Address] = true
		a, there := at[r.Address]
		switch {
		case !there && len(moves) == 0:
			adds = addServer(adds, d, r, "not in the table")
		case !there: // behind one that moves, so it has to wait for that
			moves = addServer(moves, d, r, "not in the table")
		case i >= kept:
			reason := fmt.Sprintf("sequence of servers, which %s goes by", d.Scheduler)
			moves = append(moves, serverOp(DelServer, d, a, reason))
			moves = addServer(moves, d, r, reason)
		case forgets(from, d.Scheduler, a, r):
			sets = append(sets, seed(d, r)...)
		case sameServer(&a, &r):
		case a.Weight == 0:
			raises = append(raises, serverOp(SetServer, d, r, serverReason(a, r)))
		default:
			sets = append(sets, serverOp(SetServer, d, r, serverReason(a, r)))
		}
	}
	for _, a := range have {
		if !wanted[a.Address] {
			wanted[a.Address] = true
			dels = append(dels, serverOp(DelServer, d, a, "not wanted any more"))
		}
	}
	return slices.Concat(adds, raises, sets, moves, dels)
}

// unchanged tells, without making anything, whether the servers are as wanted, one
// by one: nearly always nearly all of a table are.
func unchanged(d, a *Service) bool {
	if len(a.Servers) != len(d.Servers) {
		return false
	}
	for i := range d.Servers {
		x, y := &a.Servers[i], &d.Servers[i]
		if !sameServer(x, y) || d.Scheduler == "mh" && forgets(a.Scheduler, d.Scheduler, *x, *y) {
			return false
		}
	}
	return true
}

// distinct drops the second of two servers with the same address.
func distinct(servers []Server) []Server {
	seen := make(map[netip.AddrPort]bool, len(servers))
	out := make([]Server, 0, len(servers))
	for _, r := range servers {
		if !seen[r.Address] {
			seen[r.Address] = true
			out = append(out, r)
		}
	}
	return out
}

// keptPrefix tells how many of the wanted servers, from the first on, can stay
// where they are; the kernel only appends, so the others have to follow in
// sequence. Without regard to sequence all can stay.
func keptPrefix(scheduler string, wanted, have []Server) int {
	if !OrderMatters(scheduler) {
		return len(wanted)
	}
	n := 0
	for _, a := range have {
		if n < len(wanted) && a.Address == wanted[n].Address {
			n++
		}
	}
	return n
}

// forgets tells whether mh would go by another weight of a server at weight 0 than
// by the configured one: by the weight it has now; by any, where it comes after a
// scheduler under which servers are added with weight 0; by an old one, where the
// configuration has changed meanwhile.
func forgets(from, to string, a, r Server) bool {
	if to != "mh" || r.Weight != 0 || r.ConfiguredWeight == 0 {
		return false
	}
	last := a.ConfiguredWeight
	switch {
	case a.Weight > 0:
		last = a.Weight
	case from != "mh":
		last = -1
	}
	return last != 0 && last != r.ConfiguredWeight
}

// seed shows mh the weight of a server that is to have weight 0.
func seed(d Service, r Server) []Op {
	reason := fmt.Sprintf("so that mh goes by weight %d", r.ConfiguredWeight)
	first := r
	first.Weight = r.ConfiguredWeight
	return []Op{
		serverOp(SetServer, d, first, reason),
		serverOp(SetServer, d, r, "weight 0, once mh knows its weight"),
	}
}

// addServer adds the operations that add r. The scheduler mh builds its table from the last weight of
// each server that was not 0 (ip_vs_mh.c), which for one added with 0 is 0: it
// would be missing from the table, and every later flow mapped differently from
// the other director. So it is added with the configured weight and then set.
func addServer(ops []Op, d Service, r Server, reason string) []Op {
	if d.Scheduler != "mh" || r.Weight != 0 || r.ConfiguredWeight == 0 {
		return append(ops, serverOp(AddServer, d, r, reason))
	}
	first := r
	first.Weight = r.ConfiguredWeight
	return append(ops,
		serverOp(AddServer, d, first, reason),
		serverOp(SetServer, d, r, "weight 0, once mh knows its weight"))
}

func serverOp(kind OpKind, s Service, r Server, reason string) Op {
	op := serviceOp(kind, s, reason)
	op.Server = r
	return op
}

// sameServer compares what the kernel keeps of a server.
func sameServer(a, b *Server) bool {
	return a.Address == b.Address && a.Forward == b.Forward && a.Weight == b.Weight && a.Upper == b.Upper && a.Lower == b.Lower &&
		(a.Forward != TUN || a.Tunnel == b.Tunnel)
}

// serverReason says what of a server changes.
func serverReason(a, r Server) string {
	var why []string
	if a.Weight != r.Weight {
		why = append(why, fmt.Sprintf("weight %d, was %d", r.Weight, a.Weight))
	}
	if a.Forward != r.Forward {
		why = append(why, fmt.Sprintf("forward %s, was %s", r.Forward, a.Forward))
	}
	if a.Upper != r.Upper || a.Lower != r.Lower {
		why = append(why, fmt.Sprintf("thresholds %d/%d, were %d/%d", r.Upper, r.Lower, a.Upper, a.Lower))
	}
	if a.Forward == TUN && r.Forward == TUN && a.Tunnel != r.Tunnel {
		why = append(why, fmt.Sprintf("tunnel%s, was%s", tunnelText(r.Tunnel), tunnelText(a.Tunnel)))
	}
	return strings.Join(why, "; ")
}
