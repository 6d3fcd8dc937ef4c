package director

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/api"
	"failover/internal/ipc"
	"failover/internal/peer"
	"failover/internal/policy"
	"failover/lvs"
	"failover/vrrp"
)

// keysFile is the pair with keys.
var keysFile = strings.NewReplacer(
	"priority = 150\n", "priority = 150\npublic_key = \""+strings.Repeat("A", 43)+"=\"\n",
	"address = \"192.168.33.94\"\n", "address = \"192.168.33.94\"\npublic_key = \"B"+strings.Repeat("A", 42)+"=\"\n",
).Replace(pairFile)

// fakeLink is a link to lb2.
type fakeLink struct {
	mu    sync.Mutex
	cfg   peer.Config
	other api.Director // what lb2 says of itself
	view  peer.View
	said  peer.Words // what lb2 knows
	told  []peer.Words
	deaf  error // why lb2 cannot be told
	noKey error
	opens int

	conns []lvs.Conn
	asked int // how often for them
	hangs bool

	plan    api.Plan
	bad     error // why its file is refused
	late    error // why it refuses what it had checked
	reloads []string
}

func (f *fakeLink) open(c peer.Config) (Link, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cfg = c
	f.opens++
	return f, nil
}

func (f *fakeLink) key(string) (ed25519.PrivateKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), f.noKey
}

func (f *fakeLink) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (f *fakeLink) Views() map[string]peer.View {
	f.mu.Lock()
	defer f.mu.Unlock()
	return map[string]peer.View{"lb2": f.view}
}

func (f *fakeLink) Refused() map[string]uint64 { return map[string]uint64{"stranger": 3} }
func (f *fakeLink) Problem() error             { return nil }

func (f *fakeLink) Director(context.Context, string) (api.Director, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.other, nil
}

func (f *fakeLink) Words(context.Context, string) (peer.Words, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.said, nil
}

func (f *fakeLink) Tell(_ context.Context, _ string, all peer.Words) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, all)
	return f.deaf
}

func (f *fakeLink) Connections(ctx context.Context, _ string, give func(lvs.Conn)) error {
	if f.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		give(c)
	}
	f.asked++
	return nil
}

func (f *fakeLink) Plan(context.Context, string) (api.Plan, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plan, f.bad
}

func (f *fakeLink) Reload(_ context.Context, _, digest string) (api.Reload, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reloads = append(f.reloads, digest)
	return api.Reload{ConfigDigest: digest, Problems: []string{}}, f.late
}

// beats makes lb2 answer, with a change of what it says.
func (f *fakeLink) beats(change func(*peer.View, *api.Director)) {
	f.mu.Lock()
	change(&f.view, &f.other)
	v, changed := f.view, f.cfg.Changed
	f.mu.Unlock()
	changed(v)
}

// twin makes lb2 say the same as lb1.
func (s *stand) twin() {
	own := localEnd{s.dir}
	d, err := own.Director()
	if err != nil {
		s.t.Fatal(err)
	}
	b := own.Beat()
	b.Node, b.Groups = "lb2", map[string]string{"nat": "backup"}
	d.Name = "lb2"
	for i := range d.VirtualRouters {
		d.VirtualRouters[i].State = "backup"
	}
	s.link.beats(func(v *peer.View, other *api.Director) {
		*v = peer.View{Name: "lb2", Reachable: true, Since: time.Now(), Heard: time.Now(), Beat: b}
		*other = d
	})
}

// linked runs lb1 with a link to a lb2 that is as it is.
func linked(t *testing.T) *stand {
	s := newStand(t, keysFile)
	s.start(ipc.Hello{})
	time.Sleep(2 * time.Second)
	synctest.Wait()
	s.twin()
	return s
}

func TestStatusShowsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		st := s.status()
		if st.InSync == nil || !*st.InSync || strings.Contains(strings.Join(st.Problems, "\n"), "lb2") {
			t.Fatalf("in sync %v, problems %q", st.InSync, st.Problems)
		}
		if d := st.Directors[1]; d.Name != "lb2" || d.Self || d.Reachable == nil || !*d.Reachable || len(d.VirtualServers) != 1 {
			t.Errorf("lb2: %+v", d)
		}
		for _, c := range []struct {
			name    string
			change  func(*peer.View, *api.Director)
			inSync  string
			problem string
		}{
			{"another configuration", func(_ *peer.View, d *api.Director) { d.ConfigDigest = "sha256:0123456789" }, "no",
				"lb2 has another configuration in force, sha256:01234567, here sha256:"},
			{"another weight", func(_ *peer.View, d *api.Director) {
				d.TableDigest = "sha256:other"
				vs := d.VirtualServers[0]
				vs.RealServers = append([]api.RealServer{}, vs.RealServers...)
				rs := &vs.RealServers[1]
				rs.KernelWeight, rs.Check, rs.CheckDetail, rs.Since = nil, "down", "connection refused", time.Now().Add(-12*time.Second)
				d.VirtualServers = []api.VirtualServer{vs}
			}, "no", "lb2: web: 192.168.33.93:80 not in the table, here weight 1, since 12s: lb2 finds it down: connection refused"},
			{"another order", func(_ *peer.View, d *api.Director) { d.TableDigest = "sha256:other" }, "no", "lb2 has another IPVS table, sha256:other, here"},
			{"other words", func(v *peer.View, _ *api.Director) { v.Beat.WordsDigest = "sha256:other" }, "no", "lb2 does not know the same words of the operator yet"},
			{"silent", func(v *peer.View, _ *api.Director) {
				v.Reachable, v.Cause, v.Since = false, "connection refused", time.Now().Add(-time.Minute)
			}, "unknown", "lb2 does not answer on the peer link for 1m0s: connection refused"},
		} {
			s.twin()
			s.link.beats(c.change)
			st := s.status()
			got := "unknown"
			if st.InSync != nil {
				got = map[bool]string{true: "yes", false: "no"}[*st.InSync]
			}
			if got != c.inSync || !strings.Contains(strings.Join(st.Problems, "\n"), c.problem) {
				t.Errorf("%s: in sync %s, problems %q", c.name, got, st.Problems)
			}
		}
	})
}

// TestNoKey: without a key the director runs, says so, and has the link once there is
// one.
func TestNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, keysFile)
		s.link.noKey = errors.New("no such file")
		s.start(ipc.Hello{})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if st := s.status(); st.InSync != nil || !strings.Contains(strings.Join(st.Problems, "\n"), "peer link: no such file") || !s.line.ready() {
			t.Errorf("in sync %v, problems %q", st.InSync, st.Problems)
		}
		s.link.mu.Lock()
		s.link.noKey = nil
		s.link.mu.Unlock()
		time.Sleep(linkRetry)
		synctest.Wait()
		if s.link.opens != 1 {
			t.Errorf("opened %d times", s.link.opens)
		}
	})
}

// TestReloadKeepsTheLink: it is made anew only where something of it has changed.
func TestReloadKeepsTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		for _, c := range []struct {
			name, text string
			opens      int
		}{
			{"another weight", strings.Replace(keysFile, "web1\",", "web1\", weight = 3,", 1), 1},
			{"another port", keysFile + "[daemon]\npeer_port = 9999\n", 2},
			{"no keys", pairFile, 2},
			{"keys again", keysFile, 3},
		} {
			s.write(c.text)
			if _, err := s.dir.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if s.link.opens != c.opens {
				t.Errorf("%s: opened %d times, want %d", c.name, s.link.opens, c.opens)
			}
			if s.status().Directors[1].Reachable == nil != (c.text == pairFile) {
				t.Errorf("%s: lb2 %+v", c.name, s.status().Directors[1].Reachable)
			}
		}
	})
}

