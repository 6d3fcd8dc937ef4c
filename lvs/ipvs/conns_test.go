//go:build linux

package ipvs_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"failover/lvs"
	"failover/lvs/ipvs"
)

// crowd is n connections to one service, each of a client of its own.
func crowd(n int) []lvs.Move {
	moves := make([]lvs.Move, n)
	for i := range moves {
		moves[i] = lvs.Move{
			Conn: lvs.Conn{
				Protocol: lvs.TCP, Expires: 900 * time.Second,
				Client:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(77 + i/62500), byte(i / 250 % 250), byte(i%250 + 1)}), 40000),
				Virtual: netip.MustParseAddrPort("172.20.10.4:80"),
			},
			To: lvs.Server{Address: netip.MustParseAddrPort("192.168.33.92:80"), Forward: lvs.NAT},
		}
	}
	return moves
}

// tell gives connections to the backup daemon of a new namespace, until all are known.
func tell(t testing.TB, moves []lvs.Move) {
	t.Helper()
	k := open(t)
	syncDevice(t, "sync0")
	become(t, k, lvs.Table{Sync: both("sync0")[:1]})
	daemon := dump(t, k).Sync[0]
	messages := lvs.SyncMessages(daemon.ID, moves)
	deadline := time.Now().Add(3 * time.Minute)
	for known := 0; known < len(moves); {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d connections are known", known, len(moves))
		}
		for i := 0; i < len(messages); i += 50 { // the daemon's socket has room for some hundred
			if err := ipvs.TellBackup(daemon, messages[i:min(i+50, len(messages))]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
		known = 0
		if err := ipvs.Connections(t.Context(), func(lvs.Conn) { known++ }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConnections: what the backup daemon is told is what is read from the kernel's
// table of connections, each once.
func TestConnections(t *testing.T) {
	moves := crowd(2000)
	tell(t, moves)
	want := map[netip.AddrPort]bool{}
	for _, m := range moves {
		want[m.Client] = true
	}
	err := ipvs.Connections(t.Context(), func(c lvs.Conn) {
		switch {
		case !want[c.Client]:
			t.Errorf("not told, or read twice: %+v", c)
		case c.Virtual != moves[0].Virtual || c.Server != moves[0].To.Address || c.Protocol != lvs.TCP || !c.Told ||
			c.Expires > moves[0].Expires || c.Expires < moves[0].Expires-time.Minute:
			t.Errorf("read %+v", c)
		}
		delete(want, c.Client)
	})
	if err != nil || len(want) != 0 {
		t.Errorf("%v, and %d were not read", err, len(want))
	}
}

// TestTellOthers: what is for the others this machine's backup daemon is not told.
func TestTellOthers(t *testing.T) {
	k := open(t)
	syncDevice(t, "sync0")
	become(t, k, lvs.Table{Sync: both("sync0")})
	moves := crowd(2)
	for _, s := range dump(t, k).Sync {
		if s.Role == lvs.SyncMaster {
			if err := ipvs.TellOthers(s, lvs.SyncMessages(s.ID, moves[:1])); err != nil {
				t.Fatal(err)
			}
			if err := ipvs.TellBackup(s, lvs.SyncMessages(s.ID, moves[1:])); err != nil { // comes after it
				t.Fatal(err)
			}
		}
	}
	for end := time.Now().Add(10 * time.Second); ; {
		var known []netip.AddrPort
		if err := ipvs.Connections(t.Context(), func(c lvs.Conn) { known = append(known, c.Client) }); err != nil {
			t.Fatal(err)
		}
		if len(known) == 1 && known[0] == moves[1].Client {
			return
		}
		if len(known) > 0 || time.Now().After(end) {
			t.Fatalf("known: %v, want %v alone", known, moves[1].Client)
		}
	}
}

// TestBoundByTheNextMessage: a connection that was told of before its server was in the
// table is not the server's when that comes, but when it is told of again.
func TestBoundByTheNextMessage(t *testing.T) {
	k := open(t)
	syncDevice(t, "sync0")
	empty := parse(t, "-A -t 10.77.0.9:80 -s rr\n")
	full := parse(t, "-A -t 10.77.0.9:80 -s rr\n-a -t 10.77.0.9:80 -r 10.77.1.1:80 -i -w 1\n")
	empty.Sync, full.Sync = both("sync0"), both("sync0")
	become(t, k, empty)
	key, id := full.Services[0].Key, full.Services[0].Servers[0].ID()
	active := func() int {
		stats, err := k.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return int(stats.Servers[key][id].Active)
	}
	moves := []lvs.Move{{
		Conn: lvs.Conn{Protocol: lvs.TCP, Client: netip.MustParseAddrPort("10.78.0.1:1000"), Virtual: key.Address,
			Server: full.Services[0].Servers[0].Address, State: "ESTABLISHED", Expires: 10 * time.Minute},
		To: full.Services[0].Servers[0],
	}}
	backup := dump(t, k).Sync[0]
	tell := func(moves ...lvs.Move) {
		t.Helper()
		if err := ipvs.TellBackup(backup, lvs.SyncMessages(backup.ID, moves)); err != nil {
			t.Fatal(err)
		}
	}
	within := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(); {
			if time.Now().After(end) {
				t.Fatalf("%s: not within 10 s", what)
			}
		}
	}
	// Told once: another message that came late would bind it.
	tell(moves...)
	within("the connection is known", func() bool {
		known := 0
		if err := ipvs.Connections(t.Context(), func(lvs.Conn) { known++ }); err != nil {
			t.Fatal(err)
		}
		return known == 1
	})
	become(t, k, full)
	if n := active(); n != 0 {
		t.Errorf("%d connections of the server before anything was told: this kernel binds them itself", n)
	}
	tell(moves...)
	within("the server has its connection", func() bool { return active() == 1 })
}

// BenchmarkConnections is what it takes to read tables of several sizes.
func BenchmarkConnections(b *testing.B) {
	for _, n := range []int{10_000, 20_000, 50_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tell(b, crowd(n))
			for b.Loop() {
				if err := ipvs.Connections(b.Context(), func(lvs.Conn) {}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
