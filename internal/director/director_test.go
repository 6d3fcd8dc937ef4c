package director

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/hook"
	"failover/internal/host"
	"failover/internal/ipc"
	"failover/internal/policy"
	"failover/lvs"
	"failover/lvs/lvstest"
	"failover/vrrp"
)

const pairFile = `
[director.lb1]
address = "192.168.33.91"
priority = 150
[director.lb2]
address = "192.168.33.94"
[virtual_router.outside]
interface = "eth2"
vrid = 51
addresses = ["172.20.10.4/28"]
group = "nat"
[virtual_router.inside]
interface = "eth1"
vrid = 52
addresses = ["192.168.33.90/24"]
group = "nat"
[virtual_server.web]
address = "172.20.10.4:80"
scheduler = "rr"
forward = "nat"
check = { kind = "tcp", interval = "1s", timeout = "1s", rise = 2, fall = 3 }
real_server = [
  { name = "web1", address = "192.168.33.92:80" },
  { name = "web2", address = "192.168.33.93:80" },
]
`

// stand is a director among fakes: a kernel, servers that answer or do not, and
// an engine that remembers what it was told.
type stand struct {
	t      *testing.T
	file   string
	kernel *lvstest.Kernel
	store  *lvstest.Store
	host   *fakeHost
	memory *fakeMemory
	line   *fakeLine
	web    *fakeWeb
	spoken fakeOverrides
	kept   fakeKept
	link   fakeLink
	conns  fakeConns
	told   fakeServerTold
	dir    *Director
	done   chan struct{} // Run has returned
	up     chan *Director

	mu     sync.Mutex
	down   map[string]bool // by what is asked
	silent bool
	note   func() // an interface has changed
	hook   hookBench
	noIP   error // what opening the kernel's IPVS answers
}

func newStand(t *testing.T, text string) *stand {
	s := &stand{
		t: t, file: filepath.Join(t.TempDir(), "failover.toml"),
		kernel: &lvstest.Kernel{}, store: &lvstest.Store{}, host: &fakeHost{}, memory: &fakeMemory{},
		line: newFakeLine(), web: &fakeWeb{}, down: make(map[string]bool),
	}
	s.write(text)
	return s
}

func (s *stand) write(text string) {
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stand) setDown(server string, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[server] = down
}

// links is the machine's word that an interface has changed.
func (s *stand) links(ctx context.Context, changed func()) error {
	s.note = changed
	<-ctx.Done()
	return nil
}

// asked is what a probe asks: an object, a program, an address or an endpoint.
func asked(spec check.Spec) string {
	switch {
	case spec.Object != "":
		return spec.Object
	case spec.Exec != nil:
		return spec.Exec.Argv[0]
	case spec.Target.Port() == 0:
		return spec.Target.Addr().String()
	}
	return spec.Target.String()
}

// silence makes whatever is asked from now on say nothing, or ends that.
func (s *stand) silence(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = on
}

func (s *stand) probe(ctx context.Context, spec check.Spec) check.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return check.Result{Detail: "timeout"}
	}
	if s.down[asked(spec)] {
		return check.Result{Detail: "connection refused"}
	}
	return check.Result{OK: true, Detail: "connected"}
}

// start runs the director until the test ends.
func (s *stand) start(hello ipc.Hello) {
	s.done = make(chan struct{})
	s.up = make(chan *Director, 1)
	s.line.toDirector <- ipc.ToDirector{Hello: &hello}
	go func() {
		defer close(s.done)
		_ = Run(s.t.Context(), Options{
			File: s.file, Node: "lb1", Version: "test", Line: s.line, Log: slog.New(slog.DiscardHandler),
			Parts: Parts{
				Kernel: func(context.Context) (lvs.Kernel, error) {
					if s.noIP != nil {
						return nil, s.noIP
					}
					return s.kernel, nil
				},
				Host:        func(string) (Host, error) { return s.host, nil },
				Probe:       func(conf.Node) func(context.Context, check.Spec) check.Result { return s.probe },
				Owned:       func(string) lvs.OwnedStore { return s.store },
				Overrides:   func(string) OverrideStore { return &s.spoken },
				Maintenance: func(string) MaintenanceStore { return keptMaintenance{&s.kept} },
				Preferences: func(string) PreferenceStore { return keptPreferences{&s.kept} },
				Link:        s.link.open,
				Key:         s.link.key,
				LastGood:    func(string) Memory { return s.memory },
				Web:         func(*Director) Web { return s.web },
				Links:       s.links,
				User:        func(name string) error { return s.hook.noUser[name] },
				Program:     s.hook.run,
				Told:        func(string) hook.Store { return &s.hook },
				ServerTold:  func(string) hook.ServerStore { return &s.told },
				Connections: &s.conns,
				Interface:   func([]netip.Addr) (string, error) { return "eth1", nil },
				Control: func(ctx context.Context, _ conf.Node, d *Director) (func() error, error) {
					if s.line.ready() {
						s.t.Error("ready before the control socket is there")
					}
					s.up <- d
					return func() error { <-ctx.Done(); return nil }, nil
				},
			},
		})
	}()
	s.t.Cleanup(func() { s.line.Close(); <-s.done })
	s.opened()
}

