package check

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestSetKeepsHistoryOfEqualSpecs(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		a, b := specOf(1, 10*time.Second), specOf(2, 10*time.Second)
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{a}}})
		advance(time.Second)
		f.set(a, "refused")
		for f.verdict(id("a")).Streak == 0 {
			advance(time.Second)
		}
		before, starts := f.verdict(id("a")), slices.Clone(f.startsOf(a))
		if before.Status != Up || before.Streak != 1 {
			t.Fatalf("before the reload: %s, streak %d", before.Status, before.Streak)
		}
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{a}}, id("b"): {Specs: []Spec{b}}})
		synctest.Wait()
		if !slices.Equal(f.startsOf(a), starts) {
			t.Error("the reload started a probe of an unchanged check")
		}
		if got := f.verdict(id("a")); got != before {
			t.Errorf("the reload made %+v of %+v", got, before)
		}
		due := starts[len(starts)-1].Add(10 * time.Second)
		for f.verdict(id("a")).Status == Up && time.Since(starts[0]) < time.Minute {
			advance(time.Second)
		}
		if got := f.verdict(id("a")); got.Status != Down || got.Since.After(due.Add(10*time.Second)) {
			t.Errorf("down at %v: the streak did not go on", got.Since.Sub(f.began))
		}
		if got := f.verdict(id("b")); got.Status != Up {
			t.Errorf("the added server is %s", got.Status)
		}
	})
}

func TestSetChangedSpecKeepsTheStandingUntilItsFirstResult(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		before, after := specOf(1, 10*time.Second), specOf(2, 10*time.Second)
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{before}}})
		advance(time.Second)
		f.takes[after.Target.String()] = 2 * time.Second
		f.set(after, "refused")
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{after}}})
		advance(time.Second)
		if v := f.verdict(id("a")); v.Status != Up {
			t.Errorf("before the first result of the new check: %s", v.Status)
		}
		advance(time.Second)
		if v := f.verdict(id("a")); v.Status != Down || v.Result.Detail != "refused" {
			t.Errorf("after it: %s (%s)", v.Status, v.Result.Detail)
		}
	})
}

func TestSetRemovedServerIsForgotten(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		s := specOf(1, 10*time.Second)
		s.Timeout = 9 * time.Second
		f.takes[s.Target.String()] = 5 * time.Second
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{s}}})
		advance(time.Second)
		p.Set(map[ID]Work{})
		synctest.Wait()
		if f.now != 0 {
			t.Errorf("%d probes go on after their check was removed", f.now)
		}
		n := len(f.log)
		advance(time.Minute)
		if len(f.startsOf(s)) != 1 || len(f.log) != n {
			t.Errorf("a removed check goes on: %d probes, %d reports", len(f.startsOf(s)), len(f.log)-n)
		}
	})
}

func TestSetAdoptedServerIsUpAtOnceAndUntilFall(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		s := specOf(1, 10*time.Second)
		f.set(s, "refused")
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{s}, Adopted: true}, id("b"): {Specs: []Spec{specOf(2, time.Second)}}})
		synctest.Wait()
		if v := f.verdict(id("a")); v.Status != Up || v.Streak != 1 {
			t.Errorf("after the first failure: %s, streak %d", v.Status, v.Streak)
		}
		// Three failures: at 0, after the first gap, after the second.
		due := gap(s.key(), s.Interval, 0) + gap(s.key(), s.Interval, 1)
		advance(due - time.Nanosecond)
		if v := f.verdict(id("a")); v.Status != Up {
			t.Errorf("before the third failure: %s", v.Status)
		}
		advance(time.Nanosecond)
		if v := f.verdict(id("a")); v.Status != Down {
			t.Errorf("after the third failure: %s", v.Status)
		}
	})
}

func TestSetEqualSpecsAreProbedOnce(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		s := specOf(1, 10*time.Second)
		http, https := ID{"http", "a"}, ID{"https", "a"}
		p.Set(map[ID]Work{http: {Specs: []Spec{s, s}}, https: {Specs: []Spec{s}}})
		synctest.Wait()
		if n := len(f.startsOf(s)); n != 1 {
			t.Errorf("%d probes of one question", n)
		}
		late := ID{"late", "a"}
		f.takes[s.Target.String()] = time.Second
		p.Set(map[ID]Work{http: {Specs: []Spec{s}}, https: {Specs: []Spec{s}}, late: {Specs: []Spec{s}}})
		synctest.Wait()
		for _, id := range []ID{http, https, late} {
			if v := f.verdict(id); v.Status != Up {
				t.Errorf("%v is %s", id, v.Status)
			}
		}
		p.Set(map[ID]Work{late: {Specs: []Spec{s}}})
		advance(time.Minute)
		if n := len(f.startsOf(s)); n < 6 {
			t.Errorf("the probe ended with one of its servers: %d in a minute", n)
		}
	})
}

func TestSetSeveralSpecsMustAllPass(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		a, b := specOf(1, time.Second), specOf(2, time.Second)
		f.set(b, "refused")
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{a, b}}, id("none"): {}})
		synctest.Wait()
		if v := f.verdict(id("a")); v.Status != Down || v.Result.Detail != "refused" {
			t.Errorf("one of two fails: %s (%s)", v.Status, v.Result.Detail)
		}
		if v := f.verdict(id("none")); v.Status != Up {
			t.Errorf("a server without checks is %s", v.Status)
		}
		f.heal(b)
		advance(3 * time.Second)
		if v := f.verdict(id("a")); v.Status != Up {
			t.Errorf("both pass: %s", v.Status)
		}
	})
}

// A report that hangs holds up neither the probes nor Set; afterwards the newest
// verdict is delivered.
func TestReportNeverBlocksProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm()
		release := make(chan struct{})
		s := specOf(1, time.Second)
		var newest []Verdict
		p := NewPool(Config{Probe: f.probe, Report: func(vs []Verdict) {
			<-release
			newest = vs
		}})
		defer p.Close()
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{s}}})
		advance(10 * time.Second)
		f.set(s, "refused")
		advance(10 * time.Second)
		if n := len(f.startsOf(s)); n < 20 {
			t.Errorf("%d probes in 20 s", n)
		}
		close(release)
		synctest.Wait()
		if len(newest) != 1 || newest[0].Status != Down {
			t.Errorf("delivered at last: %+v", newest)
		}
	})
}

func TestCloseEndsProbesAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm()
		p := f.pool(Config{})
		s := specOf(1, time.Hour)
		f.takes[s.Target.String()] = 20 * time.Minute
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{s}}})
		synctest.Wait()
		began := time.Now()
		p.Close()
		if f.now != 0 || time.Since(began) != 0 {
			t.Errorf("Close took %v and left %d probes", time.Since(began), f.now)
		}
		p.Set(map[ID]Work{id("b"): {}}) // does nothing, and returns
		p.Close()
	})
}
