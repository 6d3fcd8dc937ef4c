package director

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/hook"
	"failover/internal/ipc"
	"failover/internal/program"
	"failover/vrrp"
)

// hookBench runs hooks on paper.
type hookBench struct {
	noUser map[string]error

	mu    sync.Mutex
	fails map[string]bool // by program
	takes time.Duration
	log   []string
	told  map[string]hook.Told
}

func (b *hookBench) run(ctx context.Context, p program.Program) (string, error) {
	b.mu.Lock()
	b.log = append(b.log, p.User+" runs "+strings.Join(p.Argv, " "))
	fails, takes := b.fails[p.Argv[0]], b.takes
	b.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return "", errors.New("killed by SIGKILL")
	}
	if fails {
		return "", errors.New("exit status 3")
	}
	return "", nil
}

func (b *hookBench) set(program string, fails bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fails = map[string]bool{program: fails}
}

func (b *hookBench) Load() (map[string]hook.Told, error) { return maps.Clone(b.told), nil }

func (b *hookBench) Save(m map[string]hook.Told) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = m
	return nil
}

// ran is what was run since the last call.
func (b *hookBench) ran() []string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	log := b.log
	b.log = nil
	return log
}

var hookFile = strings.NewReplacer(`[virtual_router.inside]`, `notify = ["/bin/out", "-v"]
[virtual_router.outside.take_over]
argv = ["/bin/move"]
retries = 1
[virtual_router.inside]
notify = ["/bin/in"]`).Replace(pairFile)

// change lets the group change at the engine.
func (s *stand) change(at time.Duration, from, to vrrp.State, c vrrp.Cause) {
	s.line.mu.Lock()
	s.line.routers = nil
	for _, name := range []string{"outside", "inside"} {
		s.line.routers = append(s.line.routers, vrrp.RouterStatus{
			Group: "nat", Name: name, State: to, Since: vrrp.Instant(at), Cause: c, EffectivePriority: 150, HoldsAddresses: true,
		})
	}
	s.line.mu.Unlock()
	s.line.toDirector <- ipc.ToDirector{Transition: &vrrp.Transition{
		At: vrrp.Instant(at), Group: "nat", From: from, To: to, Priority: 150, Cause: c,
	}}
	time.Sleep(200 * time.Millisecond)
	synctest.Wait()
}

var silence = vrrp.Cause{Kind: vrrp.CauseTimeout, Detail: "no master was heard"}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestHooksHearOfTransitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, hookFile)
		s.start(ipc.Hello{})
		s.change(time.Minute, vrrp.Init, vrrp.Backup, vrrp.Cause{Kind: vrrp.CauseStarted})
		same(t, "at the start", s.hook.ran(), []string{
			"failover-script runs /bin/out -v outside init backup 150 started", "failover-script runs /bin/in inside init backup 150 started",
		})
		s.change(2*time.Minute, vrrp.Backup, vrrp.Master, silence)
		same(t, "as master", s.hook.ran(), []string{
			"failover-script runs /bin/move outside backup master 150 no master was heard",
			"failover-script runs /bin/out -v outside backup master 150 no master was heard",
			"failover-script runs /bin/in inside backup master 150 no master was heard",
		})
		st := s.status()
		r := st.Directors[0].VirtualRouters[0]
		if r.State != "master" || r.TakingOver || r.TakeOver.State != "done" || r.Notify.Detail != "exit status 0" || r.Notify.Told != "master" || len(st.Problems) != 0 {
			t.Errorf("status %+v, %+v, %+v, problems %q", r, r.TakeOver, r.Notify, st.Problems)
		}
	})
}

