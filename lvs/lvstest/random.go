package lvstest

import (
	"fmt"
	"net/netip"
	"slices"

	"pgregory.net/rapid"

	"failover/lvs"
)

// Tables generates tables over a small set of services and servers, so that two
// of them have much in common. Every one can be loaded into Linux, which needs an
// interface sync0 with an address for the sync daemons.
func Tables() *rapid.Generator[lvs.Table] {
	keys := []string{
		"-t 172.20.10.4:80", "-t 172.20.10.4:443", "-u 172.20.10.4:53", "-t 9.2.3.4:80", "--sctp-service 172.20.10.4:80", "-f 7",
		"-t [2001:db8::4]:80", "-u [2001:db8::4]:53", "--sctp-service [2001:db8::4]:80", "-f 7 -6",
	}
	return rapid.Custom(func(t *rapid.T) lvs.Table {
		var table lvs.Table
		for i, text := range rapid.Permutation(keys).Draw(t, "keys")[:rapid.IntRange(0, 4).Draw(t, "services")] {
			var key lvs.Key
			if err := key.UnmarshalText([]byte(text)); err != nil {
				panic(err)
			}
			table.Services = append(table.Services, services(key).Draw(t, fmt.Sprint("service ", i)))
		}
		table.Timeouts = lvs.Timeouts{
			TCP: rapid.SampledFrom([]uint32{0, 0, 900, 7200}).Draw(t, "tcp timeout"),
			UDP: rapid.SampledFrom([]uint32{0, 0, 30, 300}).Draw(t, "udp timeout"),
		}
		if !anyMixed(table) {
			table.Sync = daemons().Draw(t, "sync")
		}
		return table
	})
}

// daemons are none, one or both, mostly none: to start one takes the kernel long.
func daemons() *rapid.Generator[[]lvs.Sync] {
	return rapid.Custom(func(t *rapid.T) (list []lvs.Sync) {
		for _, role := range []lvs.Role{lvs.SyncBackup, lvs.SyncMaster} {
			if rapid.IntRange(0, 9).Draw(t, string(role)) == 9 {
				list = append(list, lvs.Sync{Role: role, Interface: "sync0", ID: rapid.IntRange(51, 52).Draw(t, "syncid")})
			}
		}
		return list
	})
}

func anyMixed(t lvs.Table) bool {
	for _, s := range t.Services {
		if slices.ContainsFunc(s.Servers, func(r lvs.Server) bool { return mixed(s.Key, r) }) {
			return true
		}
	}
	return false
}

func services(key lvs.Key) *rapid.Generator[lvs.Service] {
	return rapid.Custom(func(t *rapid.T) lvs.Service {
		s := lvs.Service{
			Key:       key,
			Scheduler: rapid.SampledFrom(Schedulers).Draw(t, "scheduler"),
			Flags:     rapid.SampledFrom([]uint32{0, 0, 0, lvs.FlagSched1, lvs.FlagSched1 | lvs.FlagSched2}).Draw(t, "flags"),
		}
		if rapid.IntRange(0, 4).Draw(t, "persistent") == 0 {
			s.Flags |= lvs.FlagPersistent
			s.Timeout = rapid.SampledFrom([]uint32{60, 360}).Draw(t, "timeout")
			s.Mask = rapid.SampledFrom([]uint8{0, 24}).Draw(t, "mask")
			s.Engine = rapid.SampledFrom([]string{"", "", "sip"}).Draw(t, "engine")
		} else if rapid.IntRange(0, 4).Draw(t, "one packet") == 0 {
			s.Flags |= lvs.FlagOnePacket
		}
		addresses := rapid.Permutation([]int{1, 2, 3, 4, 5}).Draw(t, "servers")
		for _, n := range addresses[:rapid.IntRange(0, 5).Draw(t, "count")] {
			s.Servers = append(s.Servers, servers(key.Is6(), n).Draw(t, "server"))
		}
		return s
	})
}

func servers(is6 bool, n int) *rapid.Generator[lvs.Server] {
	return rapid.Custom(func(t *rapid.T) lvs.Server {
		r := lvs.Server{
			Address: netip.MustParseAddrPort(fmt.Sprintf("192.168.33.%d:80", 90+n)),
			Forward: rapid.SampledFrom([]lvs.Forward{lvs.NAT, lvs.NAT, lvs.DR, lvs.TUN}).Draw(t, "forward"),
			Weight:  rapid.SampledFrom([]int{0, 1, 1, 3, 100000}).Draw(t, "weight"),
		}
		if r.Forward == lvs.TUN {
			r.Tunnel = rapid.SampledFrom([]lvs.Tunnel{{}, {}, {Type: lvs.TunnelGUE, Port: 6080}, {Type: lvs.TunnelGUE, Port: 6081, Flags: 1}, {Type: lvs.TunnelGRE}}).Draw(t, "tunnel")
			if rapid.IntRange(0, 2).Draw(t, "mixed") == 0 {
				is6 = !is6 // the one method that carries the other family
			}
		}
		if is6 {
			r.Address = netip.MustParseAddrPort(fmt.Sprintf("[2001:db8::%d]:80", 90+n))
		}
		if rapid.IntRange(0, 5).Draw(t, "thresholds") == 0 {
			r.Upper, r.Lower = 100, 50
		}
		r.ConfiguredWeight = max(r.Weight, rapid.IntRange(1, 3).Draw(t, "configured"))
		return r
	})
}
