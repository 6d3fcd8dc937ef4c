package director

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/internal/metrics"
	"failover/internal/web"
	"failover/lvs"
	"failover/lvs/lvstest"
	"failover/vrrp"
)

// fakeWeb notes where it should listen, and fails where it is told to.
type fakeWeb struct {
	mu   sync.Mutex
	at   []netip.AddrPort
	fail error
}

func (w *fakeWeb) Set(a netip.AddrPort) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = append(w.at, a)
}

func (w *fakeWeb) Problem() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fail
}

func (w *fakeWeb) Leave(context.Context) { w.Set(netip.AddrPort{}) }

func (w *fakeWeb) Run(ctx context.Context) { <-ctx.Done() }

// where is the address that was wanted last.
func (w *fakeWeb) where() netip.AddrPort {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at[len(w.at)-1]
}

func (w *fakeWeb) setProblem(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

// countingKernel counts the readings of its counters, and fails where it is told
// to.
type countingKernel struct {
	*lvstest.Kernel
	stats int
	fail  error
}

func (k *countingKernel) Stats(ctx context.Context) (lvs.Stats, error) {
	k.stats++
	if k.fail != nil {
		return lvs.Stats{}, k.fail
	}
	return k.Kernel.Stats(ctx)
}

// asked tells how often the engine was queried.
func (l *fakeLine) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queries
}

// watch is a Watch of the stand's director.
func (s *stand) watch() *Watch {
	return NewWatch(s.dir, func() ([]metrics.Process, error) {
		return []metrics.Process{{Name: "engine", Threads: 6}}, nil
	})
}

// get asks as a client would.
func get(w *Watch, path string) (int, string) {
	r := httptest.NewRecorder()
	web.Handler(w).ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil))
	return r.Code, r.Body.String()
}

// exposed demands these lines of an exposition, and that none of the parts is in
// it.
func exposed(t *testing.T, text string, lines []string, not ...string) {
	t.Helper()
	have := strings.Split(text, "\n")
	for _, line := range lines {
		if !slices.Contains(have, line) {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	for _, part := range not {
		if strings.Contains(text, part) {
			t.Errorf("%s in\n%s", part, text)
		}
	}
}

// later lets the last look become old.
func later() {
	time.Sleep(2 * time.Second)
	synctest.Wait()
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.setDown("192.168.33.92:80", true)
		s.line.routers = []vrrp.RouterStatus{
			{Name: "outside", State: vrrp.Master, EffectivePriority: 150, HoldsAddresses: true, AdvertsSent: 7, LateWakeups: 2,
				AdvertsRejected: map[string]uint64{string(vrrp.RejectTTL): 3}},
			{Name: "inside", State: vrrp.Master, EffectivePriority: 150, HoldsAddresses: true},
			{Name: "gone", State: vrrp.Master}, // it hands over
		}
		key := lvs.Key{Protocol: lvs.TCP, Address: netip.MustParseAddrPort("172.20.10.4:80")}
		s.kernel.SetStats(lvs.Stats{
			Services: map[lvs.Key]lvs.Counters{key: {Connections: 10, PacketsIn: 40, BytesOut: 1 << 33}},
			Servers:  map[lvs.Key]map[lvs.ServerID]lvs.ServerStats{key: {"192.168.33.93:80": {Active: 2, Counters: lvs.Counters{Connections: 10}}}},
		})
		s.start(ipc.Hello{})
		later()
		code, text := get(s.watch(), "/metrics")
		if code != http.StatusOK {
			t.Fatalf("%d %s", code, text)
		}
		exposed(t, text, []string{
			`failover_vrrp_state{router="outside",state="master"} 1`,
			`failover_vrrp_state{router="outside",state="backup"} 0`,
			`failover_vrrp_adverts_sent_total{router="outside"} 7`,
			`failover_vrrp_adverts_rejected_total{reason="ttl",router="outside"} 3`,
			`failover_vrrp_adverts_rejected_total{reason="ttl",router="inside"} 0`,
			`failover_vrrp_late_wakeups_total{group="nat"} 2`,
			`failover_check_up{real_server="web1",virtual_server="web"} 0`,
			`failover_check_up{real_server="web2",virtual_server="web"} 1`,
			`failover_quorum_up{virtual_server="web"} 1`,
			`failover_ipvs_connections_total{service="tcp 172.20.10.4:80",virtual_server="web"} 10`,
			`failover_ipvs_bytes_total{direction="out",service="tcp 172.20.10.4:80",virtual_server="web"} 8.589934592e+09`,
			`failover_ipvs_weight{real_server="web2",service="tcp 172.20.10.4:80",virtual_server="web"} 1`,
			`failover_ipvs_active_connections{real_server="web2",service="tcp 172.20.10.4:80",virtual_server="web"} 2`,
			`failover_reconcile_operations_total{op="add-service"} 1`,
			`failover_reconcile_operations_total{op="add-server"} 1`,
			`failover_reconcile_operations_total{op="stop-sync"} 0`,
			`failover_config_reload_total{result="success"} 1`,
			`failover_config_reload_last_successful 1`,
			`failover_problems 1`,
			`failover_engine_up 1`,
			`failover_process_threads{process="engine"} 6`,
		}, `router="gone"`, `failover_ipvs_weight{real_server="web1",service="tcp 172.20.10.4:80",virtual_server="web"}`)
	})
}

