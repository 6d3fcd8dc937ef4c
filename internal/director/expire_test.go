package director

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/lvs"
)

// fakeConns is a table of connections that remembers what the backup daemons were
// told, this machine's and the others'.
type fakeConns struct {
	mu     sync.Mutex
	all    []lvs.Conn
	fail   error
	told   [][]byte
	at     []time.Time
	sync   lvs.Sync
	others []lvs.Sync
	away   [][]byte
	most   int // messages that were told at once
}

func (f *fakeConns) Each(ctx context.Context, g func(lvs.Conn)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, c := range f.all {
		g(c)
	}
	return nil
}

func (f *fakeConns) Copy(w io.Writer) error {
	_, err := io.WriteString(w, "Pro FromIP\n")
	return err
}

func (f *fakeConns) Tell(s lvs.Sync, messages [][]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	f.sync, f.at, f.most = s, append(f.at, time.Now()), max(f.most, len(messages))
	f.told = append(f.told, messages...)
	return nil
}

func (f *fakeConns) TellOthers(s lvs.Sync, messages [][]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range messages {
		f.others = append(f.others, s)
	}
	f.away = append(f.away, messages...)
	return f.fail
}

var expireFile = strings.Replace(pairFile, `scheduler = "rr"`, "scheduler = \"rr\"\non_server_down = \"expire\"", 1) + "\n[ipvs.sync]\n"

// TestExpire: the connections of a server move when its checks have found it down
// and the table knows, once more a while later, and nobody else's do.
func TestExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, expireFile)
		to := func(port uint16, server string) lvs.Conn {
			return lvs.Conn{Protocol: lvs.TCP, Client: netip.AddrPortFrom(netip.MustParseAddr("172.20.10.1"), port),
				Virtual: webKey.Address, Server: netip.MustParseAddrPort(server), State: "ESTABLISHED", Expires: time.Minute}
		}
		s.conns.all = []lvs.Conn{to(1000, "192.168.33.92:80"), to(1001, "192.168.33.93:80")}
		s.conns.fail = errors.New("no buffer space")
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.setDown("192.168.33.92:80", true)
		time.Sleep(10 * time.Second)
		if len(s.conns.told) != 0 {
			t.Error("told while nothing could be told")
		}
		s.conns.mu.Lock()
		s.conns.fail = nil
		s.conns.mu.Unlock()
		begin := time.Now()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(s.conns.told) != len(expireAgain) || s.conns.at[0].Sub(begin) > expireLook || s.conns.sync.Interface != "eth1" {
			t.Fatalf("told %d times, at %v, on %+v", len(s.conns.told), s.conns.at, s.conns.sync)
		}
		if m := s.conns.told[0]; len(m) != 44 || m[4] != 1 || m[1] != 51 {
			t.Errorf("message %x, want one of one connection", m)
		}
		s.setDown("192.168.33.92:80", false)
		time.Sleep(10 * time.Second)
		s.setDown("192.168.33.92:80", true)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(s.conns.told) <= len(expireAgain) {
			t.Error("down again, and nothing was told")
		}
	})
}

// TestExpireMany: the daemon is given no more at once than its socket holds, and all.
func TestExpireMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, expireFile)
		for port := range uint16(10_000) {
			s.conns.has(youngConn(port + 1))
		}
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.setDown("192.168.33.92:80", true)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if _, n := s.conns.heard(); n < 10_000 || s.conns.most > tellMost {
			t.Errorf("%d connections were told of, %d messages at once", n, s.conns.most)
		}
	})
}

// TestKeep: without on_server_down nothing is told, whatever goes down.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, strings.Replace(expireFile, "expire", "keep", 1))
		s.conns.all = []lvs.Conn{{Protocol: lvs.TCP, Client: netip.MustParseAddrPort("172.20.10.1:1"), Virtual: webKey.Address,
			Server: netip.MustParseAddrPort("192.168.33.92:80"), State: "ESTABLISHED"}}
		s.start(ipc.Hello{})
		s.setDown("192.168.33.92:80", true)
		time.Sleep(20 * time.Second)
		if len(s.conns.told) != 0 {
			t.Errorf("told %x", s.conns.told)
		}
	})
}
