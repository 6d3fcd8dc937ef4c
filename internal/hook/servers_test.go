package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/program"
)

// bench runs the hooks of virtual servers in virtual time. A program takes a second
// and fails where its arguments say "bad".
type bench struct {
	mu      sync.Mutex
	began   time.Time
	log     []string
	running map[string]int
	most    int
	told    map[string]string
}

func newBench(told map[string]string) (*bench, *Servers) {
	b := &bench{began: time.Now(), running: map[string]int{}, told: told}
	return b, NewServers(ServersConfig{Run: b.run, Store: b, Log: slog.New(slog.DiscardHandler)})
}

func (b *bench) Load() (map[string]string, error) { return maps.Clone(b.told), nil }

func (b *bench) Save(m map[string]string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = m
	return nil
}

func (b *bench) run(ctx context.Context, p program.Program) (string, error) {
	b.mu.Lock()
	b.log = append(b.log, fmt.Sprintf("%v %s", time.Since(b.began), strings.Join(p.Argv, " ")))
	b.running[p.Argv[0]]++
	b.most = max(b.most, len(b.running))
	if b.running[p.Argv[0]] > 1 {
		b.log = append(b.log, "two at once")
	}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.running, p.Argv[0])
		b.mu.Unlock()
	}()
	takes := time.Second
	if slices.Contains(p.Argv, "hangs") {
		takes = time.Hour
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return "", errors.New("killed by SIGKILL")
	}
	if slices.Contains(p.Argv, "bad") {
		return "no good", errors.New("exit status 3")
	}
	return "", nil
}

// TestServersInOrder: one at a time, the last state wins, what was told is kept and
// not told again, and how it ended is known.
func TestServersInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newBench(map[string]string{"web/web1": "up", "web": "up", "old": "down"})
		s.Set([]ServerPlan{{Name: "web", User: "nobody", Argv: []string{"/hook", "-v"}}})
		quorum := Standing{Name: "web", State: "up", Weight: 4, Reason: "weight 4, quorum 1"}
		say := func(state string) {
			s.Hear("web", []Standing{{Name: "web/web1", State: state, Weight: 3, Reason: "timeout after 1s"}, quorum})
		}
		say("up")
		synctest.Wait()
		say("down")
		synctest.Wait()
		say("up")
		say("down") // that was told
		quorum.State, quorum.Reason = "down", "bad"
		say("down")
		say("down")
		time.Sleep(1500 * time.Millisecond)
		if got := s.Status()["web"]; got.Of != "web down" || !got.Run.Running {
			t.Errorf("while it runs: %+v", got)
		}
		time.Sleep(time.Minute)
		s.Hear("nobody", []Standing{quorum})
		s.Close(time.Second)
		want := []string{"0s /hook -v web/web1 up down 3 timeout after 1s", "1s /hook -v web up down 4 bad"}
		if !slices.Equal(b.log, want) {
			t.Errorf("ran\n%s\nwant\n%s", strings.Join(b.log, "\n"), strings.Join(want, "\n"))
		}
		if got := s.Status()["web"]; got.Run.OK || got.Run.Detail != "exit status 3: no good" || got.Dropped != 1 {
			t.Errorf("in the end: %+v", got)
		}
		if want := map[string]string{"web/web1": "down", "web": "down", "old": "down"}; !maps.Equal(b.told, want) {
			t.Errorf("kept %v, want %v", b.told, want)
		}
	})
}

// TestServersTogether: those of many virtual servers run side by side, and no more
// than the machine can take. One that hangs is ended by its time.
func TestServersTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newBench(nil)
		var plans []ServerPlan
		for i := range 100 {
			name := fmt.Sprintf("v%d", i)
			plans = append(plans, ServerPlan{Name: name, Argv: []string{"/hook-" + name}})
		}
		plans[0].Argv = append(plans[0].Argv, "hangs")
		s.Set(plans)
		for _, p := range plans {
			s.Hear(p.Name, []Standing{{Name: p.Name, State: "up"}})
		}
		time.Sleep(2 * NotifyTimeout) // it may be among the last to begin
		synctest.Wait()
		if len(b.log) != len(plans) || b.most != atOnce {
			t.Errorf("%d ran, %d at most at the same time; want %d and %d", len(b.log), b.most, len(plans), atOnce)
		}
		if got := s.Status()["v0"]; got.Run.OK || !strings.Contains(got.Run.Detail, "timeout after 10s") {
			t.Errorf("the one that hangs: %+v", got)
		}
		s.Set(nil) // all of them leave
		if len(s.Status()) != 0 {
			t.Error("hooks of virtual servers that are gone are shown")
		}
		s.Close(0)
	})
}

// TestServersKilledAreToldAgain: what was running when the process had to go is not
// taken for told.
func TestServersKilledAreToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newBench(nil)
		s.Set([]ServerPlan{{Name: "web", Argv: []string{"/hook", "hangs"}}})
		s.Hear("web", []Standing{{Name: "web", State: "up"}})
		synctest.Wait()
		s.Close(time.Second)
		if time.Since(b.began) != time.Second || len(b.told) != 0 {
			t.Errorf("closed after %v with %v told", time.Since(b.began), b.told)
		}
	})
}
