package vrrp_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
	"failover/vrrp/vrrptest"
)

func TestEngineAnnounces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		c := groupOf(5, 255)
		c.Routers = c.Routers[:1]
		c.Routers[0].Announce.Refresh = 10 * time.Second
		a.host.Slow(300 * time.Millisecond) // times count from when the addresses are up
		start := vrrptest.Now()
		a.run(nil, c)
		wait(15 * time.Second)
		var got []time.Duration
		for _, x := range a.host.Announced() {
			got = append(got, x.At.Sub(start))
		}
		ms := time.Millisecond
		// Up after 300 ms; rounds of 300 ms are due then, 50 ms, 1 s and 11 s later,
		// and the renewals of 1 s and 11 s come first.
		want := []time.Duration{600 * ms, 900 * ms, 1600 * ms, 11600 * ms}
		if len(got) > 0 && got[0] == 900*ms {
			// The executor had begun to take off what a process before may have left when
			// the group became master: all of it is 300 ms later.
			for i := range want {
				want[i] += 300 * ms
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("announced after %v, want %v", got, want)
		}
		a.kill()
	})
}

func TestEnginePutsBackWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.run(nil, groupOf(5, 150))
		wait(10 * time.Second)
		a.host.Announced()
		vip := netip.MustParsePrefix("172.20.10.4/28")
		a.host.Remove("eth2", vip)
		a.engine.AddressLost("eth2", vip)
		synctest.Wait()
		a.holds(true)
		if n := len(a.host.Announced()); n == 0 {
			t.Error("not announced")
		}
		wait(5 * time.Second)
		a.host.Announced()
		a.host.Remove("eth2", vip) // and nobody says so: the next renewal finds out
		wait(time.Second)
		a.holds(true)
		if n := len(a.host.Announced()); n == 0 {
			t.Error("not announced")
		}
		a.kill()
	})
}

func TestEngineRetriesTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.host.Fail(errors.New("no buffer space available"))
		a.run(nil, groupOf(5, 255))
		wait(3 * time.Second)
		s := a.status("outside")
		if s.State != vrrp.Master || s.HoldsAddresses || s.HostError != "no buffer space available" {
			t.Errorf("%+v", s)
		}
		a.host.Fail(nil)
		wait(time.Second)
		if s := a.status("outside"); !s.HoldsAddresses || s.HostError != "" {
			t.Errorf("%+v", s)
		}
		if len(a.host.Announced()) == 0 {
			t.Error("not announced")
		}
		// A host that does not let go keeps Stop waiting for so long only.
		a.host.Fail(errors.New("no buffer space available"))
		a.engine.Stop()
		wait(5 * time.Second)
		<-a.ended
		if a.err == nil {
			t.Error("no error")
		}
	})
}

// Renewals hang on the loop: the addresses of one that stands still go.
func TestEngineStarvedLosesTheAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNode(t, newWires(1), 5)
		a.run(nil, groupOf(5, 150))
		wait(60 * time.Second)
		a.holds(true)
		a.conn.Freeze(true)
		wait(6 * time.Second)
		a.holds(false)
		a.moved()
		a.conn.Freeze(false)
		a.host.Announced()
		wait(time.Second)
		a.holds(false) // it listens before it speaks
		wait(time.Second)
		a.holds(true)
		if len(a.host.Announced()) == 0 {
			t.Error("not announced again")
		}
		a.wantMoved("master>backup stalled", "backup>master timeout")
		a.kill()
	})
}

// The result of an older wish says nothing about the newest one: a group that
// stops while its addresses are still being added waits until they are gone.
func TestEngineStopsWhileAdding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNode(t, newWires(1), 5)
		c := groupOf(5, 255)
		c.Routers[0].Interval, c.Routers[1].Interval = 10*time.Millisecond, 10*time.Millisecond
		a.host.Slow(300 * time.Millisecond)
		a.run(nil, c)
		wait(250 * time.Millisecond)
		a.engine.Stop() // lets go after 20 ms, 30 ms before the first Set is through
		<-a.ended
		if a.err != nil {
			t.Error(a.err)
		}
		if a.host.String() != "" {
			t.Errorf("left behind:\n%s", a.host)
		}
	})
}

