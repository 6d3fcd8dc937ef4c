package vrrp

import (
	"context"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
)

// deafConn is a Conn that takes what is sent and reads it back.
type deafConn struct {
	t    *testing.T
	sent int
}

func (c *deafConn) Recv(d Instant, _ *Packet) (Instant, bool, error) { return d, false, nil }
func (c *deafConn) Open(Port) error                                  { return nil }
func (c *deafConn) Close(Port) error                                 { return nil }
func (c *deafConn) Wake()                                            {}
func (c *deafConn) Send(m Transmission) error {
	c.sent++
	var a Advert
	if rest, err := a.Parse(m.Payload, m.Src, m.Dst); err != nil || len(rest) > 0 {
		c.t.Fatalf("our own advert % x: %v, %d bytes more", m.Payload, err, len(rest))
	}
	return nil
}

// idle is a Host that is never asked: nothing runs but what the test calls.
type idle struct{}

func (idle) Set(context.Context, Owned) (int, error) { return 0, nil }
func (idle) Announce(context.Context, Owned) error   { return nil }

// earOf is an engine that is not run, with a group for each thing that there is to
// read: version 3 and 2, IPv6, a password, unicast.
func earOf(t *testing.T) (*Engine, *deafConn) {
	conn := &deafConn{t: t}
	e := NewEngine(EngineConfig{Conn: conn, Host: idle{}})
	ended, end := context.WithCancel(context.Background())
	end()
	e.work, e.now = ended, Instant(time.Hour)
	v2, secret, v6, unicast := lone(), lone(), lone(), lone()
	v2.Name, v2.Routers[0].VRID, v2.Routers[0].Version = "v2", 52, Version2
	secret.Name, secret.Routers[0].VRID, secret.Routers[0].Version, secret.Routers[0].Auth = "secret", 53, Version2, "secret"
	v6.Name, v6.Routers[0].Source = "v6", ip("fe80::5")
	v6.Routers[0].Addresses = []Address{{Prefix: netip.MustParsePrefix("fe80::200:5eff:fe00:233/64")}}
	unicast.Name, unicast.Routers[0].VRID, unicast.Routers[0].Transport = "unicast", 54, Unicast
	unicast.Routers[0].Peers = []netip.Addr{ip(above)}
	groups := []GroupConfig{lone(), v2, secret, v6, unicast}
	e.links["eth2"] = Link{Name: "eth2", Index: 2, Up: true, Carrier: true}
	e.health = map[string]Health{}
	for _, g := range groups {
		e.health[g.Name] = Health{Ready: true}
	}
	e.configure(groups, nil)
	return e, conn
}

// packetOf makes a packet of a few bytes that choose what is around the payload,
// and which checksum is put into it: none, that of either form, or of none.
func packetOf(choice, form byte, payload []byte) Packet {
	p := Packet{Interface: "eth2", TTL: 255, Src: ip(above), Dst: group4, Payload: payload}
	switch choice & 7 {
	case 1:
		p.Src = ip(lower)
	case 2:
		p.Dst = ip(self)
	case 3:
		p.Src, p.Dst = ip("fe80::6"), group6
	case 4:
		p.Src = ip(self)
	case 5:
		p.TTL = choice
	case 6:
		p.Interface = "eth9"
	}
	if len(payload) < headerLen || form&3 == 0 {
		return p
	}
	length := headerLen + int(payload[3])*p.Src.BitLen()/8
	if payload[0]>>4 == Version2 {
		length += authLen
	}
	message := payload[:min(length, len(payload))]
	message[6], message[7] = 0, 0
	sum := uint32(0)
	if form&3 == 1 && (payload[0]>>4 != Version2) || p.Src.Is6() {
		sum = pseudoHeader(p.Src, p.Dst, len(message))
	}
	sum = uint32(^naive(message, sum))
	message[6], message[7] = byte(sum>>8), byte(sum)
	return p
}

// naive is the one's complement sum, byte by byte.
func naive(b []byte, sum uint32) uint16 {
	for i, x := range b {
		if i%2 == 0 {
			sum += uint32(x) << 8
		} else {
			sum += uint32(x)
		}
		if sum > 0xffff {
			sum -= 0xffff
		}
	}
	for sum > 0xffff {
		sum -= 0xffff
	}
	return uint16(sum)
}

