package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"failover/e2e/lab"
)

// beat is how often directors tell each other what their checks say.
const beat = time.Second

// TestHealthOfBoth is a pair whose directors check at different moments: what they
// program differs for a beat at most, and who sees more becomes master.
func TestHealthOfBoth(t *testing.T) {
	setup := lab.Setup{
		Check: "tcp", CheckInterval: 3 * time.Second, Rise: 1, Fall: 2,
		RouterLines: "follow_health = true",
	}
	s := linkedPair(t, setup)
	s.play(t,
		scenario{"a server dies and returns", s.diesOnBoth},
		scenario{"one director is blind", s.blindMasterYields},
		scenario{"both are blind", s.bothBlind},
	)
}

// takes lists the real servers that get new connections by a director's table.
func takes(n *lab.Node) (string, error) {
	text, err := n.ReadFile("/proc/thread-self/net/ip_vs")
	if err != nil {
		return "", err
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		// -> RemoteAddress:Port Forward Weight ActiveConn InActConn
		if f := strings.Fields(line); len(f) > 3 && f[0] == "->" && f[3] != "0" && strings.HasPrefix(f[1], "C0A8") {
			list = append(list, f[1])
		}
	}
	slices.Sort(list)
	return strings.Join(list, " "), nil
}

// twins watches for how long at a time the tables of both directors differ in who takes
// connections.
type twins struct {
	stop context.CancelFunc
	all  sync.WaitGroup

	mu    sync.Mutex
	apart []time.Duration
	err   error
}

func (s *scene) twins(t *testing.T) *twins {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	w := &twins{stop: stop}
	w.all.Go(func() { w.look(ctx, s) })
	return w
}

func (w *twins) look(ctx context.Context, s *scene) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var since time.Time
	for ctx.Err() == nil {
		one, err := takes(s.LB1)
		other, also := takes(s.LB2)
		w.mu.Lock()
		switch {
		case err != nil || also != nil:
			w.err = fmt.Errorf("read the tables: %w, %w", err, also)
		case one != other && since.IsZero():
			since = time.Now()
		case one == other && !since.IsZero():
			w.apart = append(w.apart, time.Since(since))
			since = time.Time{}
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// end tells how often the tables differed, and for how long at most.
func (w *twins) end(t *testing.T) (times int, longest time.Duration) {
	t.Helper()
	w.stop()
	w.all.Wait()
	must(t, w.err)
	for _, d := range w.apart {
		longest = max(longest, d)
	}
	return len(w.apart), longest
}

// diesOnBoth: each change is in both tables within a beat of the first, which a slow
// machine has twice the time for, though a check may come to it three seconds later.
func (s *scene) diesOnBoth(t *testing.T) {
	for round := range 3 {
		w := s.twins(t)
		s.Web2.Stop()
		s.takesOnly(t, "C0A8215C:0050")
		died, longest := w.end(t)
		figure(t, fmt.Sprintf("apart_when_it_dies_%d", round), longest.Seconds(), "s")
		for _, n := range s.Directors() { // a word that nobody confirms would count as wrong
			eventually(t, 30*time.Second, n.Name+" finds web2 down itself", func() (bool, error) {
				_, rs := s.real(t, n, "web2")
				return rs.Check == "down" && !rs.Disputed, nil
			})
		}
		w = s.twins(t)
		must(t, s.Web2.Start())
		s.takesOnly(t, "C0A8215C:0050 C0A8215D:0050")
		returned, again := w.end(t)
		figure(t, fmt.Sprintf("apart_when_it_returns_%d", round), again.Seconds(), "s")
		if most := 2 * beat; longest > most || again > most || died > 1 || returned > 1 {
			t.Errorf("round %d: the tables differed %d times for %v at most, on return %d times for %v; want once, for %v", round, died, longest, returned, again, most)
		}
		for _, n := range s.Directors() {
			s.insync(t, n)
		}
	}
}

// takesOnly waits until exactly these real servers take connections on both directors.
func (s *scene) takesOnly(t *testing.T, want string) {
	t.Helper()
	eventually(t, 30*time.Second, "both tables give connections to "+want, func() (bool, error) {
		for _, n := range s.Directors() {
			if have, err := takes(n); err != nil || have != want {
				return false, err
			}
		}
		return true, nil
	})
}

// complains waits for a problem of a director.
func (s *scene) complains(t *testing.T, n *lab.Node, want string) {
	t.Helper()
	eventually(t, 60*time.Second, n.Name+" says "+want, func() (bool, error) {
		st, err := s.ask(t, n)
		return err == nil && strings.Contains(strings.Join(st.Problems, "\n"), want), nil
	})
}

// blindMasterYields: the master cannot reach one of two web servers. It says so, its
// neighbour is master some seconds later, and it comes back when it sees as much again;
// no request fails by any of that.
func (s *scene) blindMasterYields(t *testing.T) {
	s.tool(t, s.LB1, "ip", "route", "add", "blackhole", "192.168.33.93/32")
	eventually(t, 30*time.Second, "lb1 gives web2 no connections", func() (bool, error) {
		have, err := takes(s.LB1)
		return have == "C0A8215C:0050", err
	})
	c := s.stream(t, false)
	begin := time.Now()
	s.complains(t, s.LB1, "lb2: web: 192.168.33.93:80 weight 1, here not in the table")
	s.complains(t, s.LB2, "lb1: web: 192.168.33.93:80 not in the table, here weight 1")
	must(t, s.pair.WaitHolder(within(t, 60*time.Second), s.LB2))
	figure(t, "yields_after", time.Since(begin).Seconds(), "s")
	s.complains(t, s.LB1, "nat: advertises priority 1: lb2 sees 2 of 2 real servers up, this director 1")
	c.end().nothingLost(t)
	c = s.stream(t, false)
	s.tool(t, s.LB1, "ip", "route", "del", "blackhole", "192.168.33.93/32")
	begin = time.Now()
	must(t, s.pair.WaitHolder(within(t, 60*time.Second), s.LB1))
	back := time.Since(begin)
	figure(t, "back_after", back.Seconds(), "s")
	if back < 10*time.Second {
		t.Errorf("back after %v: the hold is 10 s", back)
	}
	c.end().nothingLost(t)
	for _, n := range s.Directors() {
		s.insync(t, n)
	}
}

// bothBlind: what both miss is no reason to move.
func (s *scene) bothBlind(t *testing.T) {
	before := s.roleChanges(t)
	for _, n := range s.Directors() {
		s.tool(t, n, "ip", "route", "add", "blackhole", "192.168.33.93/32")
	}
	s.takesOnly(t, "C0A8215C:0050")
	begin := time.Now()
	eventually(t, 60*time.Second, "twice the hold is over", func() (bool, error) { return time.Since(begin) > 20*time.Second, nil })
	if now := s.roleChanges(t); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("changes of role %v, before %v", now, before)
	}
	for _, n := range s.Directors() {
		if r := router(t, s.status(t, n), "outside"); r.EffectivePriority != s.pair.Setup.Priority[n.Name] {
			t.Errorf("%s advertises %d", n.Name, r.EffectivePriority)
		}
		s.tool(t, n, "ip", "route", "del", "blackhole", "192.168.33.93/32")
	}
	s.takesOnly(t, "C0A8215C:0050 C0A8215D:0050")
}
