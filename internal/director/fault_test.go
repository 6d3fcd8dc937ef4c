package director

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/vrrp"
)

// TestBackFromAFault loses the interface and with it sight of both servers. The
// group must not take over from its neighbour before the table is full again.
func TestBackFromAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		change := func(from, to vrrp.State, dead bool) {
			s.setDown("192.168.33.92:80", dead)
			s.setDown("192.168.33.93:80", dead)
			s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{Group: "nat", From: from, To: to}}
		}
		expect := func(when string, ready bool) {
			t.Helper()
			synctest.Wait()
			if s.line.ready() != ready {
				t.Errorf("%s: ready %v, want %v; table\n%s", when, s.line.ready(), ready, s.table())
			}
		}
		time.Sleep(2 * time.Second)
		expect("started", true)
		change(vrrp.Master, vrrp.Fault, true)
		time.Sleep(5 * time.Second) // fall = 3 at 1 s
		expect("in the fault", false)
		change(vrrp.Fault, vrrp.Backup, true)
		time.Sleep(500 * time.Millisecond)
		expect("back, the servers are not", false)
		s.setDown("192.168.33.92:80", false)
		s.setDown("192.168.33.93:80", false)
		time.Sleep(3 * time.Second) // rise = 2 at 1 s
		expect("the servers are up", true)
		if s.table() != bothUp {
			t.Errorf("table\n%s", s.table())
		}

		// Servers that stay dead do not keep it out for ever.
		change(vrrp.Backup, vrrp.Fault, true)
		time.Sleep(5 * time.Second)
		change(vrrp.Fault, vrrp.Backup, true)
		time.Sleep(4900 * time.Millisecond)
		expect("still waiting", false)
		time.Sleep(200 * time.Millisecond)
		expect("waited long enough", true)
	})
}

// TestShortFault loses the links for a moment only, so that checks are under way
// when they are back. What those have to say is about the links: no server that
// is in the table then leaves it.
func TestShortFault(t *testing.T) {
	for away := 100 * time.Millisecond; away < 5*time.Second; away += 300 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			s := newStand(t, pairFile)
			s.start(ipc.Hello{})
			change := func(from, to vrrp.State) {
				s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{Group: "nat", From: from, To: to}}
			}
			time.Sleep(2 * time.Second)
			s.silence(true)
			change(vrrp.Master, vrrp.Fault)
			time.Sleep(away)
			s.silence(false)
			change(vrrp.Fault, vrrp.Backup)
			synctest.Wait()
			have := strings.Count(s.table(), "-a ")
			for range 50 {
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
				now := strings.Count(s.table(), "-a ")
				if now < have {
					t.Fatalf("away for %v: a server that had been in the table left it:\n%s", away, s.table())
				}
				have = now
			}
			if s.table() != bothUp {
				t.Errorf("away for %v: table\n%s", away, s.table())
			}
		})
	}
}

// TestBackBeforeTheServersAnswer: a table that stayed full is no reason to take
// over while the servers cannot be reached yet.
func TestBackBeforeTheServersAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(2 * time.Second)
		s.silence(true)
		for _, step := range []struct{ from, to vrrp.State }{{vrrp.Master, vrrp.Fault}, {vrrp.Fault, vrrp.Backup}} {
			s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{Group: "nat", From: step.from, To: step.to}}
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			if s.line.ready() || s.table() != bothUp {
				t.Errorf("%s: ready %v, table\n%s", step.to, s.line.ready(), s.table())
			}
		}
		s.silence(false)
		time.Sleep(1500 * time.Millisecond) // the silent probes end, the next ones answer
		synctest.Wait()
		if !s.line.ready() || s.table() != bothUp {
			t.Errorf("the servers answer: ready %v, table\n%s", s.line.ready(), s.table())
		}
	})
}