// opened waits until the director is at work; one that was refused, or waits, is not.
func (s *stand) opened() {
	synctest.Wait()
	select {
	case s.dir = <-s.up:
	default:
	}
}

// table is the fake kernel's table in ipvsadm's words.
func (s *stand) table() string { return s.kernel.String() }

func (s *stand) status() api.Status {
	s.t.Helper()
	st, err := s.dir.Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

type fakeHost struct {
	mu   sync.Mutex
	err  error
	last host.Desired
	sets int
}

func (h *fakeHost) Set(_ context.Context, d host.Desired) (host.Report, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = d
	h.sets++
	return host.Report{GuardStands: h.err == nil}, h.err
}

// fakeServerTold remembers what the hooks of virtual servers were told.
type fakeServerTold struct {
	mu   sync.Mutex
	kept map[string]string
}

func (f *fakeServerTold) Load() (map[string]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept, nil
}

func (f *fakeServerTold) Save(m map[string]string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = m
	return nil
}

// fakeOverrides is a disk that may be full.
type fakeOverrides struct {
	mu   sync.Mutex
	kept map[check.ID]policy.Override
	full error
}

func (f *fakeOverrides) Load() (map[check.ID]policy.Override, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept, nil
}

func (f *fakeOverrides) Save(m map[check.ID]policy.Override) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full == nil {
		f.kept = m
	}
	return f.full
}

type fakeMemory struct {
	kept *conf.Deployment
}

func (m *fakeMemory) Load() (conf.Deployment, bool, error) {
	if m.kept == nil {
		return conf.Deployment{}, false, nil
	}
	return *m.kept, true, nil
}

func (m *fakeMemory) Save(d conf.Deployment) error { m.kept = &d; return nil }

// fakeLine is an engine: it answers queries and keeps the rest.
type fakeLine struct {
	toDirector chan ipc.ToDirector
	gone       chan struct{}
	end        sync.Once

	mu         sync.Mutex
	configures []ipc.Configure
	healths    []map[string]vrrp.Health
	readies    int
	refuse     *ipc.Refuse
	beats      int
	openings   int
	queries    int
	mute       bool // it does not answer queries
	routers    []vrrp.RouterStatus
	follows    []bool   // whether the table goes by another director's word
	prepared   []string // groups
	waits      int
	restarts   int
	bequest    *ipc.Bequest
}

func newFakeLine() *fakeLine {
	return &fakeLine{toDirector: make(chan ipc.ToDirector, 16), gone: make(chan struct{})}
}

func (l *fakeLine) Close() { l.end.Do(func() { close(l.gone) }) }

func (l *fakeLine) Recv() (ipc.ToDirector, error) {
	select {
	case m := <-l.toDirector:
		return m, nil
	case <-l.gone:
		return ipc.ToDirector{}, io.EOF
	}
}

func (l *fakeLine) Send(m ipc.ToEngine) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.Configure != nil:
		l.configures = append(l.configures, *m.Configure)
	case m.Health != nil:
		l.healths = append(l.healths, m.Health)
	case m.Ready:
		l.readies++
	case m.Follows != nil:
		l.follows = append(l.follows, *m.Follows)
	case m.Prepared != "":
		l.prepared = append(l.prepared, m.Prepared)
	case m.Refuse != nil:
		l.refuse = m.Refuse
	case m.Waits:
		l.waits++
	case m.Restart:
		l.restarts++
	case m.Bequest != nil:
		l.bequest = m.Bequest
	case m.Alive:
		l.beats++
	case m.Opening:
		l.openings++
	case m.Query != 0 && l.mute:
		l.queries++
	case m.Query != 0:
		l.queries++
		l.toDirector <- ipc.ToDirector{Status: &ipc.Status{Query: m.Query, Now: vrrp.Instant(time.Hour), Routers: l.routers}}
	}
	return nil
}

