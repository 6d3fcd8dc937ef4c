package check

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// farm is a set of servers in virtual time: it answers probes, notes when they
// came, and collects the verdicts.
type farm struct {
	mu       sync.Mutex
	down     map[string]string // target -> detail; absent: healthy
	takes    map[string]time.Duration
	starts   map[string][]time.Time
	inFlight map[string]int
	most     int // probes at the same time
	now      int
	verdicts map[ID]Verdict
	log      []string // changes: "12s a down: refused"
	began    time.Time
}

func newFarm() *farm {
	return &farm{
		down: map[string]string{}, takes: map[string]time.Duration{},
		starts: map[string][]time.Time{}, inFlight: map[string]int{},
		verdicts: map[ID]Verdict{}, began: time.Now(),
	}
}

func (f *farm) probe(ctx context.Context, s Spec) Result {
	name := s.Target.String()
	f.mu.Lock()
	f.starts[name] = append(f.starts[name], time.Now())
	f.inFlight[name]++
	f.now++
	f.most = max(f.most, f.now)
	if f.inFlight[name] > 1 {
		panic("overlapping probes of " + name)
	}
	takes := f.takes[name]
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inFlight[name]--
		f.now--
	}()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return Result{Detail: "timeout"}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	detail, down := f.down[name]
	if detail == "panic" {
		panic("a probe with a bug")
	}
	if down {
		return Result{Detail: detail}
	}
	return Result{OK: true, Detail: "fine"}
}

func (f *farm) report(vs []Verdict) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range vs {
		// Whether "unknown" is seen before the first result depends on who is quicker.
		if f.verdicts[v.ID].Status != v.Status && v.Status != Unknown {
			line := fmt.Sprintf("%v %s %s: %s", time.Since(f.began), v.ID.RealServer, v.Status, v.Result.Detail)
			f.log = append(f.log, line)
		}
		f.verdicts[v.ID] = v
	}
}

func (f *farm) set(target Spec, detail string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down[target.Target.String()] = detail
}

func (f *farm) heal(target Spec) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.down, target.Target.String())
}

func (f *farm) verdict(id ID) Verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.verdicts[id]
}

func (f *farm) startsOf(s Spec) []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts[s.Target.String()]
}

func (f *farm) lines() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.log, "\n")
}

func (f *farm) pool(c Config) *Pool {
	c.Probe, c.Report = f.probe, f.report
	c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	return NewPool(c)
}

func id(name string) ID { return ID{VirtualServer: "web", RealServer: name} }

// bubble runs a test in virtual time with a farm and a pool; that the bubble
// ends proves that Close left no goroutine behind.
func bubble(t *testing.T, c Config, test func(t *testing.T, f *farm, p *Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFarm()
		p := f.pool(c)
		defer p.Close()
		test(t, f, p)
	})
}

// advance lets virtual time pass and everything due settle.
func advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestPoolRiseAndFallInVirtualTime(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		s := specOf(1, time.Second) // rise 2, fall 3
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{s}}})
		advance(10*time.Second - time.Nanosecond)
		third := f.startsOf(s)[2] // from here on every second
		phase := third.Sub(f.began)
		f.set(s, "refused")
		advance(10 * time.Second)
		f.heal(s)
		advance(10 * time.Second)
		first := phase // the first probe after ten seconds
		for first < 10*time.Second {
			first += time.Second
		}
		want := fmt.Sprintf("0s a up: fine\n%v a down: refused\n%v a up: fine",
			first+2*time.Second, first+11*time.Second)
		if got := f.lines(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if v := f.verdict(id("a")); v.Since.Sub(f.began) != first+11*time.Second {
			t.Errorf("up since %v", v.Since.Sub(f.began))
		}
	})
}

