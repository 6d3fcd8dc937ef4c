//go:build linux

package ipvs

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// TestMessagesReadBack: what is written of a service and a server is what is read of
// them, each in a message of its own.
func TestMessagesReadBack(t *testing.T) {
	four, six := key("172.20.10.4:80"), key("[2001:db8::4]:80")
	mark := lvs.Key{FWMark: 7, Address: netip.AddrPortFrom(netip.IPv6Unspecified(), 0)}
	services := []lvs.Service{
		{Key: four, Scheduler: "wlc"},
		{Key: six, Scheduler: "mh", Flags: lvs.FlagPersistent | lvs.FlagSched1, Timeout: 300, Mask: 64},
		{Key: mark, Scheduler: "rr", Engine: "sip", Flags: lvs.FlagOnePacket},
	}
	servers := []lvs.Server{
		{Address: netip.MustParseAddrPort("192.168.33.92:80"), Forward: lvs.DR, Weight: 1 << 20},
		{Address: netip.MustParseAddrPort("[fd01::2]:8080"), Forward: lvs.NAT, Upper: 70_000, Lower: 3},
		{Address: netip.MustParseAddrPort("192.168.33.93:0"), Forward: lvs.TUN, Weight: 1, Tunnel: lvs.Tunnel{Type: lvs.TunnelGUE, Port: 6080, Flags: 1}},
	}
	var m messages
	for i, s := range services {
		if err := errors.Join(
			m.operation(0x21, uint32(2*i), lvs.Op{Kind: lvs.AddService, Service: s}),
			m.operation(0x21, uint32(2*i+1), lvs.Op{Kind: lvs.AddServer, Service: s, Server: servers[i]}),
		); err != nil {
			t.Fatal(err)
		}
	}
	rest := []byte(m)
	for i := range 2 * len(services) {
		var r reply
		var err error
		if r, _, rest, err = nextReply(rest); err != nil || r.kind != 0x21 || r.flags != unix.NLM_F_REQUEST || r.seq != uint32(i) {
			t.Fatalf("message %d: %+v, %v", i, r, err)
		}
		a, err := parseAttributes(r.body[nl.SizeofGenlmsg:])
		if err != nil {
			t.Fatal(err)
		}
		s, err := decodeService(a)
		if i%2 == 0 {
			want := services[i/2]
			if got := s.service; err != nil || got.Key != want.Key || lvs.Format(lvs.Table{Services: []lvs.Service{got}}) != lvs.Format(lvs.Table{Services: []lvs.Service{want}}) {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
			continue
		}
		if err != nil || s.service.Key != services[i/2].Key {
			t.Errorf("the service of a server: %+v, %v", s.service.Key, err)
		}
		if got, err := decodeServer(a); err != nil || got.Server != servers[i/2] {
			t.Errorf("%+v, %v; want %+v", got.Server, err, servers[i/2])
		}
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes are left", len(rest))
	}
}

// TestEachHasItsOwnError: of operations in one datagram each fails for itself, those
// that the kernel is not asked for too. There is no family of this number.
func TestEachHasItsOwnError(t *testing.T) {
	s, err := openSocket(netns.None())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	h := &handle{own: s, family: 0x7ffe}
	service := lvs.Service{Key: key("172.20.10.4:80"), Scheduler: "rr"}
	good := lvs.Op{Kind: lvs.AddServer, Service: service, Server: lvs.Server{Address: netip.MustParseAddrPort("192.168.33.92:80"), Forward: lvs.DR}}
	bad := good
	bad.Server.Weight = -1
	ops := []lvs.Op{bad}
	for range 2 * mostSent {
		ops = append(ops, good, bad)
	}
	for range 3 { // what is left of one must not be taken for the next
		for i, err := range h.doAll(ops) {
			want := error(unix.ENOENT)
			if ops[i].Server.Weight < 0 {
				want = errWeight
			}
			if !errors.Is(err, want) {
				t.Fatalf("operation %d: %v, want %v", i, err, want)
			}
		}
		if _, err := h.entries(t.Context()); !errors.Is(err, unix.ENOENT) {
			t.Fatalf("a dump: %v, want %v", err, unix.ENOENT)
		}
	}
	for i, err := range h.doAll([]lvs.Op{bad, bad}) {
		if !errors.Is(err, errWeight) {
			t.Errorf("operation %d of nothing but bad ones: %v", i, err)
		}
	}
}

// FuzzReply: whatever comes, reading it ends, with something taken off it or an error.
func FuzzReply(f *testing.F) {
	var m messages
	m.end(m.begin(0x21, 0, 1, cmdGetService))
	f.Add([]byte(m))
	f.Add([]byte{15, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			r, _, rest, err := nextReply(b)
			if err != nil {
				return
			}
			if len(rest) >= len(b) {
				t.Fatalf("%d bytes of %d are left", len(rest), len(b))
			}
			_, _ = r.ends()
			b = rest
		}
	})
}