// TestWordsAreShared: what is said here is told there, what is said there is heard
// here, and what is over stays over.
func TestWordsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		s.operate(word("disable"))
		if len(s.link.told) != 1 || len(s.link.told[0].Overrides) != 1 || s.link.told[0].Overrides[0].Kind != policy.Disable {
			t.Fatalf("lb2 was told %+v", s.link.told)
		}
		s.link.deaf = errors.New("connection reset")
		if o := s.operate(word("")); len(o.Notes) != 1 || !strings.Contains(o.Notes[0], "lb2 has not been told: connection reset") {
			t.Errorf("notes %q", o.Notes)
		}
		// lb2 still knows the first word; the second is newer.
		s.link.mu.Lock()
		s.link.said = s.link.told[0]
		s.link.mu.Unlock()
		s.link.beats(func(v *peer.View, _ *api.Director) { v.Beat.WordsDigest = "sha256:old" })
		synctest.Wait()
		if all := s.dir.overrides.now(); len(all) != 0 {
			t.Errorf("what is over is back: %v", all)
		}
		s.link.mu.Lock()
		s.link.said.Overrides = []peer.Override{
			{VirtualServer: "web", RealServer: "web2", Override: policy.Override{Kind: policy.Disable, Since: time.Now().Add(time.Minute)}},
			{VirtualServer: "web", RealServer: "web9", Override: policy.Override{Kind: policy.Disable, Since: time.Now()}},
		}
		s.link.said.Preferences = []peer.Preference{
			{Group: "nat", Preference: policy.Preference{Director: "lb2", Since: time.Now()}},
			{Group: "none", Preference: policy.Preference{Director: "lb2", Since: time.Now()}},
		}
		s.link.mu.Unlock()
		s.link.beats(func(v *peer.View, _ *api.Director) { v.Beat.WordsDigest = "sha256:new" })
		time.Sleep(time.Second)
		synctest.Wait()
		if strings.Contains(s.table(), "192.168.33.93") {
			t.Errorf("the other director's word is not in force:\n%s", s.table())
		}
		if h := s.line.healths[len(s.line.healths)-1]["nat"]; h.Delta != -51 {
			t.Errorf("lb2 is preferred, and the engine heard %+v", h)
		}
		if n := len(s.dir.overrides.words()) + len(s.dir.preferences.words()); n != 3 {
			t.Errorf("%d words, want 3: %v, %v", n, s.dir.overrides.words(), s.dir.preferences.words())
		}
		// The newest word is the one given now, whatever the other's clock showed.
		s.operate(api.Operator{VirtualServer: "web", RealServer: "web2"})
		if all := s.dir.overrides.now(); len(all) != 0 {
			t.Errorf("%v", all)
		}
	})
}

// becomes lets the engine say what the group is.
func (s *stand) becomes(state vrrp.State) {
	s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{Group: "nat", To: state, At: vrrp.Instant(time.Now().UnixNano())}}
	time.Sleep(time.Second)
	synctest.Wait()
}

