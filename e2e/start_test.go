package e2e

import (
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"failover/e2e/lab"
)

// boots: both directors start at the same moment, as after a power cut, while
// clients already ask.
func (s *scene) boots(t *testing.T) {
	b := s.boot(t)
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i, n := range s.Directors() {
		both.Go(func() { errs[i] = s.pair.Unit(n).Start(within(t, 30*time.Second)) })
	}
	both.Wait()
	must(t, errors.Join(errs...))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB1))
	b.end(t)
	s.settled(t)
}

// late: one director starts alone, and the better one comes when it is master.
func (s *scene) late(t *testing.T) {
	b := s.boot(t)
	must(t, s.pair.Unit(s.LB2).Start(within(t, 30*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB2))
	b.end(t)
	c := s.stream(t, false)
	must(t, s.pair.Unit(s.LB1).Start(within(t, 30*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB1))
	c.end().nothingLost(t)
	s.settled(t)
}

// boot are clients from before the start.
type boot struct {
	begin  time.Time
	stream *lab.Stream
	up     chan time.Time // when an address was first seen
}

func (s *scene) boot(t *testing.T) *boot {
	t.Helper()
	b := &boot{begin: time.Now(), up: make(chan time.Time, 1)}
	b.stream = s.Client.Stream(lab.StreamSpec{URL: "http://" + lab.Service + "/", Every: every})
	t.Cleanup(func() { b.stream.Stop() })
	go func() {
		defer close(b.up)
		err := lab.Eventually(t.Context(), "an address is up", func() (bool, error) {
			holders, err := s.pair.Holders(lab.VirtualOutside.Addr())
			return len(holders) > 0, err
		})
		if err == nil {
			b.up <- time.Now()
		}
	}()
	return b
}

// end: whoever asked once the address was there got an answer, and nobody was
// turned away at any time: the table was there before the address.
func (b *boot) end(t *testing.T) {
	t.Helper()
	up, ok := <-b.up
	if !ok {
		t.Fatal("the address was never seen")
	}
	eventually(t, 20*time.Second, "twenty requests are answered", func() (bool, error) {
		return b.stream.AnsweredFrom(up) >= 20, nil
	})
	all := b.stream.Stop()
	figure(t, "address_up", up.Sub(b.begin).Seconds(), "s")
	if after := all.From(up); len(after.Failed()) > 0 {
		t.Errorf("after the address was up: %v", after)
	}
	for _, r := range all.Failed() {
		if errors.Is(r.Err, syscall.ECONNREFUSED) || errors.Is(r.Err, syscall.ECONNRESET) {
			t.Errorf("at %v: %v", r.Start.Sub(up), r.Err)
		}
	}
}