// ready tells what the engine last heard of the group.
func (l *fakeLine) ready() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.healths) > 0 && l.healths[len(l.healths)-1]["nat"].Ready
}

const bothUp = "-A -t 172.20.10.4:80 -s rr\n" +
	"-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1\n" +
	"-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 1\n"

const onlyWeb2 = "-A -t 172.20.10.4:80 -s rr\n" +
	"-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 1\n"

func TestStartFromEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.setDown("192.168.33.92:80", true)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := s.table(); got != onlyWeb2 {
			t.Errorf("table\n%swant\n%s", got, onlyWeb2)
		}
		if len(s.line.configures) != 1 || len(s.line.configures[0].Groups) != 1 || s.line.readies != 1 || !s.line.ready() {
			t.Errorf("the engine heard %d configurations, %d readies, health %v", len(s.line.configures), s.line.readies, s.line.healths)
		}
		st := s.status()
		if st.Healthy || !slices.Contains(st.Problems, "web: web1 is down: connection refused") {
			t.Errorf("problems %q", st.Problems)
		}
		s.setDown("192.168.33.92:80", false)
		time.Sleep(3 * time.Second) // rise = 2 at 1 s
		synctest.Wait()
		if got := s.table(); got != bothUp {
			t.Errorf("after web1 came back\n%swant\n%s", got, bothUp)
		}
		if s.line.beats < 3 {
			t.Errorf("%d signs of life in 4 s", s.line.beats)
		}
	})
}

// TestAdoptedServersStay starts on the table of a predecessor while a server is
// silent: it stays until fall failures, and nothing else is touched.
func TestAdoptedServersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.kernel.Load(bothUp)
		s.setDown("192.168.33.92:80", true)
		s.start(ipc.Hello{})
		time.Sleep(time.Second - 1) // fall = 3 take two gaps, of half a second at least
		synctest.Wait()
		if got := s.table(); got != bothUp {
			t.Errorf("before fall failures\n%swant\n%s", got, bothUp)
		}
		if ops := s.kernel.Done(); len(ops) != 0 {
			t.Errorf("operations on a table that is right: %v", ops)
		}
		if !s.line.ready() {
			t.Error("an adopting start waits")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := s.table(); got != onlyWeb2 {
			t.Errorf("after fall failures\n%swant\n%s", got, onlyWeb2)
		}
	})
}

func TestAddressesWaitForTheGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.host.err = errors.New("nft: operation not permitted")
		s.start(ipc.Hello{})
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if s.line.ready() {
			t.Error("ready without the guard")
		}
		if st := s.status(); !strings.Contains(strings.Join(st.Problems, "\n"), "nft: operation not permitted") {
			t.Errorf("problems %q do not name the guard", st.Problems)
		}
		s.host.mu.Lock()
		s.host.err = nil
		s.host.mu.Unlock()
		time.Sleep(hostRetry + settle)
		synctest.Wait()
		if !s.line.ready() {
			t.Error("not ready although the guard stands now")
		}
	})
}

func TestReloadOfABrokenFileChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.write(strings.Replace(pairFile, "vrid = 51", "vrid = 511", 1))
		_, err := s.dir.Reload(t.Context())
		var told *api.Error
		if !errors.As(err, &told) || !told.Invalid || len(told.Details) != 1 || !strings.Contains(told.Details[0], "vrid") {
			t.Errorf("got %+v", err)
		}
		if got := s.table(); got != bothUp || len(s.line.configures) != 1 {
			t.Errorf("table\n%s, %d configurations", got, len(s.line.configures))
		}
	})
}

