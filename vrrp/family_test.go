package vrrp_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
	"failover/vrrp/vrrptest"
)

var (
	group6   = netip.MustParseAddr("ff02::12")
	inside6  = netip.MustParseAddr("2001:db8::90")
	outsideA = []netip.Addr{outsideVIP}
)

// A pair that speaks version 2 on one side and IPv6 on the other elects, moves
// both and hands over as any other does.
func TestEngineBothVersionsBothFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, mixedOf(5, 150))
		b.run(nil, mixedOf(6, 100))
		wait(5 * time.Second)
		a.wantMoved("init>backup started", "backup>master timeout")
		b.wantMoved("init>backup started")
		want := "eth2 inet 172.20.10.4/28 scope global proto 0xf0\n" +
			"eth1 inet6 fe80::200:5eff:fe00:234/64 scope link proto 0xf0\n" +
			"eth1 inet6 2001:db8::90/64 scope global proto 0xf0\n"
		if got := a.host.String(); got != want {
			t.Errorf("the master has\n%swant\n%s", got, want)
		}
		s := b.status("inside")
		if s.Version != 3 || s.MasterAddress != linkLocal(5) || s.Source != linkLocal(6) || len(s.AdvertsRejected) > 0 {
			t.Errorf("%+v", s)
		}
		if s := b.status("outside"); s.Version != 2 || s.MasterPriority != 150 || len(s.AdvertsRejected) > 0 || len(s.Mismatches) > 0 {
			t.Errorf("%+v", s)
		}
		a.engine.Stop()
		<-a.ended
		b.wantMoved("backup>master priority-zero")
		if !b.host.Has(inside6) || !b.host.Has(outsideVIP) || a.host.String() != "" {
			t.Errorf("after the hand-over\n%s%s", a.host, b.host)
		}
		b.kill()
	})
}

// Both families on one interface, under one VRID.
func TestEngineOneVRIDTwoFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		config := func(last, priority uint8) vrrp.GroupConfig {
			c := groupOf(last, priority)
			four := c.Routers[1]
			six := mixedOf(last, priority).Routers[1]
			six.Name = "inside6"
			c.Routers = []vrrp.RouterConfig{four, six}
			return c
		}
		a.run(nil, config(5, 150))
		b.run(nil, config(6, 100))
		wait(5 * time.Second)
		for _, name := range []string{"inside", "inside6"} {
			if s := b.status(name); s.AdvertsReceived == 0 || len(s.AdvertsRejected)+len(s.Mismatches) > 0 {
				t.Errorf("%+v", s)
			}
		}
		// One of the families goes, its port with it.
		c := config(6, 100)
		c.Routers = c.Routers[:1]
		b.engine.Configure([]vrrp.GroupConfig{c}, nil)
		synctest.Wait()
		b.conn.Inject(vrrp.Packet{Interface: "eth1", Src: linkLocal(5), Dst: group6, TTL: 255, Payload: []byte{0x31, 52}})
		synctest.Wait()
		b.wantMoved("init>backup started")
		got, err := b.engine.Unmatched(t.Context())
		if err != nil || got["eth1"]["length"] != 1 {
			t.Errorf("%v, %v", got, err)
		}
		a.kill()
		b.kill()
	})
}

// heard6 is an advert of fe80::6 for the router inside of mixedOf.
func heard6(change func(*vrrp.Advert, *vrrp.Packet)) vrrp.Packet {
	a := vrrp.Advert{VRID: 52, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{virtualLinkLocal.Addr(), inside6}}
	p := vrrp.Packet{Interface: "eth1", Src: linkLocal(6), Dst: group6, TTL: 255}
	if change != nil {
		change(&a, &p)
	}
	p.Payload = append(a.Append(nil, p.Src, p.Dst), p.Payload...)
	return p
}

// heard2 is an advert of version 2 for the router outside of mixedOf.
func heard2(change func(*vrrp.Advert, *vrrp.Packet)) vrrp.Packet {
	return advertOf(func(a *vrrp.Advert, p *vrrp.Packet) {
		a.Version, a.Auth.Type = vrrp.Version2, vrrp.AuthPassword
		copy(a.Auth.Data[:], "secret")
		if change != nil {
			change(a, p)
		}
	})
}

// stillAlive are the reasons to discard what an alive master of our addresses
// sends.
var stillAlive = []vrrp.Reject{vrrp.RejectVersion, vrrp.RejectAuthType, vrrp.RejectAuth, vrrp.RejectV2Interval}

