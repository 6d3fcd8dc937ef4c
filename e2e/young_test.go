package e2e

import (
	"context"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestYoung: connections that begin just before a planned hand-over or in the middle
// of it go on at once. The kernel tells the other director of them up to three seconds
// later: until then they stand still, or it has given them another server.
func TestYoung(t *testing.T) {
	t.Parallel()
	s := failover(t, lab.Setup{Check: "tcp"})
	must(t, s.pair.Start(within(t, 60*time.Second)))
	s.settled(t)
	unit := s.pair.Unit(s.LB1)
	for _, step := range []struct {
		name string
		do   func(context.Context) error
		to   *lab.Node
	}{
		{"stop", unit.Stop, s.LB2}, {"start", unit.Start, s.LB1},
		{"stop again", unit.Stop, s.LB2}, {"start again", unit.Start, s.LB1},
	} {
		t.Run(step.name, func(t *testing.T) {
			born := s.births(t)
			must(t, step.do(within(t, 30*time.Second)))
			must(t, s.pair.WaitHolder(within(t, 40*time.Second), step.to))
			all := born()
			since, broken, stall := time.Now(), 0, time.Duration(0)
			for _, h := range all {
				eventually(t, 60*time.Second, "every connection is used, or broke", func() (bool, error) {
					return h.Conns().Broken() > 0 || h.Conns().Since(since), nil
				})
				conns := h.Stop()
				broken, stall = broken+conns.Broken(), max(stall, conns.Stall())
				if conns.Broken() > 0 {
					t.Errorf("opened %v before the end: %v", since.Sub(conns[0].Opened), conns[0].Err)
				}
			}
			t.Logf("%d connections, %d broken, longest stall %.2f s", len(all), broken, stall.Seconds())
			figure(t, "stall", stall.Seconds(), "s")
			if stall > 800*time.Millisecond {
				t.Errorf("an exchange took %v: its connection was unknown to the new master for a while", stall)
			}
			if len(all) < 10 {
				t.Errorf("only %d connections began during the hand-over", len(all))
			}
		})
	}
}

// births opens connections, one after the other, until the function it returns is
// called, which returns them.
func (s *scene) births(t *testing.T) (end func() []*lab.Held) {
	t.Helper()
	var all []*lab.Held
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			h, err := s.Client.Hold(ctx, lab.HeldSpec{Address: lab.Service, Count: 1, Every: 300 * time.Millisecond})
			cancel()
			if err != nil {
				ended <- err
				return
			}
			all = append(all, h)
			select {
			case <-stop:
				ended <- nil
				return
			case <-time.After(30 * time.Millisecond):
			}
		}
	}()
	return func() []*lab.Held {
		close(stop)
		must(t, <-ended)
		return all
	}
}
