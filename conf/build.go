package conf

import (
	"net/netip"
	"slices"
)

// NoRouter is the virtual_router of a service whose address belongs to none.
const NoRouter = "none"

// vrrpGroup and vrrpGroup6 are where VRRP adverts go (RFC 9568 sections
// 5.1.1.2.1 and 5.1.2.2).
var (
	vrrpGroup  = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	vrrpGroup6 = netip.MustParseAddr("ff02::12")
)

// builder makes the deployment out of the entries and then holds it against the
// rules. Each object keeps its entry, for the place of an error.
type builder struct {
	*reader
	file      *entry
	d         Deployment
	directors []*entry
	routers   []*entry
	servers   []serverTable

	routersOK bool                  // every router's addresses are understood
	gateways  map[string][]gateway  // by group
	holders   map[netip.Addr]string // the virtual router of each address
	virtual   map[netip.Addr]bool   // addresses of virtual routers and services
}

func (b *builder) build() {
	for _, e := range b.tables("director") {
		b.directors = append(b.directors, e)
		b.d.Directors = append(b.d.Directors, Director{
			Name:      e.key,
			Addresses: vals[netip.Addr](e.get("address")),
			Priority:  uint8(val[int64](e.get("priority"))),
			PublicKey: val[string](e.get("public_key")),
		})
	}
	b.d.Daemon = b.daemon(b.file.get("daemon"))
	for _, e := range b.tables("virtual_router") {
		b.routers = append(b.routers, e)
		b.d.VirtualRouters = append(b.d.VirtualRouters, b.router(e))
	}
	b.d.IPVS = b.ipvs(b.file.get("ipvs"))
	for _, e := range b.tables("virtual_server") {
		b.server(e)
	}
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
		if e.table {
			list = append(list, e)
		}
	}
	return list
}

func (b *builder) daemon(e *entry) Daemon {
	return Daemon{
		Socket:   val[string](e.get("socket")),
		StateDir: val[string](e.get("state_dir")),

		PrivateKey: val[string](e.get("private_key")),
		PeerPort:   uint16(val[int64](e.get("peer_port"))),
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

// routerOf is the virtual router that has an address, or "". There may be thousands
// of both.
func (b *builder) routerOf(a netip.Addr) string {
	if b.holders == nil {
		b.holders = map[netip.Addr]string{}
		for _, r := range b.d.VirtualRouters {
			for _, x := range r.Addresses {
				if _, taken := b.holders[x.Prefix.Addr()]; !taken {
					b.holders[x.Prefix.Addr()] = r.Name
				}
			}
		}
	}
	return b.holders[a]
}

func hasAddress(list []VirtualAddress, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(x VirtualAddress) bool { return x.Prefix.Addr() == a })
}
