package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/program"
	"failover/vrrp"
)

// stage is a runner in virtual time whose programs take as long and end as they
// are told.
type stage struct {
	t     *testing.T
	r     *Runner
	began time.Time

	mu      sync.Mutex
	takes   map[string]time.Duration // by program
	fails   map[string]bool
	log     []string // "2s /bin/hook outside init backup 100 started"
	running int
	saved   map[string]Told
	saves   int
	saving  time.Duration // how long a save takes
}

func newStage(t *testing.T, told map[string]Told) *stage {
	s := &stage{t: t, began: time.Now(), takes: map[string]time.Duration{}, fails: map[string]bool{}, saved: told}
	s.r = New(Config{Run: s.run, Store: s, Changed: func() {}, Log: slog.New(slog.DiscardHandler)})
	return s
}

func (s *stage) Load() (map[string]Told, error) { return s.saved, nil }

func (s *stage) Save(m map[string]Told) error {
	s.mu.Lock()
	s.saved = m
	s.saves++
	s.mu.Unlock()
	time.Sleep(s.saving)
	return nil
}

func (s *stage) run(ctx context.Context, p program.Program) (string, error) {
	s.mu.Lock()
	s.log = append(s.log, fmt.Sprintf("%v %s", time.Since(s.began), strings.Join(p.Argv, " ")))
	if s.running++; s.running > 1 {
		s.t.Error("two programs of a group at once")
	}
	takes, fails := s.takes[p.Argv[0]], s.fails[p.Argv[0]]
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
	}()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return "", errors.New("killed by SIGKILL")
	}
	if fails {
		return "no such route", errors.New("exit status 1")
	}
	return "", nil
}

func (s *stage) set(program string, takes time.Duration, fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes[program], s.fails[program] = takes, fails
}

// hear lets the group change now.
func (s *stage) hear(to vrrp.State) {
	s.r.Hear("nat", Change{At: vrrp.Instant(time.Since(s.began)) + 1, To: to, Priority: 100, Reason: "because"})
}

// want compares what was run since the last call.
func (s *stage) want(lines ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.log, lines) {
		s.t.Errorf("ran\n\t%s\nwant\n\t%s", strings.Join(s.log, "\n\t"), strings.Join(lines, "\n\t"))
	}
	s.log = nil
}

func (s *stage) status() Status { return s.r.Status()["nat"] }

// both is a group of two routers that both have a notification.
func both(steps ...Step) Plan {
	return Plan{Group: "nat", User: "nobody", TakeOver: steps, Notify: []Call{
		{Router: "outside", Argv: []string{"/bin/a", "-v"}}, {Router: "inside", Argv: []string{"/bin/b"}},
	}}
}

func step(retries int) Step {
	return Step{Call: Call{Router: "outside", Argv: []string{"/bin/move"}}, Timeout: 10 * time.Second, Retries: retries}
}

// play runs a test in virtual time; that the bubble ends proves that Close left
// nothing behind.
func play(t *testing.T, told map[string]Told, p Plan, test func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, told)
		defer s.r.Close(time.Second)
		s.r.Set([]Plan{p})
		test(t, s)
	})
}

func TestNotifyInOrder(t *testing.T) {
	play(t, nil, both(), func(t *testing.T, s *stage) {
		s.set("/bin/a", time.Second, false)
		s.hear(vrrp.Backup)
		time.Sleep(5 * time.Second)
		s.set("/bin/b", 0, true)
		s.hear(vrrp.Master)
		time.Sleep(5 * time.Second)
		s.want("0s /bin/a -v outside init backup 100 because", "1s /bin/b inside init backup 100 because",
			"5s /bin/a -v outside backup master 100 because", "6s /bin/b inside backup master 100 because")
		st := s.status()
		if a, b := st.Runs["outside"], st.Runs["inside"]; !a.OK || a.Detail != "exit status 0" || b.OK || b.Detail != "exit status 1: no such route" || b.State != vrrp.Master {
			t.Errorf("runs %+v", st.Runs)
		}
		if st.Told != vrrp.Master || st.Dropped != 0 || s.saved["nat"].State != vrrp.Master {
			t.Errorf("status %+v, saved %+v", st, s.saved)
		}
	})
}

