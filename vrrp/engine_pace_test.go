package vrrp_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
	"failover/vrrp/vrrptest"
)

// manyOf is three groups with 500 addresses in all on one interface, and one more
// on another.
func manyOf(last uint8) []vrrp.GroupConfig {
	var groups []vrrp.GroupConfig
	for i := range 3 {
		c := groupOf(last, 150)
		c.Name = fmt.Sprintf("g%d", i)
		c.Routers = c.Routers[:1]
		r := &c.Routers[0]
		r.Name, r.VRID, r.Interval = c.Name, uint8(51+i), 100*time.Millisecond
		r.Announce.Times = []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second}
		r.Addresses = nil
		for n := range [...]int{255, 244, 1}[i] {
			r.Addresses = append(r.Addresses, vrrp.Address{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), byte(n)}), 16)})
		}
		groups = append(groups, c)
	}
	other := groupOf(last, 150)
	other.Name, other.Routers = "other", other.Routers[1:]
	return append(groups, other)
}

// The announcements of hundreds of addresses are spread over time, whatever
// groups they are of, complete, and do not make an advert late.
func TestEngineSpreadsAnnouncements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		groups := manyOf(5)
		n.run(nil, groups...)
		wait(341 * time.Millisecond) // of 100 ms and priority 150
		start := vrrptest.Now()
		wait(10 * time.Second)
		all := n.host.Announced()
		count, first := map[netip.Addr]int{}, map[netip.Addr]time.Duration{}
		var window []vrrp.Instant
		for _, a := range all {
			if a.Interface != "eth2" {
				continue
			}
			if count[a.Address]++; count[a.Address] == 1 {
				first[a.Address] = a.At.Sub(start)
			}
			for window = append(window, a.At); a.At.Sub(window[0]) >= 100*time.Millisecond; {
				window = window[1:]
			}
			if len(window) > 151 {
				t.Fatalf("%d announcements within 100 ms", len(window))
			}
		}
		if len(count) != 500 {
			t.Errorf("%d addresses announced", len(count))
		}
		for a, at := range first {
			// The second round of a group that is through competes with the first one of
			// another: at most 244 addresses here.
			if at > 750*time.Millisecond || count[a] < 3 {
				t.Errorf("%v: announced %d times, first after %v", a, count[a], at)
			}
		}
		if last := all[len(all)-1].At.Sub(start); last < 5*time.Second || last > 5*time.Second+500*time.Millisecond {
			t.Errorf("the last one came after %v", last)
		}
		for _, g := range groups {
			if s := n.status(g.Routers[0].Name); s.LateWakeups != 0 || s.State != vrrp.Master {
				t.Errorf("%s: %s, %d late wakeups", s.Name, s.State, s.LateWakeups)
			}
		}
		n.kill()
	})
}

// What waits for its pace is not announced when the mastership has ended, or the
// address is no longer configured.
func TestEngineDropsAnnouncementsThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		groups := manyOf(5)
		n.run(nil, groups...)
		wait(350 * time.Millisecond) // 50 and a few are out
		smaller := groups[0]
		smaller.Routers = append([]vrrp.RouterConfig(nil), smaller.Routers...)
		smaller.Routers[0].Addresses = smaller.Routers[0].Addresses[:1]
		n.engine.Configure(append([]vrrp.GroupConfig{smaller}, groups[1:]...), nil)
		synctest.Wait()
		n.host.Announced()
		n.engine.SetHealth(map[string]vrrp.Health{"g0": {Ready: true}, "g2": {Ready: true}, "other": {Ready: true}, "g1": {Fault: true}})
		synctest.Wait()
		n.host.Announced()
		wait(time.Second)
		for _, a := range n.host.Announced() {
			if b := a.Address.As4(); b[2] == 1 && b[0] == 10 || b[2] == 0 && b[3] > 0 && b[0] == 10 {
				t.Errorf("%v announced %v later", a.Address, a.At)
			}
		}
		n.kill()
	})
}

// A take-over is over before the pace has anything to say: what waits for a wish
// is not kept by what waits for its turn.
func TestEngineLetsGoWhileAnnouncing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		groups := manyOf(5)
		n.run(nil, groups...)
		wait(350 * time.Millisecond)
		begin := time.Now()
		n.engine.Stop()
		<-n.ended
		// Skew_Time and an interval, until nobody has taken over.
		if d := time.Since(begin); d > 1200*time.Millisecond {
			t.Errorf("let go after %v", d)
		}
		if n.host.String() != "" {
			t.Error("addresses are left")
		}
	})
}

// A late wakeup is one of more than 10 ms, or of a tenth of the interval where
// that is less.
func TestEngineMeasuresLateness(t *testing.T) {
	for _, tt := range []struct {
		interval, late time.Duration
		want           uint64
	}{
		{time.Second, 10 * time.Millisecond, 0},
		{time.Second, 11 * time.Millisecond, 1},
		{100 * time.Millisecond, 10 * time.Millisecond, 0},
		{100 * time.Millisecond, 11 * time.Millisecond, 1},
		{10 * time.Millisecond, time.Millisecond, 0},
		{10 * time.Millisecond, 1100 * time.Microsecond, 1},
	} {
		t.Run(fmt.Sprintf("%v late by %v", tt.interval, tt.late), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, newWires(1), 5)
				c := groupOf(5, 255)
				c.Routers = c.Routers[:1]
				c.Routers[0].Interval = tt.interval
				begin := time.Now()
				n.run(nil, c)
				time.Sleep(tt.interval/2 - time.Since(begin))
				n.conn.Freeze(true)
				time.Sleep(tt.interval/2 + tt.late) // the advert is due in the middle of it
				n.conn.Freeze(false)
				synctest.Wait()
				if got := n.status("outside").LateWakeups; got != tt.want {
					t.Errorf("%d late wakeups, want %d", got, tt.want)
				}
				n.kill()
			})
		})
	}
}