// FuzzReceive gives an engine whatever the wire may hold: a packet is counted
// once, as received or by one reason; what is not an advert of a neighbour changes
// no group; and what counts is what RFC 9568 section 7.1 and RFC 3768 section 7.1
// let pass.
func FuzzReceive(f *testing.F) {
	for _, tt := range golden {
		f.Add(byte(0), byte(0), unhex(f, tt.wire), byte(100))
		f.Add(byte(3), byte(1), unhex(f, tt.wire), byte(255))
		f.Add(byte(1), byte(2), unhex(f, tt.wire), byte(0))
	}
	f.Fuzz(func(t *testing.T, choice, form byte, payload []byte, later byte) {
		e, conn := earOf(t)
		for range 3 { // as backup, and maybe as master
			p := packetOf(choice, form, slices.Clone(payload))
			before := tallyOf(e)
			e.receive(&p)
			after := tallyOf(e)
			if after.received+after.rejected != before.received+before.rejected+1 {
				if e.listens(p.Interface) {
					t.Fatalf("%+v: counted %+v, then %+v", p, before, after)
				}
			}
			changed := !reflect.DeepEqual(before.groups, after.groups)
			if changed && after.received == before.received && !after.alive(&before) {
				t.Fatalf("%+v was discarded, and a group changed", p)
			}
			if after.received > before.received {
				mustPass(t, &p)
			}
			e.now = e.now.Add(time.Duration(later) * 20 * time.Millisecond)
			e.expire()
		}
		if conn.sent > 3*2*5*3 {
			t.Fatalf("%d adverts sent", conn.sent)
		}
	})
}

// counted is what an engine has counted, and its groups.
type counted struct {
	received, rejected uint64
	odd                uint64 // discarded, of an alive neighbour
	groups             map[string]Group
}

func (c *counted) alive(before *counted) bool { return c.odd > before.odd }

func tallyOf(e *Engine) counted {
	c := counted{groups: map[string]Group{}}
	for name, el := range e.groups {
		g := el.group
		g.Routers = slices.Clone(g.Routers)
		c.groups[name] = g
		for i := range el.traffic {
			c.received += el.traffic[i].received
			for k, n := range el.traffic[i].rejected {
				c.rejected += n
				if slices.Contains([]Reject{RejectVersion, RejectAuthType, RejectAuth, RejectV2Interval}, Rejects[k]) {
					c.odd += n
				}
			}
		}
	}
	for _, u := range e.unmatched {
		for _, n := range u {
			c.rejected += n
		}
	}
	return c
}

// mustPass checks once more, in other words, a packet that counts.
func mustPass(t *testing.T, p *Packet) {
	b := p.Payload
	version, size, authentication := b[0]>>4, p.Src.BitLen()/8, 0
	if version == Version2 {
		authentication = authLen
	}
	length := headerLen + size*int(b[3]) + authentication
	switch {
	case p.TTL != 255 || p.Interface != "eth2" || p.Src == ip(self) || p.Src == ip("fe80::5"):
	case b[0] != 0x31 && b[0] != 0x21 || p.Src.Is6() && version != 3 || b[3] == 0 || len(b) < length:
	case version == 3 && (b[4]&15 == 0 && b[5] == 0 || b[1] == 52 || b[1] == 53):
	case version == 2 && (b[5] != 1 || b[1] != 52 && b[1] != 53):
	case b[1] == 52 && b[4] != 0 || b[1] == 53 && (b[4] != 1 || string(b[length-8:length]) != "secret\x00\x00"):
	case b[1] < 51 || b[1] > 54 || p.Src.Is6() && b[1] != 51 || (b[1] == 54) == p.Dst.IsMulticast():
	case naive(b[:length], 0) == 0xffff && !p.Src.Is6():
		return
	case naive(b[:length], pseudoHeader(p.Src, p.Dst, length)) == 0xffff && version == 3:
		return
	}
	t.Fatalf("%+v counts", *p)
}
