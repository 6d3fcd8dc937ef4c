package e2e

import (
	"testing"
	"time"
)

// stops: the master's daemon is stopped and later started again. Nobody loses
// anything, either way.
func (s *scene) stops(t *testing.T) {
	unit := s.pair.Unit(s.LB1)
	t.Run("stop", func(t *testing.T) {
		c := s.clients(t, true)
		before := s.table(t, s.LB1)
		begin := time.Now()
		must(t, unit.Stop(within(t, 30*time.Second)))
		figure(t, "stopped", time.Since(begin).Seconds(), "s")
		must(t, s.pair.WaitHolder(within(t, 10*time.Second), s.LB2))
		c.end().nothingLost(t)
		if after := s.table(t, s.LB1); after != before {
			t.Errorf("the table of the stopped director:\n%s\nbefore:\n%s", after, before)
		}
		if pids := unit.PIDs(); len(pids) > 0 {
			t.Errorf("processes %v are left", pids)
		}
	})
	t.Run("start", func(t *testing.T) {
		c := s.clientsOf(t, s.LB2)
		must(t, unit.Start(within(t, 20*time.Second)))
		must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB1))
		c.end().nothingLost(t)
	})
}
