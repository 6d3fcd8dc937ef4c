package conf

import (
	"net/netip"
	"slices"

	"failover/check"
	"failover/lvs"
)

// serverTable is where a virtual server and its real servers stand, and which
// services of the deployment are its.
type serverTable struct {
	at       *entry
	reals    []*entry
	services []VirtualServer
	// where has, for each service, what of the file makes it the service it is.
	where []*entry
}

// server enters the services of one table: one for each address and protocol.
func (b *builder) server(e *entry) {
	t := serverTable{at: e}
	vs := VirtualServer{
		Name:              e.key,
		VirtualRouter:     val[string](e.get("virtual_router")),
		Scheduler:         val[string](e.get("scheduler")),
		Forward:           lvs.Forward(val[string](e.get("forward"))),
		Persistence:       duration(e.get("persistence")),
		PersistenceMask:   uint8(val[int64](e.get("persistence_mask"))),
		PersistenceEngine: val[string](e.get("persistence_engine")),
		Masquerade:        val[bool](e.get("masquerade")),
		Quorum:            int(val[int64](e.get("quorum"))),
		Hysteresis:        int(val[int64](e.get("hysteresis"))),
		DrainTimeout:      duration(e.get("drain").get("timeout")),
		Notify:            b.notify(e.get("notify")),
	}
	vs.Flags = serverFlags(e, vs)
	vs.Quiesce = vs.Scheduler == "mh" || val[string](e.get("on_failure")) == "quiesce"
	tunnel := tunnelOf(e.get("tunnel"))
	if s := val[netip.AddrPort](e.get("sorry_server")); s.IsValid() {
		vs.Sorry = &RealServer{Name: "sorry_server", Address: s, Forward: vs.Forward, Weight: 1}
		if vs.Forward == lvs.TUN {
			vs.Sorry.Tunnel = tunnel
		}
	}
	b.reals(&t, &vs, tunnel)
	b.keys(&t, vs)
	b.servers = append(b.servers, t)
	b.d.VirtualServers = append(b.d.VirtualServers, t.services...)
}

// serverFlags are the flags of the kernel's service. Without its fallback flag
// mh refuses the clients of a server that is out.
func serverFlags(e *entry, vs VirtualServer) uint32 {
	var flags uint32
	if list := e.get("scheduler_flags"); list.set {
		for _, name := range vals[string](list) {
			bit, _ := lvs.SchedulerFlag(vs.Scheduler, name)
			flags |= bit
		}
	} else if vs.Scheduler == "mh" {
		flags = lvs.FlagSched1
	}
	if vs.Persistence > 0 {
		flags |= lvs.FlagPersistent
	}
	if val[bool](e.get("one_packet")) {
		flags |= lvs.FlagOnePacket
	}
	return flags
}

func tunnelOf(e *entry) lvs.Tunnel {
	if !e.table {
		return lvs.Tunnel{}
	}
	return lvs.Tunnel{
		Type:  uint8(max(0, slices.Index(tunnelTypes[:], val[string](e.get("type"))))),
		Port:  uint16(val[int64](e.get("port"))),
		Flags: uint16(max(0, slices.Index(tunnelChecksums[:], val[string](e.get("checksum"))))),
	}
}

// reals enters the real servers of a table, which its services share.
func (b *builder) reals(t *serverTable, vs *VirtualServer, tunnel lvs.Tunnel) {
	common := b.checks(t.at.get("check"))
	items := t.at.get("real_server").items
	vs.Servers = make([]RealServer, 0, len(items))
	for _, r := range items {
		if !r.table {
			continue
		}
		rs := RealServer{
			Address: keyVal[netip.AddrPort](r, "address"),
			Forward: vs.Forward,
			Weight:  int(keyVal[int64](r, "weight")),
			Upper:   uint32(keyVal[int64](r, "max_connections")),
			Lower:   uint32(keyVal[int64](r, "min_connections")),
		}
		switch {
		case r.has("name"):
			rs.Name = keyVal[string](r, "name")
		case rs.Address.IsValid():
			rs.Name = endpointText(rs.Address)
		}
		if r.has("forward") {
			rs.Forward = lvs.Forward(keyVal[string](r, "forward"))
		}
		if rs.Forward == lvs.TUN {
			rs.Tunnel = tunnel
			if r.has("tunnel") {
				rs.Tunnel = tunnelOf(r.get("tunnel"))
			}
		}
		specs := common
		if r.has("check") {
			specs = b.checks(r.get("check"))
		}
		rs.Checks = aimed(specs, rs.Address)
		vs.Servers = append(vs.Servers, rs)
		t.reals = append(t.reals, r)
	}
}

// aimed is a copy of the checks with their target.
func aimed(specs []check.Spec, target netip.AddrPort) []check.Spec {
	list := slices.Clone(specs)
	for i := range list {
		port := list[i].Target.Port() // its own
		if port == 0 {
			port = target.Port()
		}
		list[i].Target = netip.AddrPortFrom(target.Addr(), port)
	}
	return list
}

// keys makes the services of a table: by address and protocol, or by mark.
func (b *builder) keys(t *serverTable, vs VirtualServer) {
	add := func(where *entry, key lvs.Key) {
		one := vs
		one.Key = key
		if one.PersistenceMask == uint8(key.Address.Addr().BitLen()) {
			one.PersistenceMask = 0 // all of it, as without the key
		}
		one.ExpireDown = b.expires(t.at, key)
		if one.VirtualRouter == "" {
			one.VirtualRouter = b.routerOf(key.Address.Addr())
		}
		t.services, t.where = append(t.services, one), append(t.where, where)
	}
	if mark := t.at.get("fwmark"); mark.set {
		vs.Match = matches(t.at.get("match"))
		if len(vs.Match) > 0 && vs.VirtualRouter == "" {
			vs.VirtualRouter = b.routerOf(vs.Match[0].Address.Addr())
		}
		if key := markKey(t.at, vs.Match); key.FWMark != 0 {
			add(mark, key)
		}
		return
	}
	list := t.at.get("addresses").items
	if one := t.at.get("address"); one.set {
		list = []*entry{one}
	}
	for _, where := range list {
		a := val[netip.AddrPort](where)
		for _, protocol := range vals[string](t.at.get("protocol")) {
			if a.IsValid() {
				add(where, lvs.Key{Protocol: lvs.Protocol(protocol), Address: a})
			}
		}
	}
}

// markKey is the service of a firewall mark. Where the file names no family,
// that of what carries the mark counts.
func markKey(e *entry, match []lvs.Key) lvs.Key {
	family := netip.IPv4Unspecified()
	written := val[string](e.get("family"))
	if written == "ipv6" || written == "" && len(match) > 0 && match[0].Is6() {
		family = netip.IPv6Unspecified()
	}
	return lvs.Key{FWMark: uint32(val[int64](e.get("fwmark"))), Address: netip.AddrPortFrom(family, 0)}
}

// expires tells whether the connections of a server that is down are ended. A
// client of UDP that goes on from the same port would stay with it for ever.
func (b *builder) expires(e *entry, key lvs.Key) bool {
	if k := e.get("on_server_down"); k.set {
		return val[string](k) == "expire"
	}
	return key.Protocol == lvs.UDP && b.d.syncs()
}

// endpointText is an address as the file has it: without the port where that is
// every port.
func endpointText(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}
