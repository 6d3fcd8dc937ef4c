package main

import (
	"fmt"
	"net/netip"
	"strings"

	"failover/lvs"
)

// serversEach is how many real servers a virtual server has.
const serversEach = 10

// shape is a table of virtual servers of ten real servers each.
type shape struct {
	services int
	// weight is that of the last real server of the last virtual server: what a
	// reload changes, and what is waited for.
	weight int
}

func (s shape) String() string { return fmt.Sprintf("%d × %d", s.services, serversEach) }

// service is the address of virtual server number i, ascending, so that whoever
// goes by the order of the file or of the addresses comes to the last one last.
func service(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 100, byte(i >> 8), byte(i)}), 80)
}

// server is real server number j of virtual server number i.
func server(i, j int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(101 + j), byte(i >> 8), byte(i)}), 80)
}

// each calls f for every virtual server, and g for every real server of it.
func (s shape) each(f func(i int, at netip.AddrPort), g func(j int, at netip.AddrPort, weight int), end func()) {
	for i := range s.services {
		f(i, service(i))
		for j := range serversEach {
			weight := 1
			if i == s.services-1 && j == serversEach-1 {
				weight = s.weight
			}
			g(j, server(i, j), weight)
		}
		end()
	}
}

// table is the shape as a table.
func (s shape) table() lvs.Table {
	var t lvs.Table
	s.each(func(_ int, at netip.AddrPort) {
		t.Services = append(t.Services, lvs.Service{Key: lvs.Key{Protocol: lvs.TCP, Address: at}, Scheduler: "wlc"})
	}, func(_ int, at netip.AddrPort, weight int) {
		last := &t.Services[len(t.Services)-1]
		last.Servers = append(last.Servers, lvs.Server{Address: at, Forward: lvs.DR, Weight: weight, ConfiguredWeight: weight})
	}, func() {})
	return t
}

// failover is the shape as failover.toml: routed blocks, no virtual router.
func (s shape) failover() []byte {
	var b strings.Builder
	b.WriteString("[director.lb1]\naddress = \"192.168.33.91\"\n[director.lb2]\naddress = \"192.168.33.94\"\n")
	s.each(func(i int, at netip.AddrPort) {
		fmt.Fprintf(&b, "[virtual_server.s%d]\naddress = \"%s\"\nvirtual_router = \"none\"\nscheduler = \"wlc\"\nforward = \"dr\"\nreal_server = [\n", i, at)
	}, func(j int, at netip.AddrPort, weight int) {
		fmt.Fprintf(&b, "  { name = \"r%d\", address = \"%s\", weight = %d },\n", j, at, weight)
	}, func() { b.WriteString("]\n") })
	return []byte(b.String())
}

// keepalived is the shape as keepalived.conf.
func (s shape) keepalived() []byte {
	var b strings.Builder
	b.WriteString("global_defs {\n  router_id lb1\n}\n")
	s.each(func(_ int, at netip.AddrPort) {
		fmt.Fprintf(&b, "virtual_server %s %d {\n  lvs_sched wlc\n  lvs_method DR\n  protocol TCP\n", at.Addr(), at.Port())
	}, func(_ int, at netip.AddrPort, weight int) {
		fmt.Fprintf(&b, "  real_server %s %d {\n    weight %d\n  }\n", at.Addr(), at.Port(), weight)
	}, func() { b.WriteString("}\n") })
	return []byte(b.String())
}
