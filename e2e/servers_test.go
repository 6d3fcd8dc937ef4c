package e2e

import (
	"maps"
	"testing"
	"time"
)

// serversFail: web servers die and return.
func (s *scene) serversFail(t *testing.T) {
	set := s.pair.Setup
	// What a check may take: the last answer came just before the end, and each of
	// fall checks begins one interval after the one before.
	out := time.Duration(set.Fall)*set.CheckInterval + set.CheckTimeout
	in := time.Duration(set.Rise)*set.CheckInterval + set.CheckTimeout

	t.Run("one dies", func(t *testing.T) {
		c := s.clients(t, false)
		s.Web1.Stop()
		begin := time.Now()
		for name, took := range s.servers(t, 1, begin, 4*out) {
			if took > out {
				t.Errorf("%s has it out after %v, want %v", name, took, out)
			}
		}
		gone := time.Now()
		c.served(gone, 10*time.Second)
		o := c.end()
		if late := o.requests.From(gone); len(late.Failed()) > 0 {
			t.Errorf("after it was out of both tables: %v", late)
		}
	})
	t.Run("returns", func(t *testing.T) {
		c := s.stream(t, false)
		begin := time.Now()
		must(t, s.Web1.Start())
		for name, took := range s.servers(t, 2, begin, 4*in) {
			if took > in {
				t.Errorf("%s has it in after %v, want %v", name, took, in)
			}
		}
		c.end().nothingLost(t)
	})
	t.Run("all die", func(t *testing.T) {
		before := s.roleChanges(t)
		s.Web1.Stop()
		s.Web2.Stop()
		s.servers(t, 0, time.Now(), 4*out)
		s.quorum(t, "down")
		// Both know it in the end; neither takes that for a reason to move.
		for _, n := range s.Directors() {
			eventually(t, 20*time.Second, n.Name+" asks to be relieved", func() (bool, error) {
				st, err := s.ask(t, n)
				return err == nil && router(t, st, "outside").EffectivePriority == 1, err
			})
		}
		must(t, s.Web1.Start())
		must(t, s.Web2.Start())
		s.servers(t, 2, time.Now(), 4*in)
		must(t, s.pair.WaitService(within(t, 10*time.Second)))
		s.quorum(t, "up")
		if now := s.roleChanges(t); !maps.Equal(now, before) {
			t.Errorf("changes of role: %v, before %v", now, before)
		}
		for _, n := range s.Directors() {
			if lives := len(s.pair.Unit(n).Exits()); n == s.LB2 && lives > 0 {
				t.Errorf("%s ended %d times", n.Name, lives)
			}
		}
	})
}

// roleChanges are how often each director's service has changed its role.
func (s *scene) roleChanges(t *testing.T) map[string]uint64 {
	t.Helper()
	m := make(map[string]uint64)
	for _, n := range s.Directors() {
		m[n.Name] = router(t, s.status(t, n), "outside").Transitions
	}
	return m
}

// quorum waits until both directors show the service with that quorum.
func (s *scene) quorum(t *testing.T, want string) {
	t.Helper()
	for _, n := range s.Directors() {
		eventually(t, 10*time.Second, n.Name+" shows quorum "+want, func() (bool, error) {
			st, err := s.ask(t, n)
			if err != nil {
				return false, err
			}
			for _, d := range st.Directors {
				if d.Self && len(d.VirtualServers) == 1 {
					return d.VirtualServers[0].Quorum == want, nil
				}
			}
			return false, nil
		})
	}
}
