package realserver

import (
	"fmt"
	"net/netip"
	"slices"

	"failover/conf"
	"failover/internal/host"
	"failover/lvs"
)

// tunnel is what tun needs beside the addresses: the far end, packets from it that
// pass the filter of reversed paths, and clients that send segments small enough.
func (p *Plan) tunnel(f file, r Role) {
	outer6 := r.Address.Addr().Is6()
	inner6 := r.Service.Is6()
	t := host.Tunnel{Kind: kindOf(r.rs.Tunnel.Type, outer6, inner6), Local: r.Address.Addr()}
	if t.Kind == host.GRE {
		t.Checksum = r.rs.Tunnel.Flags&checksum != 0
	}
	if list := f.virtual(r.vs); !inner6 && len(list) > 0 {
		t.Inside = list[0]
	}
	p.need(modules[t.Kind])
	p.device(t)
	if r.rs.Tunnel.Type == lvs.TunnelGUE {
		p.need("fou")
		if outer6 {
			p.need("fou6")
		}
		port := host.Tunnel{Kind: host.GUE, Port: r.rs.Tunnel.Port, Local: unspecified(outer6)}
		p.add(port)
	}
	for _, k := range f.served(r.vs) {
		c := host.Clamp{Service: k, Server: r.Address.Addr(), Headers: overhead(r.rs.Tunnel, outer6) + headers(inner6)}
		if k.Protocol == lvs.TCP && !slices.Contains(p.Host.Clamps, c) {
			p.Host.Clamps = append(p.Host.Clamps, c)
		}
	}
}

// modules are the kernel's, by kind of device.
var modules = map[host.TunnelKind]string{
	host.IPIP: "ipip", host.SIT: "sit", host.IP6: "ip6_tunnel", host.GRE: "ip_gre", host.GRE6: "ip6_gre",
}

// kindOf is the device for what IPVS sends (ip_vs_xmit.c, ip_vs_tunnel_xmit): GUE
// brings IP in IP on behind its port.
func kindOf(encapsulation uint8, outer6, inner6 bool) host.TunnelKind {
	switch {
	case encapsulation == lvs.TunnelGRE && outer6:
		return host.GRE6
	case encapsulation == lvs.TunnelGRE:
		return host.GRE
	case outer6:
		return host.IP6
	case inner6:
		return host.SIT
	}
	return host.IPIP
}

// checksum and remote are the flags of a tunnel (include/uapi/linux/ip_vs.h,
// IP_VS_TUNNEL_ENCAP_FLAG_CSUM and _REMCSUM).
const (
	checksum = 0x1
	remote   = 0x2
)

// overhead is what IPVS puts before a packet, in bytes (ip_vs_xmit.c,
// __ip_vs_get_out_rt and ipvs_gue_encap).
func overhead(t lvs.Tunnel, outer6 bool) int {
	n := 20
	if outer6 {
		n = 40
	}
	switch t.Type {
	case lvs.TunnelGRE:
		n += 4
		if t.Flags&checksum != 0 {
			n += 4
		}
	case lvs.TunnelGUE:
		n += 8 + 4
		if t.Flags&remote != 0 {
			n += 4 + 4
		}
	}
	return n
}

// headers are those of IP and TCP within, in bytes.
func headers(inner6 bool) int {
	if inner6 {
		return 40 + 20
	}
	return 20 + 20
}

func (p *Plan) need(module string) {
	if !slices.Contains(p.Host.Modules, module) {
		p.Host.Modules = append(p.Host.Modules, module)
	}
}

// add adds a device or port once; of two services' addresses it has the first.
func (p *Plan) add(t host.Tunnel) {
	i := slices.IndexFunc(p.Host.Tunnels, func(x host.Tunnel) bool { return x.Device() == t.Device() && x.Port == t.Port && x.Local == t.Local })
	if i < 0 {
		p.Host.Tunnels = append(p.Host.Tunnels, t)
	} else if !p.Host.Tunnels[i].Inside.IsValid() {
		p.Host.Tunnels[i].Inside = t.Inside
	}
}

// device adds a device and lets its packets in: their sources are clients, who are
// not behind it. 2 asks but for a route to them by any interface, and the larger one
// of this and the machine's own counts (IN_DEV_RPFILTER).
func (p *Plan) device(t host.Tunnel) {
	p.add(t)
	p.Host.Sysctls[fmt.Sprintf("net.ipv4.conf.%s.rp_filter", t.Device())] = "2"
}

func unspecified(v6 bool) netip.Addr {
	if v6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// served is what clients of a service connect to. Of a mark that somebody else sets
// the file tells the addresses alone: that is every port of TCP there.
func (f file) served(vs conf.VirtualServer) []lvs.Key {
	switch {
	case vs.Key.FWMark == 0:
		return []lvs.Key{vs.Key}
	case len(vs.Match) > 0:
		return vs.Match
	}
	var list []lvs.Key
	for _, a := range f.virtual(vs) {
		list = append(list, lvs.Key{Protocol: lvs.TCP, Address: netip.AddrPortFrom(a, 0)})
	}
	return list
}