func TestSwitchover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		s.becomes(vrrp.Master)
		for _, c := range []struct {
			name   string
			want   api.Switchover
			change func(*peer.View, *api.Director)
			says   string
		}{
			{"no such group", api.Switchover{Group: "nta"}, nil, `no group is named "nta"`},
			{"no such director", api.Switchover{To: "lb3"}, nil, `no director is named "lb3"`},
			{"in maintenance", api.Switchover{}, func(_ *peer.View, d *api.Director) { d.Maintenance = true }, "it is in maintenance"},
			{"another table", api.Switchover{}, func(_ *peer.View, d *api.Director) { d.TableDigest = "x" }, "it has another IPVS table"},
			{"another configuration", api.Switchover{}, func(_ *peer.View, d *api.Director) { d.ConfigDigest = "x" }, "it has another configuration in force"},
			{"in fault", api.Switchover{}, func(_ *peer.View, d *api.Director) {
				d.VirtualRouters[0].State, d.VirtualRouters[0].Cause = "fault", "eth2 has no carrier"
			}, "its outside is in state fault: eth2 has no carrier"},
			{"silent", api.Switchover{}, func(v *peer.View, _ *api.Director) { v.Reachable, v.Cause = false, "no route to host" }, "does not answer on the peer link: no route to host"},
		} {
			s.twin()
			if c.change != nil {
				s.link.beats(c.change)
			}
			if _, err := s.dir.Switchover(t.Context(), c.want); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.name, err)
			}
			if len(s.dir.preferences.words()) != 0 {
				t.Fatalf("%s: refused, and yet %v", c.name, s.dir.preferences.words())
			}
		}
		s.twin()
		go func() {
			time.Sleep(time.Second)
			s.becomes(vrrp.Backup)
		}()
		done, err := s.dir.Switchover(t.Context(), api.Switchover{})
		if err != nil || len(done.Groups) != 1 || done.Groups[0] != (api.SwitchedGroup{Group: "nat", Preferred: "lb2", Master: "lb2"}) {
			t.Errorf("%+v, %v", done, err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if h := s.line.healths[len(s.line.healths)-1]["nat"]; h.Delta != -51 {
			t.Errorf("the engine heard %+v", h)
		}
		if done, err = s.dir.Switchover(t.Context(), api.Switchover{Clear: true}); err != nil || done.Groups[0].Preferred != "" {
			t.Errorf("%+v, %v", done, err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if h := s.line.healths[len(s.line.healths)-1]["nat"]; h.Delta != 0 {
			t.Errorf("cleared, and the engine heard %+v", h)
		}
	})
}

func TestMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		s.becomes(vrrp.Master)
		begin := time.Now()
		done, err := s.dir.Maintain(t.Context(), api.Maintenance{On: true})
		if err != nil || !done.On || len(done.MasterOf) != 1 || time.Since(begin) < handOver {
			t.Errorf("nobody takes over: %+v, %v after %v", done, err, time.Since(begin))
		}
		if h := s.line.healths[len(s.line.healths)-1]["nat"]; h.Ready || !h.Lowest {
			t.Errorf("the engine heard %+v", h)
		}
		if st := s.status(); !strings.Contains(strings.Join(st.Problems, "\n"), "nat: in maintenance, and still master") || !st.Directors[0].Maintenance {
			t.Errorf("problems %q", st.Problems)
		}
		s.becomes(vrrp.Backup)
		if done, err = s.dir.Maintain(t.Context(), api.Maintenance{On: true}); err != nil || len(done.MasterOf) != 0 {
			t.Errorf("%+v, %v", done, err)
		}
		if st := s.status(); strings.Contains(strings.Join(st.Problems, "\n"), "maintenance") {
			t.Errorf("problems %q", st.Problems)
		}
		s.kept.full = errors.New("no space left on device")
		if _, err = s.dir.Maintain(t.Context(), api.Maintenance{}); err == nil {
			t.Error("what cannot be kept is promised")
		}
		s.kept.full = nil
		if done, err = s.dir.Maintain(t.Context(), api.Maintenance{}); err != nil || done.On {
			t.Errorf("%+v, %v", done, err)
		}
		if h := s.line.healths[len(s.line.healths)-1]["nat"]; !h.Ready || h.Lowest {
			t.Errorf("the engine heard %+v", h)
		}
	})
}

// fakeKept is a disk with what the operator wants of the directors.
type fakeKept struct {
	full      error
	since     time.Time
	preferred map[string]policy.Preference
}

// keptMaintenance and keptPreferences are the two files on it.
type (
	keptMaintenance struct{ *fakeKept }
	keptPreferences struct{ *fakeKept }
)

func (k keptMaintenance) Load() (time.Time, error) { return k.since, nil }

func (k keptMaintenance) Save(since time.Time) error {
	if k.full == nil {
		k.since = since
	}
	return k.full
}

func (k keptPreferences) Load() (map[string]policy.Preference, error) { return k.preferred, nil }

