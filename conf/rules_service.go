package conf

import (
	"slices"
	"strings"

	"failover/lvs"
)

// scheduleRules hold the scheduler against what is asked of it.
func (b *builder) scheduleRules(t serverTable) {
	e, vs := t.at, t.services[0]
	if !e.ok("scheduler") {
		return
	}
	list := e.get("scheduler_flags")
	for _, i := range list.items {
		name := val[string](i)
		if of, _, _ := strings.Cut(name, "-"); name != "" && of != vs.Scheduler {
			b.contradict(i, "leave it out", "%s is a flag of scheduler %s, and this is %s", name, of, vs.Scheduler)
			return
		}
	}
	if list.anyBad() {
		return
	}
	fallback := vs.Flags&lvs.FlagSched1 != 0
	failure, quiesce := e.get("on_failure"), val[string](e.get("on_failure")) == "quiesce"
	switch {
	case vs.Scheduler == "mh" && failure.set && !failure.bad && !quiesce:
		// ip_vs_mh.c: the table is filled from the list of servers.
		b.contradict(failure, "leave it out", "remove, but the scheduler is mh, under which a removal sends clients of other servers elsewhere")
	case vs.Scheduler == "mh" && list.set && !fallback:
		b.note(&b.warnings, list, `add "mh-fallback"`, "has no mh-fallback: clients of a server that is down or drained are refused")
	case vs.Scheduler == "sh" && quiesce && !fallback:
		b.contradict(failure, `write scheduler_flags = ["sh-fallback"]`, "quiesce, but sh without sh-fallback refuses the clients of a server of weight 0")
	case vs.Scheduler == "dh" && quiesce:
		b.contradict(failure, `write "remove", or another scheduler`, "quiesce, but dh refuses the clients of a server of weight 0")
	}
	b.onePacketRules(t)
	if k := e.get("on_server_down"); val[string](k) == "expire" && !b.d.syncs() && !b.file.get("ipvs").anyBad() {
		b.contradict(k, "write [ipvs.sync]", "expire, but connection synchronisation is off, by which the kernel is told of another server for a connection")
	}
}

// onePacketRules judge one_packet: the kernel keeps no connection to translate a
// reply by, or to stay with a server.
func (b *builder) onePacketRules(t serverTable) {
	e, k := t.at, t.at.get("one_packet")
	if !val[bool](k) || !e.ok("forward", "protocol", "persistence") {
		return
	}
	vs := t.services[0]
	isNAT := func(rs RealServer) bool { return rs.Forward == lvs.NAT }
	switch {
	case vs.Persistence > 0:
		b.contradict(k, "leave one of them out", "cannot go with persistence: no connection is kept that a client could stay with")
	case slices.ContainsFunc(withSorry(vs), isNAT):
		b.contradict(k, `write forward = "dr" or "tun"`, "cannot go with forward nat: no connection is kept that a reply could be translated by")
	case slices.ContainsFunc(t.services, func(s VirtualServer) bool { return s.Key.FWMark == 0 && s.Key.Protocol != lvs.UDP }):
		b.contradict(k, `write protocol = "udp"`, "is for udp: of another protocol a single packet means nothing")
	}
}

// withSorry are all servers that a service can have in the table.
func withSorry(vs VirtualServer) []RealServer {
	if vs.Sorry == nil {
		return vs.Servers
	}
	return append(slices.Clone(vs.Servers), *vs.Sorry)
}

// persistenceRules judge what goes with persistence only.
func (b *builder) persistenceRules(t serverTable) {
	e, vs := t.at, t.services[0]
	mask, engine := e.get("persistence_mask"), e.get("persistence_engine")
	if !e.ok("persistence") {
		return
	}
	for _, k := range []*entry{mask, engine} {
		if k.set && !k.bad && vs.Persistence == 0 && k.value != "" {
			b.contradict(k, `write persistence = "5m"`, "has no meaning without persistence")
			return
		}
	}
	if mask.set && !mask.bad {
		for _, one := range t.services {
			if bits := one.Key.Address.Addr().BitLen(); int(val[int64](mask)) > bits {
				b.contradict(mask, "", "%d, but an %s address has %d bits: 1–%d", val[int64](mask), familyName(one.Key.Is6()), bits, bits)
				return
			}
		}
	}
	// ip_vs_pe_sip.c, ip_vs_sip_fill_param.
	if vs.PersistenceEngine == "sip" && !engine.bad && slices.ContainsFunc(t.services, func(s VirtualServer) bool {
		return s.Key.FWMark == 0 && s.Key.Protocol != lvs.UDP || slices.ContainsFunc(s.Match, func(k lvs.Key) bool { return k.Protocol != lvs.UDP })
	}) {
		b.contradict(engine, "write udp for the protocol", "sip is for udp: the kernel looks for the Call-ID in datagrams, and drops what has none")
	}
}

// quorumRules refuse a quorum that is never there, or never lost.
func (b *builder) quorumRules(t serverTable) {
	e, vs := t.at, t.services[0]
	if !e.ok("quorum", "hysteresis") || slices.ContainsFunc(t.reals, func(r *entry) bool { return !r.ok("weight") }) {
		return
	}
	sum := 0
	for _, rs := range vs.Servers {
		sum += rs.Weight
	}
	quorum, hysteresis := e.get("quorum"), e.get("hysteresis")
	switch {
	case quorum.set && vs.Quorum > sum:
		b.contradict(quorum, "", "%d, but the weights of all real servers come to %d", vs.Quorum, sum)
	case hysteresis.set && vs.Hysteresis >= vs.Quorum:
		b.contradict(hysteresis, "make it smaller than quorum", "%d, but the quorum is %d: it would never be lost", vs.Hysteresis, vs.Quorum)
	case hysteresis.set && vs.Hysteresis > 0 && vs.Quorum+vs.Hysteresis > sum:
		b.contradict(hysteresis, "", "%d, but quorum and hysteresis come to %d and the weights of all real servers to %d: once lost, it would never be there again",
			vs.Hysteresis, vs.Quorum+vs.Hysteresis, sum)
	}
}
