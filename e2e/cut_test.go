package e2e

import (
	"testing"
	"time"

	"failover/e2e/lab"
)

// masterDown is RFC 9568 section 6.1 for the backup of the lab: three intervals
// and its Skew_Time.
func masterDown(interval time.Duration, priority int) time.Duration {
	return 3*interval + time.Duration(256-priority)*interval/256
}

// cutCarrier takes the master's links away, which it notices at once. The way
// back costs nothing: it waits until it knows its real servers again.
func (s *scene) cutCarrier(t *testing.T) {
	t.Run("away", func(t *testing.T) { s.away(t, s.Cut) })
	t.Run("back", func(t *testing.T) { s.back(t).nothingLost(t) })
}

// cutBeyond takes the master off both switches while its carrier stays: it goes
// on believing that it is the master, until it finds all its real servers dead
// and asks to be relieved. So it does not win, blind as it is, when the networks
// join again.
func (s *scene) cutBeyond(t *testing.T) {
	t.Run("away", func(t *testing.T) { s.away(t, s.Isolate) })
	eventually(t, 20*time.Second, "the master knows that it sees no server", func() (bool, error) {
		st, err := s.ask(t, s.LB1)
		return err == nil && router(t, st, "outside").EffectivePriority == 1, err
	})
	t.Run("back", func(t *testing.T) { s.back(t).nothingLost(t) })
}

// away: the neighbour takes over within the protocol's own time and a half, and
// no held connection breaks.
func (s *scene) away(t *testing.T, cut func(*lab.Node, ...string) error) {
	interval := s.pair.Setup.AdvertInterval
	// The stream looks only so often.
	limit := masterDown(interval, s.pair.Setup.Priority["lb2"])*3/2 + 2*every
	c := s.clients(t, true)
	at := time.Now()
	must(t, cut(s.LB1))
	eventually(t, 20*time.Second, "a request is answered after the cut", func() (bool, error) {
		return c.stream.AnsweredFrom(at.Add(limit/5)) > 0, nil
	})
	o := c.end()
	o.noneBroken(t)
	if gap := o.requests.Gap(); gap > limit {
		t.Errorf("no answer for %.2f s, want at most %.2f s", gap.Seconds(), limit.Seconds())
	}
}

// back restores the links and waits until the master is master again.
func (s *scene) back(t *testing.T) outcome {
	c := s.clientsOf(t, s.LB2)
	must(t, s.Restore(s.LB1))
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB1))
	return c.end()
}