func (k keptPreferences) Save(all map[string]policy.Preference) error {
	if k.full == nil {
		k.preferred = all
	}
	return k.full
}

// TestReloadPair: on both or on neither.
func TestReloadPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		before := s.status().Directors[0].ConfigDigest
		s.write(strings.Replace(keysFile, "web1\",", "web1\", weight = 3,", 1))
		own, err := s.dir.Plan(t.Context())
		if err != nil || own.ConfigDigest == before {
			t.Fatalf("%+v, %v", own, err)
		}
		same := api.Plan{ConfigDigest: own.ConfigDigest, Changes: []api.Change{}}
		for _, c := range []struct {
			name      string
			plan      api.Plan
			bad, late error
			says      string
			asked     int
		}{
			{"its file is broken", api.Plan{}, &api.Error{Message: "not usable", Details: []string{"x:1:1: y"}}, nil, "lb2: not usable", 0},
			{"its file is another one", api.Plan{ConfigDigest: "sha256:other"}, nil, nil, "lb2: its file is another one", 0},
			{"it refuses at last", same, nil, errors.New("the file has changed since it was checked"), "has changed since", 1},
		} {
			s.link.plan, s.link.bad, s.link.late, s.link.reloads = c.plan, c.bad, c.late, nil
			if _, err := s.dir.ReloadPair(t.Context(), api.PairReload{}); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.name, err)
			}
			synctest.Wait()
			if now := s.status().Directors[0].ConfigDigest; now != before || len(s.link.reloads) != c.asked {
				t.Errorf("%s: configuration %s, was %s; lb2 was asked %d times", c.name, now, before, len(s.link.reloads))
			}
			if strings.Contains(s.table(), "-w 3") {
				t.Errorf("%s: the table has the new weight:\n%s", c.name, s.table())
			}
		}
		s.link.plan, s.link.late, s.link.reloads = same, nil, nil
		if r, err := s.dir.ReloadPair(t.Context(), api.PairReload{DryRun: true}); err != nil || len(r.Directors) != 2 || len(r.Directors[0].Changes) == 0 || len(s.link.reloads) != 0 {
			t.Errorf("dry run: %+v, %v", r, err)
		}
		if r, err := s.dir.ReloadPair(t.Context(), api.PairReload{}); err != nil || r.ConfigDigest != own.ConfigDigest || len(s.link.reloads) != 1 || s.link.reloads[0] != own.ConfigDigest {
			t.Errorf("%+v, %v, %v", r, err, s.link.reloads)
		}
		synctest.Wait()
		if !strings.Contains(s.table(), "-w 3") {
			t.Errorf("not in force:\n%s", s.table())
		}
	})
}

// TestJoins: a director that comes to a master takes its connections over before it is
// ready, tells the kernel again what has not arrived, and asks once.
func TestJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, keysFile+"[ipvs.sync]\n")
		at := netip.MustParseAddrPort
		for i := range 100 {
			s.link.conns = append(s.link.conns, lvs.Conn{
				Protocol: lvs.TCP, Client: netip.AddrPortFrom(at("172.20.10.1:0").Addr(), uint16(40000+i)),
				Virtual: at("172.20.10.4:80"), Server: at("192.168.33.92:80"), State: "ESTABLISHED", Expires: 900 * time.Second,
			})
		}
		s.start(ipc.Hello{})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s.line.ready() {
			t.Error("ready before the other director was met")
		}
		s.twin()
		s.conns.mu.Lock()
		s.conns.all = s.link.conns[:40] // the rest gets lost
		s.conns.mu.Unlock()
		s.link.beats(func(v *peer.View, _ *api.Director) {
			v.Beat.Groups = map[string]string{"nat": "master"}
			v.Reachable = false
		})
		s.link.beats(func(v *peer.View, _ *api.Director) { v.Reachable = true })
		time.Sleep(50 * time.Millisecond)
		s.conns.mu.Lock()
		first := len(s.conns.told)
		s.conns.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		s.conns.mu.Lock()
		again := len(s.conns.told) - first
		s.conns.all = s.link.conns
		s.conns.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		// A message has room for 27 connections of IPv4.
		if first != 4 || again != 3 {
			t.Errorf("%d messages, then %d for the 60 that were lost", first, again)
		}
		if s.link.asked != 1 || !s.line.ready() {
			t.Errorf("asked %d times, ready %t", s.link.asked, s.line.ready())
		}
		s.link.beats(func(*peer.View, *api.Director) {})
		time.Sleep(time.Second)
		synctest.Wait()
		if s.link.asked != 1 {
			t.Errorf("asked %d times", s.link.asked)
		}
	})
}

