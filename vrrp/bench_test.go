package vrrp_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"failover/vrrp"
)

// treadmill is a Conn that delivers the same advert n times, 1 s apart, and then
// ends the run.
type treadmill struct {
	now    vrrp.Instant
	n      int
	packet vrrp.Packet
	stop   context.CancelFunc
	ready  chan struct{}
}

func (c *treadmill) Recv(deadline vrrp.Instant, p *vrrp.Packet) (vrrp.Instant, bool, error) {
	select {
	case <-c.ready:
	default:
		return c.now, false, nil // the commands of the set-up
	}
	if c.n == 0 {
		c.stop()
		return c.now, false, nil
	}
	c.n--
	c.now += vrrp.Instant(time.Second)
	*p = c.packet
	return c.now, true, nil
}

func (c *treadmill) Send(vrrp.Transmission) error { return nil }
func (c *treadmill) Open(vrrp.Port) error         { return nil }
func (c *treadmill) Close(vrrp.Port) error        { return nil }
func (c *treadmill) Wake()                        {}

type noHost struct{}

func (noHost) Set(context.Context, vrrp.Owned) (int, error) { return 0, nil }
func (noHost) Announce(context.Context, vrrp.Owned) error   { return nil }
func (noHost) Record(string, vrrp.Record)                   {}

// BenchmarkEngineAdvert is the way of one advert through the loop of a backup,
// beside 254 other routers on the interface.
func BenchmarkEngineAdvert(b *testing.B) {
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	c := &treadmill{now: vrrp.Instant(time.Hour), stop: stop, ready: make(chan struct{})}
	e := vrrp.NewEngine(vrrp.EngineConfig{Conn: c, Host: noHost{}, Recorder: noHost{}})
	var groups []vrrp.GroupConfig
	for vrid := range 255 {
		g := groupOf(5, 100)
		g.Name, g.Routers = string(rune('a'+vrid)), g.Routers[:1]
		g.Routers[0].VRID = uint8(vrid + 1)
		groups = append(groups, g)
	}
	e.SetLinks((&node{last: 5}).up())
	e.Configure(groups, nil)
	c.packet = advertOf(func(a *vrrp.Advert, _ *vrrp.Packet) { a.VRID = 200 })
	b.ReportAllocs()
	b.ResetTimer()
	c.n = b.N
	close(c.ready)
	if err := e.Run(ctx); err == nil {
		b.Fatal("ended by itself")
	}
}

// BenchmarkEngineMaster is one advert sent by the loop of a master.
func BenchmarkEngineMaster(b *testing.B) {
	src := netip.MustParseAddr("172.20.10.5")
	g := vrrp.NewGroup(groupOf(5, 255))
	now := vrrp.Instant(time.Hour)
	link := vrrp.RouterLink{Exists: true, Usable: true, Source: src}
	out := g.Step(now, vrrp.Input{Kind: vrrp.InputLinks, Links: []vrrp.RouterLink{link, link}}, nil)
	out = g.Step(now, vrrp.Input{Kind: vrrp.InputHealth, Health: vrrp.Health{Ready: true}}, out)
	out = g.Step(now, vrrp.Input{Kind: vrrp.InputStart}, out)
	b.ReportAllocs()
	for b.Loop() {
		now = g.Deadline()
		out = g.Step(now, vrrp.Input{Kind: vrrp.InputTimer}, out[:0])
	}
}
