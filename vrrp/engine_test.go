package vrrp_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
)

func TestEngineElectsAndHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, groupOf(5, 150))
		b.run(nil, groupOf(6, 100))
		wait(5 * time.Second)
		a.wantMoved("init>backup started", "backup>master timeout")
		b.wantMoved("init>backup started")
		a.holds(true)
		b.holds(false)

		// Stop: priority 0, then bridging until the successor speaks, and a moment
		// longer, for he speaks before he has the addresses; then off.
		a.engine.Stop()
		wait(600 * time.Millisecond)
		a.holds(true)
		b.holds(false)
		wait(10 * time.Millisecond)
		a.holds(true)
		b.holds(true)
		wait(60 * time.Millisecond)
		a.holds(false)
		<-a.ended
		if a.err != nil {
			t.Error(a.err)
		}
		a.wantMoved("master>init stopped")
		b.wantMoved("backup>master priority-zero")
		b.kill()
	})
}

func TestEngineKilledLeavesTheAddressesToTheirLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.run(nil, groupOf(5, 150))
		wait(4500 * time.Millisecond)
		a.holds(true)
		a.kill()
		if !errors.Is(a.err, context.Canceled) {
			t.Error(a.err)
		}
		wait(3900 * time.Millisecond)
		a.holds(true)
		wait(1100 * time.Millisecond)
		a.holds(false)
	})
}

func TestEngineRestartAdopts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, groupOf(5, 150))
		b.run(nil, groupOf(6, 100))
		wait(10 * time.Second)
		a.kill()
		a.moved()
		b.moved()
		wait(900 * time.Millisecond)
		a.run(a.kept(), groupOf(5, 150))
		a.wantMoved("init>master adopted")
		a.holds(true)
		wait(10 * time.Second)
		b.wantMoved()

		a.kill()
		wait(2 * time.Second)
		a.run(a.kept(), groupOf(5, 150)) // too late: it starts as anybody, but the addresses stay
		a.wantMoved("init>backup started")
		a.holds(true)
		wait(1700 * time.Millisecond)
		b.wantMoved("backup>master timeout")
		a.holds(false) // a moment after its first advert
		a.kill()
		b.kill()
	})
}

// Nobody is there to take over: what was never taken off is renewed and announced.
func TestEngineRestartBridges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNode(t, newWires(1), 5)
		a.run(nil, groupOf(5, 150))
		wait(10 * time.Second)
		a.kill()
		a.moved()
		wait(2500 * time.Millisecond)
		a.run(a.kept(), groupOf(5, 150))
		for range 60 {
			a.holds(true)
			wait(100 * time.Millisecond)
		}
		a.wantMoved("init>backup started", "backup>master timeout")
		wait(10 * time.Second)
		a.holds(true)
		a.kill()
	})
}

func TestEngineFrozenMasterReadsBeforeItBelieves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, groupOf(5, 100))
		b.run(nil, groupOf(6, 150))
		wait(5 * time.Second)
		b.holds(true)
		a.moved()
		a.conn.Freeze(true) // for so long that its timer runs out
		wait(10 * time.Second)
		a.conn.Freeze(false)
		wait(time.Second)
		a.wantMoved()
		if s := a.status("outside"); s.State != vrrp.Backup {
			t.Errorf("%s", s.State)
		}
		// A master that slept finds that another one took over, and is its backup, with
		// a word that makes that one announce again. Then it preempts it.
		b.moved()
		b.conn.Freeze(true)
		wait(20 * time.Second)
		a.wantMoved("backup>master timeout")
		b.holds(false) // the lease: nobody renewed it
		a.host.Announced()
		b.conn.Freeze(false)
		wait(time.Second)
		b.wantMoved("master>backup stalled")
		a.wantMoved()
		a.holds(true)
		if len(a.host.Announced()) == 0 {
			t.Error("the one that took over does not announce again")
		}
		wait(3 * time.Second)
		b.wantMoved("backup>master preempt")
		a.wantMoved("master>backup higher-priority")
		b.holds(true)
		if s := b.status("outside"); s.LateWakeups != 1 {
			t.Errorf("%d late wakeups", s.LateWakeups)
		}
		a.kill()
		b.kill()
	})
}

