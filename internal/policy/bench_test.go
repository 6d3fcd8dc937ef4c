package policy

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"failover/check"
	"failover/conf"
	"failover/lvs"
)

// largeWorld has n virtual servers of ten real servers, all of them up and in the
// kernel's table.
func largeWorld(n int, checks []check.Spec) World {
	w := World{
		Node:     conf.Node{Name: "lb1", Daemon: conf.Daemon{ManageSysctl: true}},
		Verdicts: map[check.ID]check.Verdict{}, SinceStart: time.Minute, GuardStands: true, Reconciled: true,
	}
	for i := range n {
		vs := conf.VirtualServer{
			Name: fmt.Sprintf("s%d", i), Scheduler: "wlc", Forward: lvs.DR,
			Key: lvs.Key{Protocol: lvs.TCP, Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 100, byte(i >> 8), byte(i)}), 80)},
		}
		for j := range 10 {
			rs := conf.RealServer{
				Name: fmt.Sprintf("r%d", j), Forward: lvs.DR, Weight: 1, Checks: checks,
				Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(101 + j), byte(i >> 8), byte(i)}), 80),
			}
			vs.Servers = append(vs.Servers, rs)
			if id := CheckID(&vs, &rs); len(checks) > 0 {
				w.Verdicts[id] = check.Verdict{ID: id, Status: check.Up, Asked: true}
			}
		}
		w.Node.Servers = append(w.Node.Servers, vs)
	}
	w.Kernel = Desired(w).Table
	return w
}

// BenchmarkDesired is one decision on large tables, and on one that is just starting.
func BenchmarkDesired(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		for name, checks := range map[string][]check.Spec{"plain": nil, "checked": probe} {
			w := largeWorld(n, checks)
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					Desired(w)
				}
			})
			b.Run(fmt.Sprintf("%s/%d/start", name, n), func(b *testing.B) {
				b.ReportAllocs()
				w.SinceStart = time.Second
				for b.Loop() {
					Desired(w)
				}
			})
		}
	}
}
