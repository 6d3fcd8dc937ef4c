package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"failover/e2e/lab"
)

// loses: the director process of the master dies, or hangs.
func (s *scene) loses(t *testing.T) {
	t.Run("killed", s.directorKilled)
	t.Run("frozen", s.directorFrozen)
}

// child is the director process beside the engine.
func (s *scene) child(t *testing.T, n *lab.Node) int {
	t.Helper()
	unit := s.pair.Unit(n)
	var pids []int
	eventually(t, 10*time.Second, "engine and director run", func() (bool, error) {
		pids = unit.PIDs()
		return len(pids) == 2, nil
	})
	for _, pid := range pids {
		if pid != unit.MainPID() {
			return pid
		}
	}
	t.Fatalf("no child among %v", pids)
	return 0
}

func (s *scene) directorKilled(t *testing.T) {
	c := s.clients(t, true)
	v := s.vigil(t, s.LB1)
	asked := time.Now()
	before := s.status(t, s.LB1)
	cost := time.Since(asked) // of asking, on this machine
	other, old := s.transitions(t, s.LB2), s.child(t, s.LB1)

	begin := time.Now()
	must(t, syscall.Kill(old, syscall.SIGKILL))
	eventually(t, 20*time.Second, "status answers", func() (bool, error) {
		_, err := s.ask(t, s.LB1)
		return err == nil, nil
	})
	back := time.Since(begin)
	figure(t, "back", back.Seconds(), "s")
	if limit := (time.Second + 2*cost) * 3 / 2; back > limit {
		t.Errorf("status answers after %v, want %v; asking alone takes %v", back, limit, cost)
	}
	if now := s.child(t, s.LB1); now == old {
		t.Errorf("the director still is process %d", now)
	}
	c.end().nothingLost(t)
	v.end()
	after := s.status(t, s.LB1)
	if a, b := router(t, before, "outside"), router(t, after, "outside"); b.State != "master" || a.Transitions != b.Transitions {
		t.Errorf("the role: %s with %d transitions, was %s with %d", b.State, b.Transitions, a.State, a.Transitions)
	}
	if now := s.transitions(t, s.LB2); now != other {
		t.Errorf("the other director changed its role: %d transitions, were %d", now, other)
	}
}

func (s *scene) directorFrozen(t *testing.T) {
	c := s.clients(t, true)
	frozen := s.child(t, s.LB1)
	must(t, syscall.Kill(frozen, syscall.SIGSTOP))
	begin := time.Now()
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB2))
	figure(t, "taken_over", time.Since(begin).Seconds(), "s")
	r := router(t, s.status(t, s.LB2), "outside")
	if r.State != "master" || !strings.Contains(r.Cause, "priority 1,") {
		t.Errorf("the other director is %s because %s, want master because of priority 1", r.State, r.Cause)
	}
	c.served(time.Now(), 10*time.Second)
	must(t, syscall.Kill(frozen, syscall.SIGCONT))
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB1))
	c.end().nothingLost(t)
}
