package director

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/api"
	"failover/internal/ipc"
	"failover/vrrp"
)

// trackFile is the pair with tracks on both members of its group.
var trackFile = strings.NewReplacer(`[virtual_router.inside]`, `track_interfaces = ["eth5"]
[[virtual_router.outside.track]]
kind = "exec"
argv = ["/bin/ok"]
weight = -30
[[virtual_router.outside.track]]
kind = "virtual_server"
virtual_server = "web"
weight = 20
[virtual_router.inside]`, `[virtual_server.web]`, `[[virtual_router.inside.track]]
kind = "address"
address = "192.168.33.1"
weight = -5
[virtual_server.web]`).Replace(pairFile)

// told is what the engine last heard of the group.
func (l *fakeLine) told() vrrp.Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.healths) == 0 {
		return vrrp.Health{}
	}
	return l.healths[len(l.healths)-1]["nat"]
}

func causes(h vrrp.Health) []string {
	var list []string
	for _, c := range h.Causes {
		list = append(list, c.Router+": "+c.Detail)
	}
	return list
}

func TestTracksMoveTheHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, trackFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		synctest.Wait()
		if h := s.line.told(); !h.Ready || h.Fault || h.Delta != 20 || len(h.Causes) != 0 {
			t.Errorf("all is well: %+v", h)
		}
		s.setDown("/bin/ok", true)
		s.setDown("192.168.33.1", true)
		time.Sleep(3 * time.Second) // fall = 2 at 1 s
		synctest.Wait()
		want := []string{"outside: /bin/ok: connection refused", "inside: 192.168.33.1: connection refused"}
		if h := s.line.told(); h.Fault || h.Delta != 20-30-5 || !slices.Equal(causes(h), want) {
			t.Errorf("two tracks fail: %+v", h)
		}
		s.setDown("192.168.33.92:80", true)
		s.setDown("192.168.33.93:80", true)
		s.setDown("eth5", true)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		want = slices.Insert(want, 0, "outside: connection refused")
		want = slices.Insert(want, 2, "outside: quorum of web is down")
		want = append(want, ": no real server is up, as seen from here")
		if h := s.line.told(); !h.Fault || h.Delta != -35 || !slices.Equal(causes(h), want) {
			t.Errorf("everything fails: %+v", h)
		}
	})
}

func TestTracksInStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, trackFile)
		s.setDown("eth5", true)
		s.setDown("/bin/ok", true)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		synctest.Wait()
		s.line.routers = []vrrp.RouterStatus{{Name: "outside", State: vrrp.Backup}, {Name: "inside", State: vrrp.Backup}}
		st := s.status()
		want := []string{"outside: track: connection refused (fault)", "outside: track: /bin/ok: connection refused (priority -30)"}
		if !slices.Equal(st.Problems, want) {
			t.Errorf("problems %q", st.Problems)
		}
		tracks := st.Directors[0].VirtualRouters[0].Tracks
		if len(tracks) != 3 || tracks[0].Since.IsZero() {
			t.Fatalf("tracks %+v", tracks)
		}
		for i := range tracks {
			tracks[i].Since = time.Time{}
		}
		if got := tracks[0]; got != (api.Track{Kind: "interface", Name: "eth5", Check: "down", CheckDetail: "connection refused"}) {
			t.Errorf("got %+v", got)
		}
		if got := tracks[2]; got != (api.Track{Kind: "virtual_server", Name: "web", OK: true, Weight: 20, Check: "up", CheckDetail: "quorum of web is up"}) {
			t.Errorf("got %+v", got)
		}
		// The cause of the fault is not said twice.
		c := vrrp.Cause{Kind: vrrp.CauseTrack, Router: "outside", Detail: "connection refused"}
		s.line.routers = []vrrp.RouterStatus{{Name: "outside", State: vrrp.Fault, Cause: c}, {Name: "inside", State: vrrp.Fault, Cause: c}}
		want[0] = "nat: fault: outside: connection refused"
		if st := s.status(); !slices.Equal(st.Problems, want) {
			t.Errorf("problems %q", st.Problems)
		}
	})
}

// TestInterfaceEventIsSeenAtOnce: between two looks an interface goes down, and
// the machine says so.
func TestInterfaceEventIsSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, trackFile)
		s.start(ipc.Hello{})
		time.Sleep(5*time.Second + 50*time.Millisecond)
		synctest.Wait()
		s.setDown("eth5", true)
		began := time.Now()
		s.note()
		time.Sleep(settle)
		synctest.Wait()
		if !s.line.told().Fault {
			t.Errorf("not in fault %v after the event", time.Since(began))
		}
	})
}

// TestReloadTakesUpTracks: a new track is neither fault nor bonus until its first
// verdict, and one that goes takes its weight along.
func TestReloadTakesUpTracks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.setDown("192.168.33.1", true)
		s.start(ipc.Hello{})
		time.Sleep(10 * time.Second)
		s.write(trackFile)
		if r, err := s.dir.Reload(t.Context()); err != nil || len(r.Changes) != 4 {
			t.Fatalf("%+v, %v", r, err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if h := s.line.told(); !h.Ready || h.Fault || h.Delta != 15 {
			t.Errorf("with the tracks: %+v", h)
		}
		s.write(pairFile)
		if _, err := s.dir.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if h := s.line.told(); h.Delta != 0 || len(h.Causes) != 0 {
			t.Errorf("without them: %+v", h)
		}
	})
}

// TestLinkEvents listens to this machine.
func TestLinkEvents(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- linkEvents(ctx, func() {
			select {
			case seen <- struct{}{}:
			default:
			}
		})
	}()
	select {
	case <-seen: // once at the beginning
	case err := <-ended:
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