// TestMetricsOfWhatIsNotKnown: an engine that is silent and counters that cannot
// be read leave no series, for a 0 would be a counter that was reset.
func TestMetricsOfWhatIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.line.mute = true
		s.start(ipc.Hello{})
		later()
		w := s.watch()
		code, text := get(w, "/metrics")
		if code != http.StatusOK {
			t.Fatalf("%d %s", code, text)
		}
		exposed(t, text, []string{`failover_engine_up 0`, `failover_check_up{real_server="web1",virtual_server="web"} 1`},
			"failover_vrrp_state", "failover_director_starts_total", "failover_ipvs_connections_total", "failover_ipvs_active_connections")
		if code, text := get(w, "/healthz"); code != http.StatusServiceUnavailable || text != "the engine process does not answer\n" {
			t.Errorf("/healthz: %d %s", code, text)
		}
		if code, text := get(w, "/status.json"); code != http.StatusOK || !strings.Contains(text, "the engine process does not answer") {
			t.Errorf("/status.json: %d %s", code, text)
		}
	})
}

func TestHealthzIsNotStatusHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.setDown("192.168.33.92:80", true)
		s.setDown("192.168.33.93:80", true)
		s.start(ipc.Hello{})
		later()
		if s.status().Healthy {
			t.Fatal("healthy without a single server")
		}
		if code, text := get(s.watch(), "/healthz"); code != http.StatusOK || text != "ok\n" {
			t.Errorf("%d %s", code, text)
		}
	})
}

// TestHealthzOfAStuckLoop: a director whose loop does not go round is not well,
// whatever its other goroutines answer.
func TestHealthzOfAStuckLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Director{ctx: t.Context(), pulse: make(chan struct{}), log: slog.New(slog.DiscardHandler)}
		code, text := get(NewWatch(d, nil), "/healthz")
		if code != http.StatusServiceUnavailable || text != "the director process does not answer\n" {
			t.Errorf("%d %s", code, text)
		}
	})
}

// TestLooksAreShared: who asks often costs the engine four answers a second, and
// the kernel one dump.
func TestLooksAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		later()
		w := s.watch()
		counting := &countingKernel{Kernel: s.kernel}
		s.dir.shown.Load().table.kernel = counting // from here on only counters are read through it
		before := s.line.asked()
		for range 100 {
			var all sync.WaitGroup
			for _, path := range []string{"/metrics", "/status.json", "/healthz"} {
				all.Go(func() {
					if code, text := get(w, path); code != http.StatusOK {
						t.Errorf("%s: %d %s", path, code, text)
					}
				})
			}
			all.Wait()
			time.Sleep(20 * time.Millisecond)
		}
		if n := s.line.asked() - before; n > 9 {
			t.Errorf("the engine was asked %d times in 2 s", n)
		}
		if n := counting.stats; n > 3 {
			t.Errorf("the kernel's counters were read %d times in 2 s", n)
		}
	})
}