// TestReload changes a weight and removes a server: plan tells, reload does, and
// it is in force when it returns.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		before := len(s.kernel.Done())
		changed := strings.Replace(pairFile, `"192.168.33.92:80" }`, `"192.168.33.92:80", weight = 3 }`, 1)
		s.write(strings.Replace(changed, `{ name = "web2", address = "192.168.33.93:80" },`, ``, 1))
		plan, err := s.dir.Plan(t.Context())
		if err != nil || len(plan.Changes) != 4 {
			t.Errorf("plan %+v, %v; want two changes of the file and two of the table", plan, err)
		}
		if got := s.table(); got != bothUp {
			t.Errorf("plan changed the table:\n%s", got)
		}
		r, err := s.dir.Reload(t.Context())
		if err != nil || len(r.Problems) != 0 || len(r.Changes) != 2 {
			t.Fatalf("reload %+v, %v", r, err)
		}
		want := "-A -t 172.20.10.4:80 -s rr\n-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 3\n"
		if got := s.table(); got != want {
			t.Errorf("table\n%swant\n%s", got, want)
		}
		if ops := s.kernel.Done()[before:]; len(ops) != 2 {
			t.Errorf("operations %v, want one per change", ops)
		}
		if st := s.status(); len(st.Directors[0].VirtualServers[0].RealServers) != 1 {
			t.Errorf("status still has %v", st.Directors[0].VirtualServers[0].RealServers)
		}
	})
}

func TestReloadBySignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.write(strings.Replace(pairFile, `{ name = "web1", address = "192.168.33.92:80" },`, ``, 1))
		s.line.toDirector <- ipc.ToDirector{Reload: true}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := s.table(); got != onlyWeb2 {
			t.Errorf("table\n%swant\n%s", got, onlyWeb2)
		}
		if len(s.line.configures) != 2 {
			t.Errorf("the engine got %d configurations, want 2", len(s.line.configures))
		}
	})
}

// TestBrokenFileAtRestart: a director that is started again finds a broken file
// and goes on with the configuration of before.
func TestBrokenFileAtRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, err := conf.Parse("failover.toml", []byte(pairFile))
		if err != nil {
			t.Fatal(err)
		}
		s := newStand(t, "this is not TOML")
		s.memory.kept = &good
		s.line.routers = []vrrp.RouterStatus{{Name: "outside", State: vrrp.Backup}, {Name: "inside", State: vrrp.Backup}}
		s.start(ipc.Hello{Resume: true, StateDir: "/somewhere"})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := s.table(); got != bothUp {
			t.Errorf("table\n%swant\n%s", got, bothUp)
		}
		st := s.status()
		if len(st.Problems) != 1 || !strings.Contains(st.Problems[0], "the configuration of before is in force") {
			t.Errorf("problems %q", st.Problems)
		}
	})
}

func TestStartsThatCannotSucceed(t *testing.T) {
	for _, c := range []struct {
		name, text string
		noIP       error
		want       string
	}{
		{"a broken file", "vrid = ", nil, "failover.toml:1"},
		{"a kernel without IPVS", pairFile, lvs.ErrNoIPVS, "virtual servers need IPVS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t, c.text)
				s.noIP = c.noIP
				s.start(ipc.Hello{})
				if r := s.line.refuse; r == nil || r.ExitCode != 2 || !strings.Contains(r.Reason, c.want) || r.Hint == "" {
					t.Errorf("refused with %+v, want exit code 2, %q and a hint", r, c.want)
				}
				if len(s.line.configures) != 0 || s.host.sets != 0 {
					t.Error("something was changed before the refusal")
				}
			})
		})
	}
}

func TestNoVirtualServersNeedNoIPVS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text, _, _ := strings.Cut(pairFile, "[virtual_server.web]")
		s := newStand(t, text)
		s.noIP = lvs.ErrNoIPVS
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		synctest.Wait()
		if s.line.refuse != nil || !s.line.ready() || s.line.readies != 1 {
			t.Errorf("refused %+v, ready %v", s.line.refuse, s.line.ready())
		}
	})
}

// TestLeavesWithTheEngine: the line's end is the order to leave, and nothing is
// touched on the way out.
func TestLeavesWithTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		synctest.Wait()
		before, ops := s.table(), len(s.kernel.Done())
		s.line.Close()
		<-s.done // the bubble fails if anything of it stays
		if s.table() != before || len(s.kernel.Done()) != ops {
			t.Error("the table was touched on the way out")
		}
	})
}