// Letting go is tried again soon, not left to the lease.
func TestEngineRetriesLettingGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, groupOf(5, 100))
		wait(5 * time.Second)
		a.holds(true)
		a.host.Fail(errors.New("no buffer space available"))
		b.run(nil, groupOf(6, 150))
		wait(3600 * time.Millisecond)
		b.holds(true)
		a.holds(true)
		a.host.Fail(nil)
		wait(900 * time.Millisecond) // the lease runs for another half second
		a.holds(false)
		a.kill()
		b.kill()
	})
}

// What may have another place in the network is announced again, by a master, at
// once, and not by a backup.
func TestEngineAnnouncesWhatMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, groupOf(5, 150))
		b.run(nil, groupOf(6, 100))
		wait(10 * time.Second)
		a.host.Announced()
		b.host.Announced()
		for _, n := range []*node{a, b} {
			links := n.up()
			links[1].Moved = 1 // eth2
			n.engine.SetLinks(links)
		}
		start := vrrptest.Now()
		wait(10 * time.Second)
		var got []time.Duration
		for _, x := range a.host.Announced() {
			if x.Interface != "eth2" || x.Address != outsideVIP {
				t.Errorf("announced %v on %s", x.Address, x.Interface)
			}
			got = append(got, x.At.Sub(start))
		}
		if want := []time.Duration{0, 50 * time.Millisecond, time.Second}; !slices.Equal(got, want) {
			t.Errorf("announced after %v, want %v", got, want)
		}
		if got := b.host.Announced(); len(got) != 0 {
			t.Errorf("the backup announced %v", got)
		}
		links := a.up()
		links[1].Moved = 1
		a.engine.SetLinks(links) // no news
		wait(time.Second)
		if got := a.host.Announced(); len(got) != 0 {
			t.Errorf("announced %v again", got)
		}
		a.kill()
		b.kill()
	})
}

// A master that is outbid answers for its addresses until the new one has had the
// time to put his up, and never announces them meanwhile.
func TestEngineLetsGoAMomentLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, groupOf(5, 100))
		wait(5 * time.Second)
		a.host.Announced()
		b.host.Slow(30 * time.Millisecond)
		b.run(nil, groupOf(6, 150))
		for held := true; held; wait(time.Millisecond) {
			now := a.host.Has(outsideVIP)
			if held && !now && !b.host.Has(outsideVIP) {
				t.Error("for a moment nobody had the address")
			}
			held = now
		}
		b.holds(true)
		a.holds(false)
		if n := len(a.host.Announced()); n > 0 {
			t.Errorf("announced %d times while letting go", n)
		}
		a.kill()
		b.kill()
	})
}

// Who takes over from a fellow that serves says so at once, and claims the addresses a
// moment later: the fellow has them until then and is told of as ever. Where the one
// before is not known, or silent, or the switches have learned from the first advert
// where the virtual MAC address is, nothing is waited for.
func TestEngineClaimsAMomentLater(t *testing.T) {
	fellow := func(c vrrp.GroupConfig) vrrp.GroupConfig {
		c.Routers[1].Fellows = []vrrp.Fellow{{Source: netip.MustParseAddr("192.168.33.5"), Full: 100}}
		return c
	}
	virtualMAC := func(c vrrp.GroupConfig) vrrp.GroupConfig {
		c = fellow(c)
		for i := range c.Routers {
			c.Routers[i].VirtualMAC = true
		}
		return c
	}
	preempts := func(_, b *node, c vrrp.GroupConfig) { b.run(nil, c) }
	dies := func(a, b *node, c vrrp.GroupConfig) {
		b.run(nil, c)
		wait(2100 * time.Millisecond)
		a.kill()
	}
	follows := func(a, b *node, c vrrp.GroupConfig) {
		c.Priority = 50
		b.run(nil, c)
		wait(2 * time.Second)
		a.engine.Stop()
	}
	for name, c := range map[string]struct {
		config func(vrrp.GroupConfig) vrrp.GroupConfig
		do     func(a, b *node, c vrrp.GroupConfig)
		later  time.Duration
	}{
		"a fellow is preempted":           {fellow, preempts, 25 * time.Millisecond},
		"a fellow resigns":                {fellow, follows, 25 * time.Millisecond},
		"a fellow dies meanwhile":         {fellow, dies, 0},
		"a stranger is preempted":         {func(c vrrp.GroupConfig) vrrp.GroupConfig { return c }, preempts, 0},
		"the virtual MAC address is used": {virtualMAC, preempts, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWires(1)
				a, b := newNode(t, w, 5), newNode(t, w, 6)
				a.run(nil, groupOf(5, 100))
				wait(5 * time.Second)
				a.holds(true)
				c.do(a, b, c.config(groupOf(6, 150)))
				for !b.host.Has(outsideVIP) {
					wait(time.Millisecond)
				}
				held := vrrptest.Now()
				wait(200 * time.Millisecond)
				b.mu.Lock()
				last := b.transitions[len(b.transitions)-1]
				b.mu.Unlock()
				if got := held.Sub(last.At).Truncate(5 * time.Millisecond); last.To != vrrp.Master || got != c.later {
					t.Errorf("%s>%s (%s), and %v later the addresses, want %v", last.From, last.To, last.Cause.Kind, got, c.later)
				}
				if said := b.host.Announced(); len(said) == 0 || held.Sub(said[0].At) > 2*time.Millisecond {
					t.Errorf("announced %d times", len(said))
				}
				a.kill()
				b.kill()
			})
		})
	}
}