// TestMasterIsReportedAfterItsStep: until then it is not, to nobody; when it fails
// for good the group is offered to the neighbour.
func TestMasterIsReportedAfterItsStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, hookFile)
		s.start(ipc.Hello{})
		s.change(time.Minute, vrrp.Init, vrrp.Backup, vrrp.Cause{Kind: vrrp.CauseStarted})
		s.hook.ran()
		s.hook.set("/bin/move", true)
		s.change(2*time.Minute, vrrp.Backup, vrrp.Master, silence)
		r := s.status().Directors[0].VirtualRouters[1] // of the whole group
		if r.State != "backup" || !r.TakingOver || r.Cause != "taking over: no master was heard" {
			t.Errorf("while the step fails: %+v", r)
		}
		if s.line.told().Lowest {
			t.Error("given up before the retries")
		}
		time.Sleep(3 * time.Second)
		same(t, "what ran", s.hook.ran(), slices.Repeat([]string{"failover-script runs /bin/move outside backup master 150 no master was heard"}, 2))
		problem := "nat: take-over step failed: /bin/move: exit status 3"
		if h, ps := s.line.told(), s.status().Problems; !h.Lowest || h.Fault || !slices.Contains(ps, problem) || h.Causes[0].Kind != vrrp.CauseTakeOver {
			t.Errorf("after the retries: %+v, problems %q", h, ps)
		}
		s.hook.set("/bin/move", false)
		time.Sleep(31 * time.Second)
		if h, ps := s.line.told(), s.status().Problems; h.Lowest || len(ps) != 0 {
			t.Errorf("after it succeeded at last: %+v, problems %q", h, ps)
		}
		if r := s.status().Directors[0].VirtualRouters[1]; r.State != "master" || r.TakingOver {
			t.Errorf("after it succeeded at last: %+v", r)
		}
	})
}

func TestFailedNotificationIsAProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, hookFile)
		s.start(ipc.Hello{})
		s.hook.set("/bin/in", true)
		s.change(time.Minute, vrrp.Init, vrrp.Backup, vrrp.Cause{Kind: vrrp.CauseStarted})
		if ps := s.status().Problems; !slices.Contains(ps, "inside: notify /bin/in backup: exit status 3") {
			t.Errorf("problems %q", ps)
		}
	})
}

// TestARestartTellsWhatWasMissed: while there was no director the group became
// master, or nothing happened.
func TestARestartTellsWhatWasMissed(t *testing.T) {
	for _, c := range []struct {
		told hook.Told
		want int
	}{
		{hook.Told{State: vrrp.Backup, At: vrrp.Instant(time.Minute)}, 3},
		{hook.Told{State: vrrp.Master, At: vrrp.Instant(2 * time.Minute)}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStand(t, hookFile)
			s.hook.told = map[string]hook.Told{"nat": c.told}
			s.line.routers = []vrrp.RouterStatus{
				{Group: "nat", Name: "outside", State: vrrp.Master, Since: vrrp.Instant(2 * time.Minute), Cause: silence, EffectivePriority: 150},
				{Group: "nat", Name: "inside", State: vrrp.Master, Since: vrrp.Instant(2 * time.Minute), Cause: silence, EffectivePriority: 150},
			}
			s.start(ipc.Hello{Resume: true})
			time.Sleep(time.Second)
			if ran := s.hook.ran(); len(ran) != c.want {
				t.Errorf("told %s before: ran %q", c.told.State, ran)
			}
		})
	}
}

// TestHooksAtTheEnd: what is running when the engine goes has its time.
func TestHooksAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, hookFile)
		s.start(ipc.Hello{})
		s.hook.takes = 700 * time.Millisecond
		s.change(time.Minute, vrrp.Init, vrrp.Backup, vrrp.Cause{Kind: vrrp.CauseStarted})
		s.line.Close()
		<-s.done
		if ran := s.hook.ran(); len(ran) != 2 || s.hook.told["nat"].State != vrrp.Backup {
			t.Errorf("ran %q, told %+v", ran, s.hook.told)
		}
	})
}