// TestReloadPairWithoutAnAnswer: what was lost may have been the answer alone.
func TestReloadPairWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := linked(t)
		s.write(strings.Replace(keysFile, "web1\",", "web1\", weight = 3,", 1))
		own, err := s.dir.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.link.plan, s.link.late = api.Plan{ConfigDigest: own.ConfigDigest, Changes: []api.Change{}}, errors.New("connection reset")
		s.link.beats(func(_ *peer.View, d *api.Director) { d.ConfigDigest = own.ConfigDigest })
		r, err := s.dir.ReloadPair(t.Context(), api.PairReload{})
		if err != nil || len(r.Directors[1].Problems) != 1 || !strings.Contains(r.Directors[1].Problems[0], "its answer was lost: connection reset") {
			t.Errorf("lb2 has it in force: %+v, %v", r, err)
		}
		synctest.Wait()
		if now := s.status().Directors[0].ConfigDigest; now != own.ConfigDigest {
			t.Errorf("lb2 has it in force, and lb1 went back to %s", now)
		}
	})
}

// TestSwitchoverWithoutALink: the master may step back by force; nobody else can say
// it for him.
func TestSwitchoverWithoutALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(2 * time.Second)
		s.becomes(vrrp.Master)
		if _, err := s.dir.Switchover(t.Context(), api.Switchover{}); err == nil || !strings.Contains(err.Error(), "without a peer link it is not known whether lb2 is ready") {
			t.Errorf("got %v", err)
		}
		go func() {
			time.Sleep(time.Second)
			s.becomes(vrrp.Backup)
		}()
		if done, err := s.dir.Switchover(t.Context(), api.Switchover{Force: true}); err != nil || done.Groups[0].Master != "lb2" {
			t.Errorf("%+v, %v", done, err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if h := s.line.healths[len(s.line.healths)-1]["nat"]; h.Delta != -51 {
			t.Errorf("the engine heard %+v", h)
		}
	})
}

// TestJoiningEndsWithTheOther: a start does not wait for a director that has gone, nor
// for longer than the patience for one that says nothing of itself.
func TestJoiningEndsWithTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, keysFile+"[ipvs.sync]\n")
		s.link.hangs = true
		s.start(ipc.Hello{})
		time.Sleep(2 * time.Second)
		s.link.beats(func(v *peer.View, _ *api.Director) { v.Name, v.Reachable = "lb2", true })
		time.Sleep(time.Second)
		if s.line.ready() {
			t.Error("ready before the other one has said what it is")
		}
		s.link.beats(func(v *peer.View, _ *api.Director) { v.Beat.Groups = map[string]string{"nat": "master"} })
		time.Sleep(2 * time.Second)
		if s.line.ready() {
			t.Error("ready in the middle of it")
		}
		s.link.beats(func(v *peer.View, _ *api.Director) { v.Reachable = false })
		time.Sleep(time.Second)
		if !s.line.ready() {
			t.Error("it waits for a director that has gone")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, keysFile)
		s.start(ipc.Hello{})
		time.Sleep(2 * time.Second)
		s.link.beats(func(v *peer.View, _ *api.Director) { v.Name, v.Reachable = "lb2", true })
		time.Sleep(policy.JoinPatience)
		if !s.line.ready() {
			t.Error("it waits for ever")
		}
	})
}