// Clients that believe another master are told at once, and again a moment later,
// also when the winner's own burst has just passed its first rounds and the next is
// far.
func TestEngineAnnouncesOverAnotherMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		fast := func(c vrrp.GroupConfig) vrrp.GroupConfig {
			c.Routers[0].Interval, c.Routers[1].Interval = 10*time.Millisecond, 10*time.Millisecond
			return c
		}
		parted := func(parts ...[]string) {
			w.outside.Partition(parts...)
			w.inside.Partition(parts...)
		}
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		b.run(nil, fast(groupOf(6, 100)))
		wait(time.Second)
		b.holds(true)
		a.run(nil, fast(groupOf(5, 150)))
		var first vrrp.Instant
		for said := a.host.Announced(); len(said) == 0; said = a.host.Announced() {
			wait(time.Millisecond)
			first = vrrptest.Now()
		}
		wait(60 * time.Millisecond) // the next round is 1 s after the first
		parted([]string{"n5"})
		wait(80 * time.Millisecond)
		b.holds(true)
		if len(b.host.Announced()) == 0 {
			t.Fatal("the other one did not announce")
		}
		a.host.Announced()
		parted()
		healed := vrrptest.Now()
		wait(200 * time.Millisecond)
		var got []time.Duration
		for _, x := range a.host.Announced() {
			if x.Address == outsideVIP {
				got = append(got, x.At.Sub(healed).Truncate(10*time.Millisecond))
			}
		}
		if want := []time.Duration{0, 50 * time.Millisecond}; !slices.Equal(got, want) {
			t.Errorf("announced %v after the other one was heard, want %v (first %v before)", got, want, healed.Sub(first))
		}
		b.holds(false)
		a.holds(true)
		a.kill()
		b.kill()
	})
}

// A neighbour that does not hear us, and is master too, is announced over for as long
// as it goes on, without a storm: an advert of its each 10 ms causes a burst a second.
func TestEngineAnnouncesOverTheDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		for _, n := range []*node{a, b} {
			c := groupOf(n.last, 100+50*(6-n.last))
			c.Routers[0].Interval, c.Routers[1].Interval = 10*time.Millisecond, 10*time.Millisecond
			n.run(nil, c)
		}
		wait(10 * time.Second)
		a.holds(true)
		a.host.Announced()
		for _, s := range []*vrrptest.Segment{w.outside, w.inside} {
			s.Disturb("n5", vrrptest.Faults{Loss: 1})
		}
		wait(20 * time.Second)
		a.holds(true)
		b.holds(true) // nothing else can be known where it is
		rounds, last := 0, vrrp.Instant(0)
		for _, x := range a.host.Announced() {
			if x.Address == outsideVIP {
				rounds, last = rounds+1, x.At
			}
		}
		if rounds < 20 || rounds > 90 || vrrptest.Now().Sub(last) > 2*time.Second {
			t.Errorf("%d rounds in 20 s, the last %v ago", rounds, vrrptest.Now().Sub(last))
		}
		a.kill()
		b.kill()
	})
}
