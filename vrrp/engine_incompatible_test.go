package vrrp_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
)

// unlike are ways to be configured unlike groupOf.
var unlike = []struct {
	name   string
	change func(c *vrrp.RouterConfig)
}{
	{"version", func(c *vrrp.RouterConfig) { c.Version = vrrp.Version2 }},
	{"password and version", func(c *vrrp.RouterConfig) { c.Version, c.Auth = vrrp.Version2, "secret" }},
	{"interval and version", func(c *vrrp.RouterConfig) { c.Version, c.Interval = vrrp.Version2, 3*time.Second }},
	{"addresses", func(c *vrrp.RouterConfig) {
		c.Addresses = append(c.Addresses, vrrp.Address{Prefix: netip.MustParsePrefix("172.20.10.9/28")})
	}},
	{"checksum", func(c *vrrp.RouterConfig) { c.Checksum = vrrp.ChecksumRFC9568 }},
}

// Two of us with different settings have one master, whoever starts first, after
// a partition too, and on each of the two routers.
func TestEnginesOfDifferentSettings(t *testing.T) {
	for _, u := range unlike {
		for _, policy := range []vrrp.Incompatible{vrrp.Yield, vrrp.Hold} {
			for both := range 2 {
				t.Run(u.name+" "+string(policy), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWires(1)
						a, b := newNode(t, w, 5), newNode(t, w, 6)
						ca, cb := groupOf(5, 150), groupOf(6, 100)
						for i := range both + 1 {
							u.change(&cb.Routers[i])
						}
						for i := range ca.Routers {
							ca.Routers[i].Incompatible, cb.Routers[i].Incompatible = policy, policy
						}
						b.run(nil, cb) // the worse one, first
						wait(20 * time.Second)
						b.wantMoved("init>backup started", "backup>master timeout")
						a.run(nil, ca)
						wait(20 * time.Second)
						one(t, a, b)
						w.outside.Partition([]string{"n5"})
						w.inside.Partition([]string{"n5"})
						wait(20 * time.Second)
						a.holds(true)
						b.holds(true)
						w.outside.Partition()
						w.inside.Partition()
						wait(12 * time.Second) // an advert of 3 s, and its announcements
						one(t, a, b)
						a.holds(true)
						a.host.Announced()
						wait(time.Minute)
						a.engine.Stop()
						<-a.ended
						b.holds(true)
						b.kill()
					})
				})
			}
		}
	}
}

// one tells that one of two nodes is master and holds the addresses, and the
// other does not.
func one(t *testing.T, a, b *node) {
	t.Helper()
	synctest.Wait()
	m, n := a, b
	if b.status("outside").State == vrrp.Master {
		m, n = b, a
	}
	if m.status("outside").State != vrrp.Master || n.status("outside").State != vrrp.Backup {
		t.Fatalf("%s is %s, %s is %s", a.name, a.status("outside").State, b.name, b.status("outside").State)
	}
	m.holds(true)
	n.holds(false)
}

// What goes on beside a master is told, and what the mastership was left to.
func TestNeighbourThatGoesOnIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		c := groupOf(5, 255)
		n.run(nil, c)
		goOn := func(change func(*vrrp.Advert, *vrrp.Packet)) vrrp.Neighbour {
			for range 6 {
				n.conn.Inject(advertOf(change))
				wait(time.Second)
			}
			return n.status("outside").Neighbours[0]
		}
		low := func(a *vrrp.Advert, _ *vrrp.Packet) { a.Priority = 100 }
		if got := goOn(low); !got.GoesOn || got.Left {
			t.Errorf("beside an owner: %+v", got)
		}
		wait(10 * time.Second)
		if got := n.status("outside").Neighbours[0]; got.GoesOn {
			t.Errorf("silent: %+v", got)
		}
		c = groupOf(5, 150)
		n.engine.Configure([]vrrp.GroupConfig{c}, nil)
		old := func(a *vrrp.Advert, p *vrrp.Packet) { a.Priority, a.Version = 100, vrrp.Version2 }
		if got := goOn(old); got.GoesOn || !got.Left {
			t.Errorf("left: %+v", got)
		}
		n.wantMoved("init>master owner", "master>backup incompatible")
		foreign := func(a *vrrp.Advert, p *vrrp.Packet) { old(a, p); a.Addresses = []netip.Addr{insideVIP} }
		if got := goOn(foreign); got.Left || got.Rejected == "" {
			t.Errorf("without our addresses: %+v", got)
		}
		n.wantMoved("backup>master timeout")
		n.kill()
	})
}

// A change of both files, one director after the other, moves nothing: in between
// each discards the other's adverts, and the backup follows its master all the
// same.
func TestRollingChange(t *testing.T) {
	for _, u := range unlike {
		for _, first := range []int{0, 1} {
			t.Run(u.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWires(1)
					nodes := []*node{newNode(t, w, 5), newNode(t, w, 6)}
					configs := []vrrp.GroupConfig{groupOf(5, 150), groupOf(6, 100)}
					for i, n := range nodes {
						n.run(nil, configs[i])
					}
					wait(10 * time.Second)
					nodes[0].moved()
					nodes[1].moved()
					for _, i := range []int{first, 1 - first} {
						c := configs[i]
						c.Routers = append([]vrrp.RouterConfig(nil), c.Routers...)
						for j := range c.Routers {
							u.change(&c.Routers[j])
						}
						nodes[i].engine.Configure([]vrrp.GroupConfig{c}, nil)
						wait(20 * time.Second)
						nodes[0].holds(true)
						nodes[1].holds(false)
					}
					nodes[0].wantMoved()
					nodes[1].wantMoved()
					for _, n := range nodes {
						n.kill()
					}
				})
			})
		}
	}
}
