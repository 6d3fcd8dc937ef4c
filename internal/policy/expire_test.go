package policy

import (
	"net/netip"
	"slices"
	"testing"

	"failover/check"
	"failover/lvs"
)

// expiry is a world in which web1 is down and its connections are to move.
func expiry(t *testing.T) World {
	t.Helper()
	w := pair("rr")
	w.Node.Servers[0].ExpireDown = true
	w.judge("web1", check.Down)
	w.judge("web2", check.Up)
	w.Kernel = Desired(w).Table
	return w
}

func conn(port uint16, to netip.AddrPort) lvs.Conn {
	return lvs.Conn{
		Protocol: lvs.TCP, Client: netip.AddrPortFrom(netip.MustParseAddr("172.20.10.1"), port),
		Virtual: vip, Server: to, State: "ESTABLISHED",
	}
}

func TestMoves(t *testing.T) {
	w := expiry(t)
	list := Expiring(&w)
	if m, moves := MoveOf(list, conn(1, web1)); !moves || m.To.Address != web2 || m.Client.Port() != 1 {
		t.Errorf("a connection to the server that is down: %v, %+v", moves, m)
	}
	other := conn(1, web1)
	other.Virtual = netip.MustParseAddrPort("172.20.10.4:443")
	udp, ended := conn(1, web1), conn(1, web1)
	udp.Protocol, ended.State = lvs.UDP, "TIME_WAIT"
	for name, c := range map[string]lvs.Conn{
		"to one that is up": conn(1, web2), "of another service": other, "of another protocol": udp, "at its end": ended,
	} {
		if m, moves := MoveOf(list, c); moves {
			t.Errorf("a connection %s moves: %+v", name, m)
		}
	}
}

// TestWhoExpires: only the checks end connections, and only when there is somebody
// to take them and the kernel's table is up to date.
func TestWhoExpires(t *testing.T) {
	change := func(f func(*World)) int {
		w := expiry(t)
		f(&w)
		return len(Expiring(&w))
	}
	for name, c := range map[string]struct {
		f    func(*World)
		want int
	}{
		"down":             {func(*World) {}, 1},
		"not asked for":    {func(w *World) { w.Node.Servers[0].ExpireDown = false }, 0},
		"up":               {func(w *World) { w.judge("web1", check.Up) }, 0},
		"unknown":          {func(w *World) { w.judge("web1", check.Unknown) }, 0},
		"nobody is up":     {func(w *World) { w.judge("web2", check.Down); w.Kernel = Desired(*w).Table }, 0},
		"table not so far": {func(w *World) { w.judge("web1", check.Up); w.Kernel = Desired(*w).Table; w.judge("web1", check.Down) }, 0},
		"disabled and up": {func(w *World) {
			w.judge("web1", check.Up)
			w.Overrides = map[check.ID]Override{{VirtualServer: "web", RealServer: "web1"}: {Kind: Disable}}
			w.Kernel = Desired(*w).Table
		}, 0},
	} {
		if got := change(c.f); got != c.want {
			t.Errorf("%s: %d services, want %d", name, got, c.want)
		}
	}
}

// TestMovesByMark: marks that we set tell which connections are meant.
func TestMovesByMark(t *testing.T) {
	w := expiry(t)
	vs := &w.Node.Servers[0]
	vs.Key, vs.Match = lvs.Key{FWMark: 7, Address: netip.MustParseAddrPort("0.0.0.0:0")}, []lvs.Key{vs.Key}
	vs.Servers[0].Address = netip.AddrPortFrom(web1.Addr(), 0)
	w.Kernel = Desired(w).Table
	if m, moves := MoveOf(Expiring(&w), conn(1, web1)); !moves || m.FWMark != 7 {
		t.Errorf("a connection of the mark: %v, %+v", moves, m)
	}
	vs.Match = []lvs.Key{{Protocol: lvs.UDP, Address: vip}}
	if _, moves := MoveOf(Expiring(&w), conn(1, web1)); moves {
		t.Error("a connection without the mark moves")
	}
}

// TestPick: by weight, and the same for the same client.
func TestPick(t *testing.T) {
	takers := []lvs.Server{{Address: web1, Weight: 1}, {Address: web2, Weight: 3}}
	list := []Expiry{{Service: pair("rr").Node.Servers[0], Down: []netip.AddrPort{sorry}, Takers: takers}}
	var got []netip.AddrPort
	for port := range uint16(4000) {
		m, moves := MoveOf(list, conn(port+1, sorry))
		again, _ := MoveOf(list, conn(port+1, sorry))
		if !moves || again.To != m.To {
			t.Fatalf("client port %d: %v, %v and %v", port+1, moves, m.To.Address, again.To.Address)
		}
		got = append(got, m.To.Address)
	}
	first := len(got) - len(slices.DeleteFunc(slices.Clone(got), func(a netip.AddrPort) bool { return a == web1 }))
	if first < 900 || first > 1100 {
		t.Errorf("%d of %d to the server of a quarter of the weight", first, len(got))
	}
}
