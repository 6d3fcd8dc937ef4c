package e2e

import (
	"testing"
	"time"
)

// lease is the default address_lease at the intervals of these tests.
const lease = 5 * time.Second

// kills: SIGKILL to every process of the master. Started again at once, nobody
// notices; left dead, the kernel takes its addresses away.
func (s *scene) kills(t *testing.T) {
	unit := s.pair.Unit(s.LB1)
	t.Run("restart", func(t *testing.T) {
		c := s.clients(t, true)
		v := s.vigil(t, s.LB1)
		before, pid := s.transitions(t, s.LB2), unit.MainPID()
		// The promise is for a restart within two advert intervals. A real machine
		// needs a tenth of a second; in the guest the programs that the supervisor
		// starts alone take most of the time, so it begins when the most is left.
		s.nextAdvert(t)
		begin := time.Now()
		must(t, unit.Kill9(true))
		eventually(t, 10*time.Second, "a new process", func() (bool, error) { return unit.MainPID() != pid, nil })
		must(t, unit.WaitReady(within(t, 20*time.Second)))
		figure(t, "ready", time.Since(begin).Seconds(), "s")
		c.end().nothingLost(t)
		v.end()
		if r := router(t, s.status(t, s.LB1), "outside"); r.State != "master" {
			t.Errorf("the killed director is %s now, want master (%s)", r.State, r.Cause)
		}
		if now := s.transitions(t, s.LB2); now != before {
			t.Errorf("the other director changed its role: %d transitions, were %d", now, before)
		}
	})
	t.Run("for good", func(t *testing.T) {
		c := s.clients(t, true)
		begin := time.Now()
		must(t, unit.Kill9(false))
		s.holdsNone(t, s.LB1, lease*2)
		gone := time.Since(begin)
		figure(t, "addresses_gone", gone.Seconds(), "s")
		if limit := lease + 1500*time.Millisecond; gone > limit {
			t.Errorf("addresses gone after %v, want at most %v", gone, limit)
		}
		must(t, s.pair.WaitHolder(within(t, 5*time.Second), s.LB2))
		c.end().noneBroken(t)
	})
	t.Run("again", func(t *testing.T) {
		c := s.clientsOf(t, s.LB2)
		must(t, unit.Start(within(t, 20*time.Second)))
		must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB1))
		c.end().nothingLost(t)
	})
}
