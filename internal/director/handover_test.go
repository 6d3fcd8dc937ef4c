package director

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/lvs"
	"failover/vrrp"
)

// youngConn is a connection that is used now.
func youngConn(port uint16) lvs.Conn {
	return lvs.Conn{
		Protocol: lvs.TCP, Client: netip.AddrPortFrom(netip.MustParseAddr("172.20.10.1"), port),
		Virtual: webKey.Address, Server: netip.MustParseAddrPort("192.168.33.92:80"), State: "ESTABLISHED", Expires: 15 * time.Minute,
	}
}

// has puts connections into the table, and tells how many the others know.
func (f *fakeConns) has(list ...lvs.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, list...)
}

func (f *fakeConns) known() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, m := range f.away {
		if n += int(m[4]); f.others[i].Role != lvs.SyncMaster || f.others[i].ID != 51 {
			return -1
		}
	}
	return n
}

const handsOver = 2*time.Second + 200*time.Millisecond

// TestHandOver: while a mastership is handed over the others are told of each young
// connection, once and soon after it came, until it is over; not before, and not where
// the mastership was another's.
func TestHandOver(t *testing.T) {
	for _, c := range []struct {
		name     string
		file     string
		from, to vrrp.State
		told     bool
	}{
		{"to a backup", pairFile + "\n[ipvs.sync]\n", vrrp.Master, vrrp.Backup, true},
		{"to the end", pairFile + "\n[ipvs.sync]\n", vrrp.Master, vrrp.Init, true},
		{"to the mastership", pairFile + "\n[ipvs.sync]\n", vrrp.Backup, vrrp.Master, false},
		{"of another", pairFile + "\n[ipvs.sync]\n", vrrp.Backup, vrrp.Init, false},
		{"without synchronisation", pairFile, vrrp.Master, vrrp.Backup, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t, c.file)
				old := youngConn(1)
				old.State, old.Expires = "SYN_RECV", 30*time.Second
				s.conns.has(youngConn(2), youngConn(3), old)
				s.start(ipc.Hello{})
				time.Sleep(3 * time.Second)
				want := func(when string, n int) {
					t.Helper()
					synctest.Wait()
					if !c.told {
						n = 0
					}
					if got := s.conns.known(); got != n {
						t.Errorf("%s: %d connections were told of, want %d", when, got, n)
					}
				}
				want("before", 0)
				s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{Group: "nat", From: c.from, To: c.to}}
				want("at once", 2)
				time.Sleep(100 * time.Millisecond)
				s.conns.has(youngConn(4))
				time.Sleep(handOverAgain)
				want("another one", 3)
				time.Sleep(handsOver)
				s.conns.has(youngConn(5))
				time.Sleep(time.Second)
				want("after it is over", 3)
				s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{Group: "nat", From: c.from, To: c.to, At: 1}}
				want("again", 7)
			})
		})
	}
}

// TestHandOverEnds: what came between the last look and the end of the engine, which
// is the end of our addresses, is told of before the process ends.
func TestHandOverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile+"\n[ipvs.sync]\n")
		s.start(ipc.Hello{})
		time.Sleep(3 * time.Second)
		s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{Group: "nat", From: vrrp.Master, To: vrrp.Init}}
		synctest.Wait()
		s.conns.has(youngConn(2))
		s.line.Close()
		<-s.done
		if got := s.conns.known(); got != 1 {
			t.Errorf("%d connections were told of, want 1", got)
		}
	})
}