func TestPoolStartsAtOnceThenSpreads(t *testing.T) {
	const servers, interval = 1000, 10 * time.Second
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		work := map[ID]Work{}
		for n := range servers {
			work[id(fmt.Sprint(n))] = Work{Specs: []Spec{specOf(n, interval)}}
		}
		p.Set(work)
		synctest.Wait()
		if len(f.starts) != servers {
			t.Fatalf("%d of %d started at once", len(f.starts), servers)
		}
		advance(10 * interval)
		var seconds [10]int
		for name, starts := range f.starts {
			for i := 1; i < len(starts); i++ {
				g := starts[i].Sub(starts[i-1])
				if g > interval || g < interval/2 || i > staggered && g != interval {
					t.Fatalf("%s: probe %d came %v after the one before", name, i, g)
				}
			}
			seconds[starts[3].Sub(f.began)%interval/time.Second]++
		}
		for i, n := range seconds {
			if n < 70 || n > 130 {
				t.Errorf("second %d: %d starts of %d", i, n, servers)
			}
		}
	})
}

func TestPoolBoundsProbesInFlight(t *testing.T) {
	bubble(t, Config{InFlight: 10}, func(t *testing.T, f *farm, p *Pool) {
		work := map[ID]Work{}
		for n := range 100 {
			s := specOf(n, 10*time.Second)
			f.takes[s.Target.String()] = time.Second
			work[id(fmt.Sprint(n))] = Work{Specs: []Spec{s}}
		}
		p.Set(work)
		advance(10 * time.Second)
		if f.most != 10 {
			t.Errorf("%d probes at the same time, want 10", f.most)
		}
		for name, v := range f.verdicts {
			if v.Status != Up {
				t.Errorf("%v is %s after ten seconds", name, v.Status)
			}
		}
	})
}

func TestPoolDeadlineIsTotal(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		s := specOf(1, 10*time.Second)
		s.Timeout = 3 * time.Second
		f.takes[s.Target.String()] = time.Hour
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{s}}})
		advance(3*time.Second - time.Nanosecond)
		if v := f.verdict(id("a")); v.Status != Unknown {
			t.Errorf("before the deadline: %s", v.Status)
		}
		advance(time.Nanosecond)
		if v := f.verdict(id("a")); v.Status != Down || v.Result.Took != 3*time.Second {
			t.Errorf("at the deadline: %s after %v", v.Status, v.Result.Took)
		}
	})
}

func TestPoolSlowProbeNeverOverlaps(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		s := specOf(1, time.Second)
		s.Timeout = 5 * time.Second
		f.takes[s.Target.String()] = 2 * time.Second
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{s}}})
		advance(9 * time.Second) // the farm panics on an overlap
		if n := len(f.startsOf(s)); n != 5 {
			t.Errorf("%d probes of two seconds in nine", n)
		}
	})
}

func TestPoolPanicIsAFailedResult(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		s := specOf(1, time.Second)
		f.set(s, "panic")
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{s}}})
		synctest.Wait()
		v := f.verdict(id("a"))
		if v.Status != Down || v.Result.Detail != "the probe panicked: a probe with a bug" {
			t.Errorf("got %s: %s", v.Status, v.Result.Detail)
		}
		f.heal(s)
		advance(3 * time.Second)
		if v := f.verdict(id("a")); v.Status != Up {
			t.Errorf("afterwards: %s", v.Status)
		}
	})
}

// TestHurry: what happened to a server is seen at once, though its next probe is
// far away, and while one is running, after it.
func TestHurry(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		s, other := specOf(1, time.Hour), specOf(2, time.Hour)
		s.Fall = 1
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{s}}, id("b"): {Specs: []Spec{other}}})
		advance(time.Second)
		which := func(x Spec) bool { return x.Target == s.Target }
		f.set(s, "refused")
		p.Hurry(which)
		synctest.Wait()
		if v := f.verdict(id("a")); v.Status != Down || len(f.startsOf(s)) != 2 || len(f.startsOf(other)) != 1 {
			t.Errorf("%s after %d probes; the other was asked %d times", v.Status, len(f.startsOf(s)), len(f.startsOf(other)))
		}
		f.takes[s.Target.String()] = time.Second / 2
		p.Hurry(which)
		synctest.Wait()
		for range 5 {
			p.Hurry(which) // a probe is running
		}
		advance(2 * time.Second)
		if n := len(f.startsOf(s)); n != 4 {
			t.Errorf("%d probes, want one that was running and one after it", n)
		}
	})
}
