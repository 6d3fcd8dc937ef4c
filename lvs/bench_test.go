package lvs_test

import (
	"net/netip"
	"testing"

	"failover/lvs"
)

// large has 1 000 services of 10 servers.
func large() (t lvs.Table) {
	for i := range 1000 {
		s := lvs.Service{Key: lvs.Key{Protocol: lvs.TCP, Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 100, byte(i >> 8), byte(i)}), 80)}, Scheduler: "wlc"}
		for j := range 10 {
			s.Servers = append(s.Servers, lvs.Server{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(101 + j), byte(i >> 8), byte(i)}), 80), Forward: lvs.DR, Weight: 1})
		}
		t.Services = append(t.Services, s)
	}
	return t
}

// BenchmarkLargeTable is what is done with a large table besides talking to the
// kernel.
func BenchmarkLargeTable(b *testing.B) {
	t := large()
	for name, f := range map[string]func(){
		"digest":    func() { lvs.Digest(t) },
		"equal":     func() { t.Equal(t) },
		"no change": func() { lvs.Diff(t, t, lvs.Owned{}) },
		"all new":   func() { lvs.Diff(lvs.Table{}, t, lvs.Owned{}) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
