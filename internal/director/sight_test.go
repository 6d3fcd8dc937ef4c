package director

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/vrrp"
)

// TestAllServersDie as a master and as a backup sees it: the checks find both
// servers dead after three rounds, 2 to 4 s, and up again after two. Interval and
// timeouts make 4 s in which the neighbour may not know yet.
func TestAllServersDie(t *testing.T) {
	for _, c := range []struct {
		role       vrrp.State
		low, again time.Duration // lies between so long after, and two seconds more
	}{
		{vrrp.Master, 6 * time.Second, time.Second},
		{vrrp.Backup, 2 * time.Second, 5 * time.Second},
	} {
		t.Run(string(c.role), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t, pairFile)
				s.start(ipc.Hello{})
				s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{Group: "nat", From: vrrp.Init, To: c.role}}
				time.Sleep(2 * time.Second)
				turns := func(what string, dead bool, after time.Duration) {
					t.Helper()
					s.setDown("192.168.33.92:80", dead)
					s.setDown("192.168.33.93:80", dead)
					time.Sleep(after)
					synctest.Wait()
					if h := s.line.told(); h.Lowest == dead || !h.Ready {
						t.Errorf("%s, %v later: %+v", what, after, h)
					}
					time.Sleep(2 * time.Second)
					synctest.Wait()
					if h := s.line.told(); h.Lowest != dead || !h.Ready {
						t.Errorf("%s, %v later: %+v", what, after+2*time.Second, h)
					}
				}
				turns("dead", true, c.low)
				const problem = "nat: advertises priority 1: no real server is up, as seen from here"
				if ps := s.status().Problems; !slices.Contains(ps, problem) {
					t.Errorf("problems %q", ps)
				}
				turns("alive", false, c.again)
				turns("dead again", true, c.low)
			})
		})
	}
}

// TestMastershipMovesWhileBlind: who loses it waits as a backup does, who gets it
// is as fit as its servers are.
func TestMastershipMovesWhileBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		become := func(r vrrp.State, low bool) {
			t.Helper()
			s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{Group: "nat", To: r}}
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			if h := s.line.told(); h.Lowest != low {
				t.Errorf("%s: %+v, want lowest %v", r, h, low)
			}
		}
		time.Sleep(2 * time.Second)
		become(vrrp.Master, false)
		s.setDown("192.168.33.92:80", true)
		s.setDown("192.168.33.93:80", true)
		time.Sleep(4 * time.Second)
		become(vrrp.Master, false) // not yet
		become(vrrp.Backup, true)
		s.setDown("192.168.33.92:80", false)
		s.setDown("192.168.33.93:80", false)
		time.Sleep(3 * time.Second)
		become(vrrp.Backup, true) // not yet
		become(vrrp.Master, false)
	})
}