// RFC 3768 section 7.1 and, for IPv6, RFC 9568 section 7.1.
func TestRFC3768Section7_1Receive(t *testing.T) {
	type change = func(*vrrp.Advert, *vrrp.Packet)
	two := func(f change) (string, vrrp.Packet) { return "outside", heard2(f) }
	six := func(f change) (string, vrrp.Packet) { return "inside", heard6(f) }
	for _, tt := range []struct {
		name string
		make func(change) (string, vrrp.Packet)
		f    change
		want vrrp.Reject
	}{
		{"version 2 accepted", two, nil, ""},
		{"version 2 with other addresses accepted", two, func(a *vrrp.Advert, _ *vrrp.Packet) { a.Addresses = []netip.Addr{insideVIP} }, ""},
		{"MUST verify that the IP TTL is 255", two, func(_ *vrrp.Advert, p *vrrp.Packet) { p.TTL = 64 }, vrrp.RejectTTL},
		{"MUST verify the VRRP version is 2", two, func(a *vrrp.Advert, _ *vrrp.Packet) { a.Version = 3 }, vrrp.RejectVersion},
		{"MUST verify that the Auth Type matches: none", two, func(a *vrrp.Advert, _ *vrrp.Packet) { a.Auth = vrrp.Auth{} }, vrrp.RejectAuthType},
		{"MUST verify that the Auth Type matches: unknown", two, func(a *vrrp.Advert, _ *vrrp.Packet) { a.Auth.Type = 2 }, vrrp.RejectAuthType},
		{"and perform that authentication method", two, func(a *vrrp.Advert, _ *vrrp.Packet) { a.Auth.Data[7] = 'x' }, vrrp.RejectAuth},
		{"MUST verify that the Adver Interval is the same", two, func(a *vrrp.Advert, _ *vrrp.Packet) { a.Interval = 2 * time.Second }, vrrp.RejectV2Interval},
		{"unicast to a multicast router", two, func(_ *vrrp.Advert, p *vrrp.Packet) { p.Dst = netip.MustParseAddr("172.20.10.5") }, vrrp.RejectDestination},
		{"IPv6 accepted", six, nil, ""},
		{"MUST verify that the IPv6 Hop Limit is 255", six, func(_ *vrrp.Advert, p *vrrp.Packet) { p.TTL = 254 }, vrrp.RejectTTL},
		{"IPv6, our own source address", six, func(_ *vrrp.Advert, p *vrrp.Packet) { p.Src = linkLocal(5) }, vrrp.RejectOwn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, newWires(1), 5)
				n.run(nil, mixedOf(5, 150))
				router, packet := tt.make(tt.f)
				n.conn.Inject(packet)
				synctest.Wait()
				s := n.status(router)
				if accepted := s.AdvertsReceived == 1; accepted != (tt.want == "") {
					t.Errorf("received %d", s.AdvertsReceived)
				}
				if alive := s.MasterSeen != 0; alive != (tt.want == "" || slices.Contains(stillAlive, tt.want)) {
					t.Errorf("a master was seen: %v", alive)
				}
				if tt.want != "" && !maps.Equal(s.AdvertsRejected, map[string]uint64{string(tt.want): 1}) {
					t.Errorf("rejected %v, want %v", s.AdvertsRejected, tt.want)
				}
				n.kill()
			})
		})
	}
}

// "The contents of the Authentication Data field should be set to zero on
// transmission and ignored on reception" (type 0), and the owner of RFC 3768
// section 7.1: what it hears moves neither its state nor its timers.
func TestRFC3768Section5_3_6NoAuthentication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		c := mixedOf(5, 150)
		c.Routers[0].Auth = ""
		n.run(nil, c)
		n.conn.Inject(heard2(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Auth.Type = vrrp.AuthNone }))
		n.conn.Inject(heard2(nil))
		synctest.Wait()
		s := n.status("outside")
		if s.AdvertsReceived != 1 || s.AdvertsRejected["auth-type"] != 1 {
			t.Errorf("received %d, rejected %v", s.AdvertsReceived, s.AdvertsRejected)
		}
		n.kill()
	})
}

// RFC 3768 section 7.2 and, for IPv6, RFC 9568 sections 5.1.2 and 5.2.9: what is
// sent, and to whom.
func TestRFC3768Section7_2Transmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		n := newNode(t, w, 5)
		ear := vrrptest.NewConn("ear")
		ear.Plug("out", w.outside, netip.MustParseAddr("172.20.10.9"))
		ear.Plug("in", w.inside, linkLocal(9))
		for _, p := range []vrrp.Port{{Interface: "out", Multicast: true}, {Interface: "in", IPv6: true, Multicast: true}} {
			if err := ear.Open(p); err != nil {
				t.Fatal(err)
			}
		}
		n.run(nil, mixedOf(5, 255))
		var got []string
		for range 2 {
			var p vrrp.Packet
			if _, ok, err := ear.Recv(vrrptest.Now(), &p); !ok || err != nil {
				t.Fatal(ok, err)
			}
			var a vrrp.Advert
			rest, err := a.Parse(p.Payload, p.Src, p.Dst)
			if err != nil || len(rest) > 0 {
				t.Fatalf("%v, %d trailing", err, len(rest))
			}
			got = append(got, fmt.Sprintf("%v>%v v%d vrid %d prio %d every %v auth %d %q %v",
				p.Src, p.Dst, a.Version, a.VRID, a.Priority, a.Interval, a.Auth.Type, a.Auth.Data, a.Addresses))
		}
		want := []string{
			`172.20.10.5>224.0.0.18 v2 vrid 51 prio 255 every 1s auth 1 "secret\x00\x00" [172.20.10.4]`,
			`fe80::5>ff02::12 v3 vrid 52 prio 255 every 1s auth 0 "\x00\x00\x00\x00\x00\x00\x00\x00" [fe80::200:5eff:fe00:234 2001:db8::90]`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("sent\n%q, want\n%q", got, want)
		}
		n.kill()
	})
}
