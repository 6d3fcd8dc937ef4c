package director

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/ipc"
	"failover/internal/peer"
	"failover/internal/policy"
	"failover/vrrp"
)

// web2Quiet is the table while the directors differ on web2, web2Out without it.
const (
	web2Quiet = "-A -t 172.20.10.4:80 -s rr\n" +
		"-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1\n" +
		"-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 0\n"
	web2Out = "-A -t 172.20.10.4:80 -s rr\n" +
		"-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1\n"
)

// finds makes lb2 say which real servers it finds down, by number, each for a while.
func (s *stand) finds(down ...peer.Down) {
	s.link.beats(func(v *peer.View, _ *api.Director) {
		v.Reachable, v.Heard = true, time.Now()
		v.Beat.Verdicts = &peer.Verdicts{Checked: 2, Down: down}
	})
}

// stands waits a while and then wants a table.
func (s *stand) stands(after time.Duration, what, want string) {
	s.t.Helper()
	time.Sleep(after)
	synctest.Wait()
	if got := s.table(); got != want {
		s.t.Errorf("%s: table\n%swant\n%s", what, got, want)
	}
}

// TestOtherFindsAServerDown: it takes no connections here either, for as long as that
// may be the truth.
func TestOtherFindsAServerDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		s.finds(peer.Down{1, 500})
		s.stands(time.Second, "lb2 finds web2 down", web2Quiet)
		st := s.status()
		if rs := st.Directors[0].VirtualServers[0].RealServers[1]; !rs.Disputed || rs.Check != "up" {
			t.Errorf("status has %+v", rs)
		}
		s.finds(peer.Down{1, 1600}) // a slow beat: nothing new
		s.stands(2800*time.Millisecond, "4.3 s after", web2Quiet)
		s.stands(time.Second, "5.3 s after", bothUp)
		const problem = "lb2 finds 192.168.33.93:80 (web) down, here it is up, since 5s"
		if ps := s.status().Problems; !slices.ContainsFunc(ps, func(p string) bool { return strings.HasPrefix(p, problem) }) {
			t.Errorf("problems %q, want %q", ps, problem)
		}
		s.finds()
		s.stands(time.Second, "lb2 finds it up", bothUp)
		if ps := strings.Join(s.status().Problems, "\n"); strings.Contains(ps, "lb2 finds") {
			t.Errorf("problems %q", ps)
		}
		s.finds(peer.Down{1, 0})
		s.stands(time.Second, "wrong a moment ago", bothUp)
	})
}

// TestServerDownHere: it keeps its connections until lb2 agrees, has had its time, or is
// not reached any more.
func TestServerDownHere(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(*stand)
		want string
	}{
		{"lb2 finds it up", func(s *stand) { s.finds() }, web2Quiet},
		{"lb2 agrees", func(s *stand) { s.finds(peer.Down{1, 100}) }, web2Out},
		{"lb2 does not know", func(s *stand) {
			s.link.beats(func(v *peer.View, _ *api.Director) { v.Beat.Verdicts = &peer.Verdicts{Checked: 2, Unknown: []int64{1}} })
		}, web2Out},
		{"the link is lost", func(s *stand) { s.link.beats(func(v *peer.View, _ *api.Director) { v.Reachable = false }) }, web2Out},
		{"lb2 has another configuration", func(s *stand) {
			s.link.beats(func(v *peer.View, _ *api.Director) { v.Beat.ConfigDigest = "sha256:other" })
		}, web2Out},
		{"lb2 says nothing of them", func(s *stand) { s.link.beats(func(v *peer.View, _ *api.Director) { v.Beat.Verdicts = nil }) }, web2Out},
		{"lb2 makes no sense", func(s *stand) { s.finds(peer.Down{2, 100}) }, web2Out},
		{"nor now", func(s *stand) { s.finds(peer.Down{-1, 100}) }, web2Out},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := linked(t)
				s.setDown("192.168.33.93:80", true)
				for s.table() == bothUp { // three rounds of a second
					time.Sleep(100 * time.Millisecond)
					synctest.Wait()
				}
				s.stands(0, "down here", web2Quiet)
				if b := (localEnd{s.dir}).Beat().Verdicts; b == nil || len(b.Down) != 1 || b.Down[0][0] != 1 || b.Down[0][1] > 200 || b.Checked != 2 {
					t.Errorf("lb2 hears %+v", b)
				}
				c.then(s)
				s.stands(time.Second, c.name, c.want)
				s.stands(5*time.Second, "later", web2Out)
				s.setDown("192.168.33.93:80", false)
				s.stands(8*time.Second, "up again", bothUp) // three to see it, five for lb2
			})
		})
	}
}

// TestReturnWaitsForTheOther: a server that comes back takes connections when both see
// it, or five seconds later.
func TestReturnWaitsForTheOther(t *testing.T) {
	for _, agrees := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := linked(t)
			s.setDown("192.168.33.95:80", true)
			s.write(strings.Replace(keysFile, "  { name = \"web2\"", "  { name = \"web3\", address = \"192.168.33.95:80\" },\n  { name = \"web2\"", 1))
			if _, err := s.dir.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			s.twin() // web3 is down there too
			time.Sleep(10 * time.Second)
			s.setDown("192.168.33.95:80", false)
			takes := func() bool { return strings.Contains(s.table(), "192.168.33.95:80 -m -w 1") }
			up := func() bool {
				return s.status().Directors[0].VirtualServers[0].RealServers[1].Check == "up"
			}
			for !up() {
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
			}
			time.Sleep(time.Second)
			if takes() {
				t.Error("it takes connections before lb2 has seen it")
			}
			if agrees {
				s.link.beats(func(v *peer.View, _ *api.Director) { v.Beat.Verdicts, v.Heard = &peer.Verdicts{Checked: 3}, time.Now() })
			} else {
				time.Sleep(3 * time.Second)
				if takes() {
					t.Error("it takes connections before five seconds are over")
				}
			}
			time.Sleep(1200 * time.Millisecond)
			synctest.Wait()
			if !takes() {
				t.Errorf("lb2 agrees %t, and the table is\n%s", agrees, s.table())
			}
		})
	}
}

