package e2e

import (
	"testing"
	"time"
)

// masterDown is RFC 9568 section 6.1 for the backup of the lab: three intervals
// and its Skew_Time.
func masterDown(interval time.Duration, priority int) time.Duration {
	return 3*interval + time.Duration(256-priority)*interval/256
}

// cutCarrier takes the master's links away: it notices at once.
func (s *scene) cutCarrier(t *testing.T) { s.cut(t, func() error { return s.Cut(s.LB1) }) }

// cutBeyond takes the master off both switches while its carrier stays: it goes
// on believing that it is the master.
func (s *scene) cutBeyond(t *testing.T) { s.cut(t, func() error { return s.Isolate(s.LB1) }) }

// cut: the neighbour takes over within the protocol's own time and a half, no
// held connection breaks, and the way back costs nothing.
func (s *scene) cut(t *testing.T, cut func() error) {
	interval := s.pair.Setup.AdvertInterval
	limit := masterDown(interval, s.pair.Setup.Priority["lb2"]) * 3 / 2

	t.Run("away", func(t *testing.T) {
		c := s.clients(t, true)
		at := time.Now()
		must(t, cut())
		eventually(t, 20*time.Second, "a request is answered after the cut", func() (bool, error) {
			return c.stream.AnsweredFrom(at.Add(100*time.Millisecond)) > 0, nil
		})
		o := c.end()
		o.noneBroken(t)
		if gap := o.requests.Gap(); gap > limit {
			t.Errorf("no answer for %.2f s, want at most %.2f s", gap.Seconds(), limit.Seconds())
		}
	})
	t.Run("back", func(t *testing.T) {
		c := s.clientsOf(t, s.LB2)
		must(t, s.Restore(s.LB1))
		must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB1))
		c.end().nothingLost(t)
	})
}
