package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// reload changes the configuration with a function, keeping the old one intact.
func (b *bench) reload(change func(*GroupConfig)) {
	b.t.Helper()
	c := b.g.Config
	c.Routers = append([]RouterConfig(nil), c.Routers...)
	change(&c)
	b.step(Input{Kind: InputConfigure, Config: c, Links: up(len(c.Routers))})
}

func TestReloadKeepsTheRole(t *testing.T) {
	address := []Address{{Prefix: netip.MustParsePrefix("172.20.10.9/28")}}
	for _, tt := range []struct {
		name   string
		change func(*GroupConfig)
		want   []string // as master
	}{
		{"nothing", func(*GroupConfig) {}, nil},
		{"priority", func(c *GroupConfig) { c.Priority = 50 }, []string{"advert outside 50", "advert inside 50"}},
		{"preempt", func(c *GroupConfig) { c.Preempt, c.PreemptDelay = false, time.Hour }, nil},
		{"interval", func(c *GroupConfig) { c.Routers[0].Interval = 5 * time.Second }, []string{"advert outside 100"}},
		{"address", func(c *GroupConfig) { c.Routers[1].Addresses = address }, []string{"advert inside 100"}},
		{"announce", func(c *GroupConfig) { c.Routers[1].Announce.Refresh = time.Minute }, []string{"advert inside 100"}},
		{"order", func(c *GroupConfig) { c.Routers[0], c.Routers[1] = c.Routers[1], c.Routers[0] }, nil},
		{"member added", func(c *GroupConfig) {
			r := c.Routers[0]
			r.Name, r.VRID = "third", 53
			c.Routers = append(c.Routers, r)
		}, []string{"advert third 100"}},
		{"member removed", func(c *GroupConfig) { c.Routers = c.Routers[:1] }, []string{"advert inside 0"}},
		{"vrid", func(c *GroupConfig) { c.Routers[1].VRID = 99 }, []string{"advert inside 0", "advert inside 100"}},
		{"interface", func(c *GroupConfig) { c.Routers[1].Interface = "eth9" }, []string{"advert inside 0", "advert inside 100"}},
		{"transport", func(c *GroupConfig) { c.Routers[1].Transport = Unicast }, []string{"advert inside 0", "advert inside 100"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newMaster(t, pair())
			b.run(500 * time.Millisecond)
			b.out = nil
			b.reload(tt.change)
			b.did(tt.want...)
			b.run(20 * time.Second)
			b.state(Master)
			b = newBench(t, pair())
			b.hearAll(above, 150)
			b.reload(tt.change)
			b.did()
			b.state(Backup)
		})
	}
}

func TestReloadResetsTheChangedMemberOnly(t *testing.T) {
	b := newBench(t, pair())
	b.run(time.Second)
	b.hear(0, above, 150, 2*time.Second)
	b.hear(1, above, 150, 2*time.Second)
	b.reload(func(c *GroupConfig) { c.Routers[1].VRID = 99 })
	if b.down(0) != MasterDownInterval(2*time.Second, 100) || b.g.Routers[0].MasterAddress != ip(above) {
		t.Errorf("kept member: timer %v, %+v", b.down(0), b.g.Routers[0])
	}
	if b.down(1) != down100 || b.g.Routers[1].MasterAddress.IsValid() {
		t.Errorf("changed member: timer %v, %+v", b.down(1), b.g.Routers[1])
	}
}

func TestReloadWithAnInterfaceThatIsMissing(t *testing.T) {
	b := newMaster(t, lone())
	c := pair()
	b.step(Input{Kind: InputConfigure, Config: c, Links: append(up(1), RouterLink{})})
	b.did("advert outside 0", "master>init interface", "release")
	b.step(Input{Kind: InputLinks, Links: up(2)})
	b.did("init>backup started")
}
