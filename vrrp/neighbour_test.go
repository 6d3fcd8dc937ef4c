package vrrp_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
)

// neighbours writes the neighbours of a router, one line each.
func (n *node) neighbours(router string) []string {
	n.t.Helper()
	var out []string
	for _, x := range n.status(router).Neighbours {
		line := fmt.Sprintf("%v v%d prio %d every %v", x.Address, x.Version, x.Priority, x.Interval)
		if x.Rejected != "" {
			line += " rejected " + string(x.Rejected)
		}
		for _, d := range x.Differs {
			line += fmt.Sprintf("; %s %s, ours %s", d.In, d.Theirs, d.Ours)
		}
		if bad := x.Incompatible(); len(bad) > 0 {
			line += fmt.Sprintf("; incompatible in %d", len(bad))
		}
		out = append(out, line)
	}
	return out
}

// An alive neighbour whose adverts are discarded, or are odd, is seen with what
// differs; a packet that proves nothing is not.
func TestNeighbours(t *testing.T) {
	for _, tt := range []struct {
		name   string
		router string
		packet vrrp.Packet
		want   string
	}{
		{"compatible", "outside", heard2(nil), "172.20.10.6 v2 prio 200 every 1s"},
		{"version", "outside", advertOf(nil), "172.20.10.6 v3 prio 200 every 1s rejected version; version 3, ours 2; incompatible in 1"},
		{"version of another interval", "outside", advertOf(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Interval = 100 * time.Millisecond }),
			"172.20.10.6 v3 prio 200 every 100ms rejected version; version 3, ours 2; interval 100ms, ours 1s; incompatible in 1"},
		{"no password", "outside", heard2(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Auth = vrrp.Auth{} }),
			"172.20.10.6 v2 prio 200 every 1s rejected auth-type; authentication none, ours password; incompatible in 1"},
		{"unknown authentication", "outside", heard2(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Auth.Type = 2 }),
			"172.20.10.6 v2 prio 200 every 1s rejected auth-type; authentication type 2, ours password; incompatible in 1"},
		{"another password", "outside", heard2(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Auth.Data[0] = 'x' }),
			"172.20.10.6 v2 prio 200 every 1s rejected auth; authentication another password, ours password; incompatible in 1"},
		{"interval of version 2", "outside", heard2(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Interval = 3 * time.Second }),
			"172.20.10.6 v2 prio 200 every 3s rejected v2-interval; interval 3s, ours 1s; incompatible in 1"},
		{"addresses", "outside", heard2(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Addresses = append(outsideA, insideVIP) }),
			"172.20.10.6 v2 prio 200 every 1s; addresses 172.20.10.4 192.168.33.90, ours 172.20.10.4; incompatible in 1"},
		{"interval of version 3 is learned", "inside", heard6(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Interval = 3 * time.Second }),
			"fe80::6 v3 prio 200 every 3s; interval 3s, ours 1s"},
		{"not from this link", "outside", advertOf(func(_ *vrrp.Advert, p *vrrp.Packet) { p.TTL = 254 }), ""},
		{"wrong checksum", "outside", corrupt(advertOf(nil)), ""},
		{"our own address", "outside", heard2(func(_ *vrrp.Advert, p *vrrp.Packet) { p.Src = netip.MustParseAddr("172.20.10.5") }), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, newWires(1), 5)
				n.run(nil, mixedOf(5, 150))
				n.conn.Inject(tt.packet)
				synctest.Wait()
				if got := strings.Join(n.neighbours(tt.router), "\n"); got != tt.want {
					t.Errorf("%s\nwant\n%s", got, tt.want)
				}
				n.kill()
			})
		})
	}
}

// corrupt changes the priority and leaves the checksum.
func corrupt(p vrrp.Packet) vrrp.Packet {
	p.Payload[2]++
	return p
}

// The checksum form is a fact too: a neighbour that sends the other one may
// discard ours.
func TestNeighbourOfTheOtherChecksum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		n.run(nil, groupOf(5, 150))
		n.conn.Inject(advertOf(func(a *vrrp.Advert, _ *vrrp.Packet) { a.Checksum = vrrp.ChecksumRFC9568 }))
		synctest.Wait()
		want := "172.20.10.6 v3 prio 200 every 1s; checksum rfc9568, ours rfc5798; incompatible in 1"
		if got := strings.Join(n.neighbours("outside"), "\n"); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
		n.kill()
	})
}

// Neighbours are kept by address, the newest facts of each; who invents thousands
// pushes out the silent ones and costs no memory.
func TestNeighboursAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		n.run(nil, mixedOf(5, 150))
		from := func(i int) vrrp.Packet {
			return heard2(func(a *vrrp.Advert, p *vrrp.Packet) {
				p.Src = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
				a.Priority = 100
			})
		}
		for i := range 1000 {
			n.conn.Inject(from(i))
			n.conn.Inject(heard2(nil)) // the real one goes on
			wait(time.Millisecond)
		}
		list := n.status("outside").Neighbours
		if len(list) != 16 || list[15].Address != netip.MustParseAddr("172.20.10.6") {
			t.Errorf("%d neighbours, the last is %v", len(list), list[len(list)-1])
		}
		n.kill()
	})
}

func TestNeighbourAlive(t *testing.T) {
	second := vrrp.Instant(time.Second)
	n := vrrp.Neighbour{Priority: 100, Interval: time.Second, Seen: 100 * second}
	for at, want := range map[vrrp.Instant]bool{100 * second: true, 103 * second: true, 104 * second: false} {
		if n.Alive(at) != want {
			t.Errorf("%v after its advert: alive %v", at.Sub(n.Seen), !want)
		}
	}
	n.Priority = 0
	if n.Alive(n.Seen) {
		t.Error("who resigned is alive")
	}
}

// A reload to another place forgets the neighbours of the old one.
func TestNeighboursAreOfOnePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newWires(1), 5)
		c := mixedOf(5, 150)
		n.run(nil, c)
		n.conn.Inject(heard2(nil))
		synctest.Wait()
		n.engine.Configure([]vrrp.GroupConfig{c}, nil)
		if got := n.neighbours("outside"); len(got) != 1 {
			t.Errorf("%q", got)
		}
		c = mixedOf(5, 150)
		c.Routers[0].VRID = 99
		n.engine.Configure([]vrrp.GroupConfig{c}, nil)
		if got := n.neighbours("outside"); len(got) != 0 {
			t.Errorf("%q", got)
		}
		n.kill()
	})
}

// lines is a slog handler's output, line by line.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(p))
	return len(p), nil
}

// RFC 3768 section 7.1, RFC 9568 section 7.1: "SHOULD log the event", subject to
// a limit, and never with the password.
func TestDiscardedNeighbourIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		n := newNode(t, newWires(1), 5)
		n.log = slog.New(slog.NewTextHandler(&out, nil))
		n.run(nil, mixedOf(5, 150))
		for range 5 {
			n.conn.Inject(heard2(func(a *vrrp.Advert, _ *vrrp.Packet) { copy(a.Auth.Data[:], "other") }))
			n.conn.Inject(advertOf(nil))
		}
		synctest.Wait()
		n.kill()
		got := strings.Join(out.all, "")
		for want, times := range map[string]int{
			`router=outside neighbour=172.20.10.6 because=auth theirs="another password" ours=password`: 1,
			`router=outside neighbour=172.20.10.6 because=version theirs=3 ours=2`:                      1,
			"secret": 0, "othert": 0,
		} {
			if strings.Count(got, want) != times {
				t.Errorf("%d × %q in\n%s", strings.Count(got, want), want, got)
			}
		}
	})
}