// TestReloadHearsAgain: what lb2 has said counts after a reload that changes nothing.
func TestReloadHearsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		s.finds(peer.Down{1, 10_000})
		time.Sleep(5 * time.Second)
		if _, err := s.dir.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.finds(peer.Down{1, 15_000})
		time.Sleep(time.Second)
		if ps := strings.Join(s.status().Problems, "\n"); !strings.Contains(ps, "lb2 finds 192.168.33.93:80 (web) down") {
			t.Errorf("problems %q", ps)
		}
	})
}

// TestFollowHealth: who sees less for the hold yields, says why, and is itself again
// when it sees as much for as long, or nothing is known of the other one.
func TestFollowHealth(t *testing.T) {
	file := strings.ReplaceAll(keysFile, "group = \"nat\"\n", "group = \"nat\"\nfollow_health = true\n")
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprintf("link cut %t", cut), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t, file)
				s.start(ipc.Hello{})
				time.Sleep(2 * time.Second)
				synctest.Wait()
				s.twin()
				s.becomes(vrrp.Master)
				low := func(what string, after time.Duration, want bool) {
					t.Helper()
					time.Sleep(after)
					synctest.Wait()
					if h := s.line.told(); h.Lowest != want || !h.Ready {
						t.Errorf("%s: %+v, want lowest %t", what, h, want)
					}
				}
				s.setDown("192.168.33.93:80", true)
				low("it sees less", 10*time.Second, false)
				low("for longer than the hold", 5*time.Second, true)
				const problem = "nat: advertises priority 1: lb2 sees 2 of 2 real servers up, this director 1"
				if ps := s.status().Problems; !slices.Contains(ps, problem) {
					t.Errorf("problems %q", ps)
				}
				s.becomes(vrrp.Backup)
				low("as a backup", 0, true)
				if cut {
					s.link.beats(func(v *peer.View, _ *api.Director) { v.Reachable = false })
				} else {
					s.setDown("192.168.33.93:80", false)
				}
				low("not at once", 9*time.Second, true)
				low("in the end", 5*time.Second, false)
			})
		})
	}
}

// TestOwnVerdictsBeforeTheAddresses: the engine hears when the table follows lb2, and
// when it asks the table goes by the checks here, before it is answered.
func TestOwnVerdictsBeforeTheAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		s.finds(peer.Down{1, 100})
		s.stands(time.Second, "lb2 finds web2 down", web2Quiet)
		s.line.toDirector <- ipc.ToDirector{Prepare: "nat"}
		s.stands(10*time.Millisecond, "the addresses are about to go up", bothUp)
		s.line.mu.Lock()
		follows, prepared := slices.Clone(s.line.follows), slices.Clone(s.line.prepared)
		s.line.mu.Unlock()
		if !slices.Equal(follows, []bool{true, false}) || !slices.Equal(prepared, []string{"nat"}) {
			t.Errorf("the engine heard: follows %v, prepared %q", follows, prepared)
		}
		s.finds(peer.Down{1, 1200})
		s.stands(time.Second, "lb2 says it again", bothUp)
	})
}

// TestBootWaitsForVerdicts: after a boot the addresses wait for the first verdicts, five
// seconds at most, and for the table for as long as it takes.
func TestBootWaitsForVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := strings.Replace(pairFile, `interval = "1s", timeout = "1s"`, `interval = "20s", timeout = "20s"`, 1)
		s := newStand(t, slow)
		s.silence(true)
		s.start(ipc.Hello{})
		for _, c := range []struct {
			after time.Duration
			want  bool
		}{{0, false}, {4900 * time.Millisecond, false}, {300 * time.Millisecond, true}} {
			time.Sleep(c.after)
			synctest.Wait()
			if s.line.ready() != c.want {
				t.Errorf("%v later: ready %t", c.after, s.line.ready())
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if !s.line.ready() {
			t.Error("not ready with every verdict in")
		}
	})
}

// TestTooManyToTell: a director that finds more servers down than a beat can list says
// nothing of any, and the beat goes on.
func TestTooManyToTell(t *testing.T) {
	w := policy.World{Verdicts: map[check.ID]check.Verdict{}}
	vs := conf.VirtualServer{Name: "web"}
	for i := range peer.MaxVerdicts + 1 {
		rs := conf.RealServer{Name: fmt.Sprint(i), Checks: []check.Spec{{Kind: check.TCP}}}
		vs.Servers = append(vs.Servers, rs)
		w.Verdicts[policy.CheckID(&vs, &rs)] = check.Verdict{Status: check.Down}
	}
	w.Node.Servers = []conf.VirtualServer{vs}
	if v := verdictsOf(w, time.Now()); v != nil {
		t.Errorf("%d are told", len(v.Down))
	}
	w.Verdicts[policy.CheckID(&vs, &vs.Servers[0])] = check.Verdict{Status: check.Up}
	if v := verdictsOf(w, time.Now()); v == nil || len(v.Down) != peer.MaxVerdicts || v.Checked != peer.MaxVerdicts+1 || v.Down[0][0] != 1 {
		t.Error("as many as fit are not told")
	}
}