// TestStatusIsNotShared: the control socket answers with the newest, also right
// after somebody else asked.
func TestStatusIsNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		later()
		w := s.watch()
		if _, err := w.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.web.setProblem(errors.New("something new"))
		old, err := w.Status(t.Context())
		if err != nil || slices.Contains(old.Problems, "something new") {
			t.Errorf("over HTTP: %q, %v; want the look of a moment ago", old.Problems, err)
		}
		if st := s.status(); !slices.Contains(st.Problems, "something new") {
			t.Errorf("over the socket: %q", st.Problems)
		}
	})
}

// TestWhoHangsUpSpoilsNothing: the look is not the client's who asked first.
func TestWhoHangsUpSpoilsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.line.routers = []vrrp.RouterStatus{{Name: "outside", State: vrrp.Backup}, {Name: "inside", State: vrrp.Backup}}
		s.start(ipc.Hello{})
		later()
		w := s.watch()
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		for _, ctx := range []context.Context{gone, t.Context()} {
			if st, err := w.Status(ctx); err != nil || len(st.Problems) != 0 {
				t.Errorf("%v, problems %q", err, st.Problems)
			}
		}
	})
}

// TestFailedReadingsAreNotRepeated: a kernel that does not tell its counters is
// asked once a second too, unless it was the asker who gave up.
func TestFailedReadingsAreNotRepeated(t *testing.T) {
	kernel := &countingKernel{Kernel: &lvstest.Kernel{}, fail: errors.New("no buffer space")}
	k := &tableKeeper{kernel: kernel}
	for range 3 {
		if _, err := k.counters(t.Context()); !errors.Is(err, kernel.fail) {
			t.Fatal(err)
		}
	}
	if kernel.stats != 1 {
		t.Errorf("asked %d times", kernel.stats)
	}
	kernel = &countingKernel{Kernel: &lvstest.Kernel{}, fail: context.Canceled}
	k = &tableKeeper{kernel: kernel}
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	_, _ = k.counters(gone)
	kernel.fail = nil
	if _, err := k.counters(t.Context()); err != nil || kernel.stats != 2 {
		t.Errorf("after one who hung up: %v, asked %d times", err, kernel.stats)
	}
}

// TestReloadMovesHTTP: another address takes effect without a restart, and one
// that cannot be had is a problem of the reload and of the status.
func TestReloadMovesHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		later()
		if at := s.web.where(); at != netip.MustParseAddrPort("127.0.0.1:9650") {
			t.Errorf("it listens at %s by default", at)
		}
		moved := pairFile + "[daemon]\nhttp_listen = { lb1 = \"192.168.33.91:9650\", lb2 = \"\" }\n"
		s.write(moved)
		r, err := s.dir.Reload(t.Context())
		if err != nil || len(r.Problems) != 0 || len(r.Changes) != 1 || r.Changes[0].Object != "daemon.http_listen" {
			t.Errorf("reload %+v, %v", r, err)
		}
		if at := s.web.where(); at != netip.MustParseAddrPort("192.168.33.91:9650") {
			t.Errorf("it listens at %s", at)
		}
		taken := errors.New("web: listen on 192.168.33.91:9651: address already in use")
		s.web.setProblem(taken)
		s.write(strings.Replace(moved, "91:9650", "91:9651", 1))
		if r, err = s.dir.Reload(t.Context()); err != nil || !slices.Contains(r.Problems, taken.Error()) {
			t.Errorf("reload %+v, %v", r, err)
		}
		if st := s.status(); st.Healthy || !slices.Contains(st.Problems, taken.Error()) {
			t.Errorf("problems %q", st.Problems)
		}
		s.write(pairFile + "[daemon]\nhttp_listen = \"\"\n")
		if _, err = s.dir.Reload(t.Context()); err != nil || s.web.where().IsValid() {
			t.Errorf("turned off: at %s, %v", s.web.where(), err)
		}
	})
}