// TestLastWordsAreHeard: the engine stops, says so, and is gone.
func TestLastWordsAreHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, hookFile)
		s.start(ipc.Hello{})
		s.change(time.Minute, vrrp.Init, vrrp.Backup, vrrp.Cause{Kind: vrrp.CauseStarted})
		s.hook.ran()
		s.dir.box.put(func(b *batch) {
			b.engine = append(b.engine, ipc.ToDirector{Transition: &vrrp.Transition{
				At: vrrp.Instant(2 * time.Minute), Group: "nat", From: vrrp.Backup, To: vrrp.Init, Cause: vrrp.Cause{Kind: vrrp.CauseStopped},
			}})
			b.gone = io.EOF
		})
		<-s.done
		same(t, "at the end", s.hook.ran(), []string{
			"failover-script runs /bin/out -v outside backup init 0 asked to stop", "failover-script runs /bin/in inside backup init 0 asked to stop",
		})
	})
}

func TestHooksOfAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		s.change(time.Minute, vrrp.Init, vrrp.Backup, vrrp.Cause{Kind: vrrp.CauseStarted})
		s.write(hookFile)
		if _, err := s.dir.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		same(t, "after the reload", s.hook.ran(), nil)
		s.change(2*time.Minute, vrrp.Backup, vrrp.Fault, vrrp.Cause{Kind: vrrp.CauseInterface, Router: "inside", Detail: "eth1 is down"})
		same(t, "at the next change", s.hook.ran(), []string{
			"failover-script runs /bin/out -v outside backup fault 150 inside: eth1 is down",
			"failover-script runs /bin/in inside backup fault 150 inside: eth1 is down",
		})
	})
}

// TestMissingUserIsAnErrorWhereNeeded, and only there.
func TestMissingUserIsAnErrorWhereNeeded(t *testing.T) {
	missing := map[string]error{"failover-script": errors.New("user failover-script: unknown")}
	exec := strings.Replace(pairFile, `kind = "tcp", interval`, `kind = "exec", argv = ["/bin/ok"], interval`, 1)
	for _, c := range []struct{ name, text, want string }{
		{"nobody is needed", pairFile, ""},
		{"a hook", hookFile, "virtual_router.outside has a hook: user failover-script: unknown"},
		{"a track", trackFile, "virtual_router.outside has an exec track: user failover-script: unknown"},
		{"a check", exec, "virtual_server.web has an exec check: user failover-script: unknown"},
		{"somebody else", strings.Replace(exec, `"exec", argv`, `"exec", user = "nobody", argv`, 1), ""},
		{"somebody else for all", "[daemon]\nscript_user = \"nobody\"\n" + hookFile, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t, c.text)
				s.hook.noUser = missing
				s.start(ipc.Hello{})
				r := s.line.refuse
				if (r != nil) != (c.want != "") || r != nil && (r.Reason != c.want || r.ExitCode != 2 || r.Hint == "") {
					t.Errorf("refused %+v, want %q", r, c.want)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.hook.noUser = missing
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.write(hookFile)
		if _, err := s.dir.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "has a hook") {
			t.Errorf("reload: %v", err)
		}
	})
}

// TestToldOutlivesTheProcess, and a broken file does not stop a start.
func TestToldOutlivesTheProcess(t *testing.T) {
	store := toldStore{filepath.Join(t.TempDir(), "hooks.json")}
	if told, err := store.Load(); err != nil || len(told) != 0 {
		t.Fatalf("%v, %v", told, err)
	}
	want := map[string]hook.Told{"nat": {State: vrrp.Master, At: 7}}
	if err := store.Save(want); err != nil {
		t.Fatal(err)
	}
	if told, err := store.Load(); err != nil || !maps.Equal(told, want) {
		t.Errorf("%v, %v", told, err)
	}
	if err := os.WriteFile(store.path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if told, err := store.Load(); err == nil || len(told) != 0 {
		t.Errorf("%v, %v", told, err)
	}
}