// The advert that counts need not be the first one that waits.
func TestEngineReadsEverythingBeforeItBelieves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		b.run(nil, groupOf(6, 150))
		wait(5 * time.Second)
		a.run(nil, groupOf(5, 100))
		wait(5 * time.Second)
		a.conn.Freeze(true)
		for range 100 {
			a.conn.Inject(vrrp.Packet{Interface: "eth2", TTL: 1})
		}
		wait(3700 * time.Millisecond) // the timer ran out, by less than an interval
		a.conn.Freeze(false)
		wait(time.Second)
		a.wantMoved("init>backup started")
		b.wantMoved("init>backup started", "backup>master timeout")
		a.kill()
		b.kill()
	})
}

func TestEngineLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.conn.Refuse("eth1", errors.New("vrrp: join 224.0.0.18 on eth1: no buffer space available"))
		a.run(nil, groupOf(5, 150))
		a.wantMoved("init>fault interface")
		if s := a.status("inside"); s.Cause.Detail != "vrrp: join 224.0.0.18 on eth1: no buffer space available" {
			t.Errorf("%+v", s.Cause)
		}
		a.conn.Refuse("eth1", nil)
		wait(time.Second) // it is tried again
		a.wantMoved("fault>backup recovered")
		wait(5 * time.Second)
		a.wantMoved("backup>master timeout")
		a.holds(true)
		a.engine.SetLinks([]vrrp.Link{{Name: "eth2", Index: 3, Up: true}})
		a.wantMoved("master>fault interface")
		a.holds(false)
		a.engine.SetLinks([]vrrp.Link{{Name: "eth2"}})
		a.wantMoved()
		a.engine.SetLinks(a.up())
		a.wantMoved("fault>backup recovered")
		a.kill()
	})
}

func TestEngineReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		c := groupOf(5, 150)
		a.run(nil, c)
		wait(5 * time.Second)
		a.moved()
		// Another address: added and announced, the role stays.
		c = groupOf(5, 150)
		c.Routers[0].Addresses = append(c.Routers[0].Addresses, vrrp.Address{Prefix: netip.MustParsePrefix("172.20.10.9/28")})
		a.host.Announced()
		a.engine.Configure([]vrrp.GroupConfig{c}, nil)
		synctest.Wait()
		if !a.host.Has(netip.MustParseAddr("172.20.10.9")) || len(a.host.Announced()) == 0 {
			t.Errorf("after the reload:\n%s", a.host)
		}
		// A member goes: its address goes at once.
		c.Routers = c.Routers[:1]
		a.engine.Configure([]vrrp.GroupConfig{c}, nil)
		synctest.Wait()
		if a.host.Has(insideVIP) || !a.host.Has(outsideVIP) {
			t.Errorf("after the second reload:\n%s", a.host)
		}
		a.wantMoved()
		// The group goes: it hands over, and is forgotten.
		a.engine.Configure(nil, nil)
		a.wantMoved("master>init configuration")
		if s := a.status("outside"); s.State != vrrp.Init || !s.HoldsAddresses || s.EffectivePriority != 0 {
			t.Errorf("%+v", s)
		}
		wait(2 * time.Second)
		if s, err := a.engine.Status(t.Context()); err != nil || len(s) != 0 {
			t.Errorf("%v, %v", s, err)
		}
		if a.host.String() != "" {
			t.Errorf("left behind:\n%s", a.host)
		}
		a.kill()
	})
}

// A group that is taken away and given back before it has handed over.
func TestEngineReloadBackAndForth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		c := groupOf(5, 150)
		a.run(nil, c)
		wait(5 * time.Second)
		a.moved()
		a.engine.Configure(nil, nil)
		wait(100 * time.Millisecond)
		a.engine.Configure([]vrrp.GroupConfig{c}, nil)
		wait(10 * time.Second)
		a.wantMoved("master>init configuration", "init>backup started", "backup>master timeout")
		a.holds(true)
		a.engine.Stop()
		<-a.ended
		a.holds(false)
	})
}

func TestEngineStatusAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNode(t, newWires(1), 5)
		a.run(nil, groupOf(5, 150))
		broken := errors.New("broken")
		a.conn.Fail(broken)
		<-a.ended
		if !errors.Is(a.err, broken) {
			t.Error(a.err)
		}
		if _, err := a.engine.Status(t.Context()); !errors.Is(err, vrrp.ErrStopped) {
			t.Error(err)
		}
	})
}
