package vrrp_test

import (
	"maps"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
	"failover/vrrp/vrrptest"
)

var group4 = netip.MustParseAddr("224.0.0.18")

// advertOf makes a packet as the neighbour 172.20.10.6 would send it.
func advertOf(change func(*vrrp.Advert, *vrrp.Packet)) vrrp.Packet {
	a := vrrp.Advert{VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{outsideVIP}, Checksum: vrrp.ChecksumRFC5798}
	p := vrrp.Packet{Interface: "eth2", Src: netip.MustParseAddr("172.20.10.6"), Dst: group4, TTL: 255}
	if change != nil {
		change(&a, &p)
	}
	p.Payload = append(a.Append(nil, p.Src, p.Dst), p.Payload...)
	return p
}

// RFC 9568 section 7.1. What is discarded neither touches the election nor is
// lost: it is counted by router and reason.
func TestRFC9568Section7_1Receive(t *testing.T) {
	raw := func(f func([]byte) []byte) vrrp.Packet {
		p := advertOf(nil)
		p.Payload = f(p.Payload)
		return p
	}
	for _, tt := range []struct {
		name   string
		packet vrrp.Packet
		want   vrrp.Reject
	}{
		{"accepted", advertOf(nil), ""},
		{"accepted, message-only checksum", advertOf(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Checksum = vrrp.ChecksumRFC9568 }), ""},
		{"accepted, other addresses", advertOf(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Addresses = []netip.Addr{insideVIP} }), ""},
		{"accepted, other interval", advertOf(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Interval = 2 * time.Second }), ""},
		{"accepted, trailing bytes", advertOf(func(_ *vrrp.Advert, p *vrrp.Packet) { p.Payload = []byte{0, 0} }), ""},
		{"MUST verify that the IPv4 TTL is 255", advertOf(func(_ *vrrp.Advert, p *vrrp.Packet) { p.TTL = 254 }), vrrp.RejectTTL},
		{"MUST verify that the VRRP version is 3", raw(func(b []byte) []byte { b[0] = 0x21; return b }), vrrp.RejectVersion},
		{"MUST verify that the VRRP packet type is 1", raw(func(b []byte) []byte { b[0] = 0x32; return b }), vrrp.RejectType},
		{"MUST verify that the packet is complete", raw(func(b []byte) []byte { return b[:11] }), vrrp.RejectLength},
		{"MUST verify the VRRP checksum", raw(func(b []byte) []byte { b[2]++; return b }), vrrp.RejectChecksum},
		{"our own source address", advertOf(func(_ *vrrp.Advert, p *vrrp.Packet) { p.Src = netip.MustParseAddr("172.20.10.5") }), vrrp.RejectOwn},
		{"unicast to a multicast router", advertOf(func(_ *vrrp.Advert, p *vrrp.Packet) { p.Dst = netip.MustParseAddr("172.20.10.5") }), vrrp.RejectDestination},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, newWires(1), 5)
				n.run(nil, groupOf(5, 150))
				n.conn.Inject(tt.packet)
				synctest.Wait()
				s := n.status("outside")
				if heard := s.MasterSeen != 0; heard != (tt.want == "") || heard != (s.AdvertsReceived == 1) {
					t.Errorf("received %d, master seen %v", s.AdvertsReceived, s.MasterSeen)
				}
				want := map[string]uint64{string(tt.want): 1}
				if tt.want == "" {
					want = nil
				}
				if !maps.Equal(s.AdvertsRejected, want) {
					t.Errorf("rejected %v, want %v", s.AdvertsRejected, want)
				}
				n.kill()
			})
		})
	}
}

// "MUST verify that the VRID is configured on the receiving interface" (erratum
// 8298); there is no router to count that for.
func TestRFC9568Section7_1UnknownVRID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		n.run(nil, groupOf(5, 150))
		n.conn.Inject(advertOf(func(a *vrrp.Advert, _ *vrrp.Packet) { a.VRID = 50 }))
		n.conn.Inject(advertOf(func(_ *vrrp.Advert, p *vrrp.Packet) { p.Interface = "eth1" })) // 51 is eth2's
		n.conn.Inject(vrrp.Packet{Interface: "eth2", TTL: 255, Payload: []byte{0x31}})
		synctest.Wait()
		got, err := n.engine.Unmatched(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got["eth2"]["unknown-vrid"] != 1 || got["eth1"]["unknown-vrid"] != 1 || got["eth2"]["length"] != 1 {
			t.Errorf("%v", got)
		}
		n.kill()
	})
}

