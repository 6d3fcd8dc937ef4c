//go:build linux

package ipvs_test

import (
	"net/netip"
	"testing"
	"time"

	"failover/lvs"
)

// many is a table of n services of m servers.
func many(n, m int) lvs.Table {
	var t lvs.Table
	for i := range n {
		s := lvs.Service{
			Key:       lvs.Key{Protocol: lvs.TCP, Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 80)},
			Scheduler: "wlc",
		}
		for j := range m {
			s.Servers = append(s.Servers, lvs.Server{
				Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 2, byte(j), byte(i)}), 80), Forward: lvs.DR, Weight: 1,
			})
		}
		t.Services = append(t.Services, s)
	}
	return t
}

// BenchmarkLargeTable programs 1 000 services of 10 servers from empty, one by one and
// together, reads them, and looks at them the cheap way.
func BenchmarkLargeTable(b *testing.B) {
	k := open(b)
	want := many(1000, 10)
	for b.Loop() {
		start := time.Now()
		step := func(what string) {
			b.ReportMetric(float64(time.Since(start).Milliseconds()), what+"-ms")
			start = time.Now()
		}
		become(b, k, want)
		step("program")
		got := dump(b, k)
		step("dump")
		if len(lvs.Diff(got, want, lvs.Owned{})) > 0 {
			b.Fatal("not what was wanted")
		}
		step("diff")
		lvs.Digest(got)
		step("digest")
		if _, err := k.Changed(b.Context()); err != nil {
			b.Fatal(err)
		}
		step("look")
		become(b, k, lvs.Table{})
		step("remove")
		for i, err := range k.DoAll(b.Context(), lvs.Diff(lvs.Table{}, want, lvs.Owned{})) {
			if err != nil {
				b.Fatal(i, err)
			}
		}
		step("program-together")
		if len(lvs.Diff(dump(b, k), want, lvs.Owned{})) > 0 {
			b.Fatal("not what was wanted")
		}
		become(b, k, lvs.Table{})
	}
}
