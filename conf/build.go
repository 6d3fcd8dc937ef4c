package conf

import (
	"net/netip"
	"slices"

	"failover/lvs"
)

// none is the virtual_router of a service whose address belongs to none.
const none = "none"

// vrrpGroup is where VRRP adverts go (RFC 9568 section 5.1.1.2.1).
var vrrpGroup = netip.AddrFrom4([4]byte{224, 0, 0, 18})

// builder makes the deployment out of the entries and then holds it against the
// rules. Each object keeps its entry, for the place of an error.
type builder struct {
	*reader
	file      *entry
	d         Deployment
	directors []*entry
	routers   []*entry
	servers   []serverEntry

	routersOK bool                 // every router's addresses are understood
	gateways  map[string][]gateway // by group
}

// serverEntry is where a virtual server and its real servers stand.
type serverEntry struct {
	at    *entry
	reals []*entry
}

func (b *builder) build() {
	for _, e := range b.tables("director") {
		b.directors = append(b.directors, e)
		b.d.Directors = append(b.d.Directors, Director{
			Name:      e.key,
			Addresses: vals[netip.Addr](e.get("address")),
			Priority:  uint8(val[int64](e.get("priority"))),
		})
	}
	b.d.Daemon = b.daemon(b.file.get("daemon"))
	for _, e := range b.tables("virtual_router") {
		b.routers = append(b.routers, e)
		b.d.VirtualRouters = append(b.d.VirtualRouters, b.router(e))
	}
	for _, e := range b.tables("virtual_server") {
		vs, at := b.server(e)
		b.servers = append(b.servers, at)
		b.d.VirtualServers = append(b.d.VirtualServers, vs)
	}
	b.d.IPVS = b.ipvs(b.file.get("ipvs"))
	b.directorRules()
	b.listenRules()
	b.routerRules()
	b.groupRules()
	b.wayRules()
	b.serverRules()
	b.trackRules()
}

// tables are the good members of a table by name, in the order of the file.
func (b *builder) tables(key string) []*entry {
	var list []*entry
	for _, e := range b.file.get(key).order {
		if e.kids != nil {
			list = append(list, e)
		}
	}
	return list
}

func (b *builder) daemon(e *entry) Daemon {
	return Daemon{
		Socket:   val[string](e.get("socket")),
		StateDir: val[string](e.get("state_dir")),
		HTTPListen: perDirector(b, e.get("http_listen"), func(Director) netip.AddrPort {
			return netip.MustParseAddrPort(defaultListen)
		}),
		LogLevel:     val[string](e.get("log_level")),
		LogFormat:    val[string](e.get("log_format")),
		Realtime:     val[bool](e.get("realtime")),
		ScriptUser:   val[string](e.get("script_user")),
		ManageSysctl: val[bool](e.get("manage_sysctl")),
	}
}

func (b *builder) ipvs(e *entry) IPVS {
	i := IPVS{Resync: duration(e.get("resync"))}
	s := e.get("sync")
	if !s.set || s.kids == nil {
		return i
	}
	i.Sync = &SyncConfig{
		Enabled:   val[bool](s.get("enabled")),
		Interface: perDirector(b, s.get("interface"), func(Director) string { return "" }),
		ID:        int(val[int64](s.get("id"))),
		Group:     val[netip.Addr](s.get("group")),
		Port:      uint16(val[int64](s.get("port"))),
		TTL:       uint8(val[int64](s.get("ttl"))),
	}
	return i
}

func (b *builder) server(e *entry) (VirtualServer, serverEntry) {
	vs := VirtualServer{
		Name: e.key,
		Key: lvs.Key{
			Protocol: lvs.Protocol(val[string](e.get("protocol"))),
			Address:  val[netip.AddrPort](e.get("address")),
		},
		VirtualRouter: val[string](e.get("virtual_router")),
		Scheduler:     val[string](e.get("scheduler")),
		Forward:       lvs.Forward(val[string](e.get("forward"))),
	}
	if vs.VirtualRouter == "" {
		vs.VirtualRouter = b.routerOf(vs.Key.Address.Addr())
	}
	// Without its fallback flag mh refuses the clients of a server that is out.
	if vs.Scheduler == "mh" {
		vs.Flags = lvs.FlagSched1
	}
	at := serverEntry{at: e}
	common := b.checks(e.get("check"))
	for _, r := range e.get("real_server").items {
		if r.kids == nil {
			continue
		}
		rs := RealServer{
			Name:    val[string](r.get("name")),
			Address: val[netip.AddrPort](r.get("address")),
			Forward: lvs.Forward(val[string](r.get("forward"))),
			Weight:  int(val[int64](r.get("weight"))),
		}
		if !r.get("name").set && rs.Address.IsValid() {
			rs.Name = rs.Address.String()
		}
		if !r.get("forward").set {
			rs.Forward = vs.Forward
		}
		specs := common
		if own := r.get("check"); own.set {
			specs = b.checks(own)
		}
		rs.Checks = slices.Clone(specs)
		for i := range rs.Checks {
			rs.Checks[i].Target = rs.Address
		}
		vs.Servers = append(vs.Servers, rs)
		at.reals = append(at.reals, r)
	}
	return vs, at
}

// routerOf is the virtual router that has an address, or "".
func (b *builder) routerOf(a netip.Addr) string {
	for _, r := range b.d.VirtualRouters {
		if hasAddress(r.Addresses, a) {
			return r.Name
		}
	}
	return ""
}

func hasAddress(list []VirtualAddress, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(x VirtualAddress) bool { return x.Prefix.Addr() == a })
}