// "A receiver SHOULD also verify that the Max Advertise Interval matches; MAY also
// verify the addresses": oddities are counted, and the advert stands.
func TestRFC9568Section7_1Mismatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		c := groupOf(5, 255)
		c.Routers[0].Addresses = append(c.Routers[0].Addresses, vrrp.Address{Prefix: netip.MustParsePrefix("172.20.10.9/28")})
		n.run(nil, c)
		other := netip.MustParseAddr("172.20.10.9")
		for range 2 {
			n.conn.Inject(advertOf(func(a *vrrp.Advert, p *vrrp.Packet) {
				a.Addresses = []netip.Addr{other, outsideVIP} // another order is fine
				a.Interval, a.Priority, a.Checksum = 3*time.Second, 255, vrrp.ChecksumRFC9568
				p.Payload = []byte("trailer")
			}))
		}
		n.conn.Inject(advertOf(nil))
		synctest.Wait()
		want := map[string]uint64{"interval": 2, "checksum": 2, "trailing": 2, "owner": 2, "address-list": 1}
		if s := n.status("outside"); !maps.Equal(s.Mismatches, want) || s.AdvertsReceived != 3 {
			t.Errorf("%v, received %d", s.Mismatches, s.AdvertsReceived)
		}
		n.kill()
	})
}

// RFC 9568 section 7.2: the fields of the configuration, the checksum, the
// interface's address, the group.
func TestRFC9568Section7_2Transmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		n := newNode(t, w, 5)
		ear := vrrptest.NewConn("ear")
		ear.Plug("eth0", w.outside, netip.MustParseAddr("172.20.10.9"))
		if err := ear.Open(vrrp.Port{Interface: "eth0", Multicast: true}); err != nil {
			t.Fatal(err)
		}
		n.run(nil, groupOf(5, 255))
		var p vrrp.Packet
		if _, ok, err := ear.Recv(vrrptest.Now(), &p); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if p.Src != netip.MustParseAddr("172.20.10.5") || p.Dst != group4 {
			t.Errorf("%v > %v", p.Src, p.Dst)
		}
		var a vrrp.Advert
		if rest, err := a.Parse(p.Payload, p.Src, p.Dst); err != nil || len(rest) > 0 || a.VRID != 51 || a.Priority != 255 || a.Interval != time.Second {
			t.Errorf("%+v, %v", a, err)
		}
		n.kill()
	})
}

func unicastOf(last, priority uint8, peers ...string) vrrp.GroupConfig {
	c := groupOf(last, priority)
	c.Routers = c.Routers[:1]
	c.Routers[0].Transport = vrrp.Unicast
	for _, p := range peers {
		c.Routers[0].Peers = append(c.Routers[0].Peers, netip.MustParseAddr(p))
	}
	return c
}

func TestEngineUnicast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b, c := newNode(t, w, 5), newNode(t, w, 6), newNode(t, w, 7)
		a.run(nil, unicastOf(5, 150, "172.20.10.6"))
		b.run(nil, unicastOf(6, 100, "172.20.10.5"))
		wait(5 * time.Second)
		a.wantMoved("init>backup started", "backup>master timeout")
		b.wantMoved("init>backup started")
		// A third one that has us as a peer, but is none of ours.
		c.run(nil, unicastOf(7, 250, "172.20.10.5"))
		wait(10 * time.Second)
		a.wantMoved()
		if s := a.status("outside"); s.AdvertsRejected["source"] == 0 {
			t.Errorf("%v", s.AdvertsRejected)
		}
		// Multicast does not reach a port that has not joined; put in by force it is refused.
		a.conn.Inject(advertOf(nil))
		synctest.Wait()
		if s := a.status("outside"); s.AdvertsRejected["destination"] != 1 {
			t.Errorf("%v", s.AdvertsRejected)
		}
		for _, n := range []*node{a, b, c} {
			n.kill()
		}
	})
}

// A neighbour that floods us keeps us neither from sending our own adverts nor
// from renewing the addresses, and is not answered by a flood.
func TestEngineFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		n := newNode(t, w, 5)
		n.run(nil, groupOf(5, 150))
		wait(5 * time.Second)
		n.moved()
		before := n.status("outside").AdvertsSent
		weak := advertOf(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Priority = 50 })
		for range 10_000 { // 1 s
			n.conn.Inject(weak)
			n.conn.Inject(weak)
			time.Sleep(100 * time.Microsecond)
		}
		sent := n.status("outside").AdvertsSent - before
		if sent < 90 || sent > 102 {
			t.Errorf("%d adverts sent", sent)
		}
		n.wantMoved()
		n.holds(true)
		n.kill()
	})
}