// TestLastStateWins: while one hook is slow the group goes through several states.
func TestLastStateWins(t *testing.T) {
	play(t, nil, both(), func(t *testing.T, s *stage) {
		s.set("/bin/a", 3*time.Second, false)
		for _, state := range []vrrp.State{vrrp.Backup, vrrp.Master, vrrp.Backup, vrrp.Master, vrrp.Fault} {
			s.hear(state)
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		s.want("0s /bin/a -v outside init backup 100 because", "3s /bin/b inside init backup 100 because",
			"3s /bin/a -v outside backup fault 100 because", "6s /bin/b inside backup fault 100 because")
		if st := s.status(); st.Dropped != 3 {
			t.Errorf("%d dropped", st.Dropped)
		}
		s.hear(vrrp.Backup) // running
		time.Sleep(time.Second)
		s.hear(vrrp.Master)
		time.Sleep(time.Second)
		s.hear(vrrp.Backup) // is what they will have been told
		time.Sleep(10 * time.Second)
		s.want("12.5s /bin/a -v outside fault backup 100 because", "15.5s /bin/b inside fault backup 100 because")
	})
}

func TestNotifyTimeout(t *testing.T) {
	play(t, nil, both(), func(t *testing.T, s *stage) {
		s.set("/bin/a", time.Hour, false)
		s.hear(vrrp.Backup)
		time.Sleep(time.Minute)
		s.want("0s /bin/a -v outside init backup 100 because", "10s /bin/b inside init backup 100 because")
		if run := s.status().Runs["outside"]; run.OK || run.Running || run.Detail != "timeout after 10s" {
			t.Errorf("got %+v", run)
		}
	})
}

// TestTakeOverComesFirst: until the step has succeeded nobody is told.
func TestTakeOverComesFirst(t *testing.T) {
	play(t, nil, both(step(3)), func(t *testing.T, s *stage) {
		s.hear(vrrp.Backup)
		synctest.Wait()
		s.set("/bin/move", 2*time.Second, true)
		s.log = nil
		time.Sleep(time.Second)
		s.hear(vrrp.Master)
		time.Sleep(4 * time.Second)
		if st := s.status(); !st.Held || st.Step != StepRunning || st.Attempt != 2 || st.Told != vrrp.Backup || st.Detail != "/bin/move: exit status 1: no such route" {
			t.Errorf("in the second attempt: %+v", st)
		}
		s.set("/bin/move", 2*time.Second, false)
		time.Sleep(10 * time.Second)
		s.want("1s /bin/move outside backup master 100 because", "4s /bin/move outside backup master 100 because",
			"7s /bin/move outside backup master 100 because",
			"9s /bin/a -v outside backup master 100 because", "9s /bin/b inside backup master 100 because")
		if st := s.status(); st.Held || st.Step != StepDone || st.Told != vrrp.Master || st.Dropped != 0 {
			t.Errorf("afterwards: %+v", st)
		}
	})
}

// TestTakeOverFails: it stays failed while the group is backup, and is tried again
// while it is master.
func TestTakeOverFails(t *testing.T) {
	play(t, nil, both(step(1)), func(t *testing.T, s *stage) {
		s.set("/bin/move", 0, true)
		s.hear(vrrp.Master)
		time.Sleep(2 * time.Second)
		s.want("0s /bin/move outside init master 100 because", "1s /bin/move outside init master 100 because")
		if st := s.status(); !st.Held || st.Step != StepFailed {
			t.Errorf("after the retries: %+v", st)
		}
		time.Sleep(30 * time.Second)
		s.want("31s /bin/move outside init master 100 because", "32s /bin/move outside init master 100 because")
		s.hear(vrrp.Backup)
		time.Sleep(time.Minute)
		s.want("32s /bin/a -v outside init backup 100 because", "32s /bin/b inside init backup 100 because")
		if st := s.status(); st.Held || st.Step != StepFailed || st.Dropped != 1 {
			t.Errorf("as backup: %+v", st)
		}
		s.set("/bin/move", 0, false)
		s.hear(vrrp.Master)
		time.Sleep(time.Second)
		if st := s.status(); st.Held || st.Step != StepDone || st.Told != vrrp.Master {
			t.Errorf("after it succeeded: %+v", st)
		}
	})
}

// TestTakeOverOfALostMastershipIsKilled, and nobody hears of it.
func TestTakeOverOfALostMastershipIsKilled(t *testing.T) {
	play(t, nil, both(step(9)), func(t *testing.T, s *stage) {
		s.hear(vrrp.Backup)
		synctest.Wait()
		s.log = nil
		s.set("/bin/move", 8*time.Second, false)
		time.Sleep(time.Second)
		s.hear(vrrp.Master)
		time.Sleep(time.Second)
		s.hear(vrrp.Backup)
		synctest.Wait()
		if s.running != 0 {
			t.Error("it goes on")
		}
		time.Sleep(time.Minute)
		s.want("1s /bin/move outside backup master 100 because")
		if st := s.status(); st.Step != StepNone || st.Dropped != 1 || st.Told != vrrp.Backup {
			t.Errorf("got %+v", st)
		}
	})
}

// TestANewStepIsTriedAtOnce after a reload, whether the old one had failed or was
// running.
func TestANewStepIsTriedAtOnce(t *testing.T) {
	for _, takes := range []time.Duration{0, time.Hour} {
		play(t, nil, both(step(0)), func(t *testing.T, s *stage) {
			s.set("/bin/move", takes, true)
			s.hear(vrrp.Master)
			time.Sleep(time.Second)
			other := step(0)
			other.Argv = []string{"/bin/other"}
			s.r.Set([]Plan{both(other)})
			synctest.Wait()
			s.want("0s /bin/move outside init master 100 because", "1s /bin/other outside init master 100 because",
				"1s /bin/a -v outside init master 100 because", "1s /bin/b inside init master 100 because")
			if st := s.status(); st.Step != StepDone || st.Dropped != 0 {
				t.Errorf("got %+v", st)
			}
		})
	}
}

// TestAfterARestart only what was missed is told.
func TestAfterARestart(t *testing.T) {
	for _, c := range []struct {
		name string
		told Told
		now  Change
		want []string
	}{
		{"nothing happened", Told{vrrp.Master, 7}, Change{At: 7, To: vrrp.Master}, nil},
		{"the engine was started again too, and adopted", Told{vrrp.Master, 7}, Change{At: 9, To: vrrp.Master, Adopted: true}, nil},
		{"missed", Told{vrrp.Backup, 7}, Change{At: 9, To: vrrp.Master},
			[]string{"0s /bin/move outside backup master 0 ", "0s /bin/a -v outside backup master 0 ", "0s /bin/b inside backup master 0 "}},
		{"lost and won again", Told{vrrp.Master, 7}, Change{At: 9, To: vrrp.Master},
			[]string{"0s /bin/move outside master master 0 ", "0s /bin/a -v outside master master 0 ", "0s /bin/b inside master master 0 "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			play(t, map[string]Told{"nat": c.told}, both(step(0)), func(t *testing.T, s *stage) {
				s.r.Hear("nat", c.now)
				s.r.Hear("nat", c.now) // from the status and as an event
				s.want(c.want...)
				if s.saved["nat"].At != c.now.At && c.now.At != c.told.At {
					t.Errorf("saved %+v", s.saved)
				}
			})
		})
	}
}

// TestAGroupThatIsGone is told of its end; one whose hooks are gone is not.
func TestAGroupThatIsGone(t *testing.T) {
	play(t, nil, both(), func(t *testing.T, s *stage) {
		s.hear(vrrp.Master)
		time.Sleep(time.Second)
		s.r.Set([]Plan{{Group: "nat"}})
		s.hear(vrrp.Backup)
		time.Sleep(time.Second)
		s.r.Set([]Plan{both()})
		s.hear(vrrp.Master)
		time.Sleep(time.Second)
		s.r.Set(nil)
		s.hear(vrrp.Init)
		s.want("0s /bin/a -v outside init master 100 because", "0s /bin/b inside init master 100 because",
			"2s /bin/a -v outside backup master 100 because", "2s /bin/b inside backup master 100 because",
			"3s /bin/a -v outside master init 100 because", "3s /bin/b inside master init 100 because")
		if len(s.r.Status()) != 0 {
			t.Error("the group is still there")
		}
	})
}

// TestCloseWaitsAWhile: what is on its way gets its time, and no more.
func TestCloseWaitsAWhile(t *testing.T) {
	for _, c := range []struct{ takes, want time.Duration }{{500 * time.Millisecond, 500 * time.Millisecond}, {time.Hour, 2 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, nil)
			s.r.Set([]Plan{both()})
			s.set("/bin/b", c.takes, false)
			s.hear(vrrp.Backup)
			began := time.Now()
			s.r.Close(2 * time.Second)
			if took := time.Since(began); took != c.want {
				t.Errorf("took %v, want %v", took, c.want)
			}
			if told := s.saved["nat"].State; (told == vrrp.Backup) != (c.takes < time.Second) {
				t.Errorf("told %q", told)
			}
		})
	}
}

// TestSlowStore: a thousand groups that change together are told together to a
// store that takes its time, and nobody who tells them has to wait for it.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.saving = time.Second
		var plans []Plan
		for i := range 1000 {
			plans = append(plans, Plan{Group: fmt.Sprintf("g%d", i)})
		}
		s.r.Set(plans)
		for _, p := range plans {
			s.r.Hear(p.Group, Change{At: 1, To: vrrp.Backup})
		}
		if took := time.Since(s.began); took > 0 {
			t.Errorf("telling them took %v", took)
		}
		s.r.Close(time.Minute)
		if s.saves > 2 || time.Since(s.began) > 2*time.Second {
			t.Errorf("saved %d times in %v, want at most two in 2 s", s.saves, time.Since(s.began))
		}
		for _, p := range plans {
			if s.saved[p.Group].State != vrrp.Backup {
				t.Fatalf("what %s was told is not saved", p.Group)
			}
		}
	})
}
