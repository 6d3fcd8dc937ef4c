package check

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"
)

// handedOn are the standings of a pool after a round trip through JSON.
func handedOn(t *testing.T, p *Pool) map[ID]Standing {
	t.Helper()
	all := map[ID]Standing{}
	for id, s := range p.Standings() {
		text, err := json.Marshal(s)
		var again Standing
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil {
			t.Fatal(err)
		}
		all[id] = again
	}
	return all
}

// Another pool goes on where the first one stopped: with the same verdict, the same
// streak, and at the same times.
func TestAnotherPoolGoesOn(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		a := specOf(1, 10*time.Second) // fall 3
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{a}}})
		advance(time.Minute)
		f.set(a, "refused")
		for f.verdict(id("a")).Streak < 2 {
			advance(time.Second)
		}
		before, left := f.verdict(id("a")), handedOn(t, p)
		p.Close()
		if p.Standings() != nil {
			t.Error("a pool that is closed still knows something")
		}
		asked := f.startsOf(a)
		due := asked[len(asked)-1].Add(10 * time.Second)

		next := f.pool(Config{})
		defer next.Close()
		s := left[id("a")]
		next.Set(map[ID]Work{id("a"): {Specs: []Spec{a}, Before: &s}})
		synctest.Wait()
		if got := f.verdict(id("a")); got.Status != Up || !got.Since.Equal(before.Since) || got.Streak != 2 || !got.Asked {
			t.Errorf("was %+v and is %+v", before, got)
		}
		advance(time.Until(due) - time.Nanosecond)
		if n := len(f.startsOf(a)); n != len(asked) {
			t.Errorf("asked %d times before it was due", n-len(asked))
		}
		advance(time.Nanosecond)
		if got := f.verdict(id("a")); got.Status != Down || !got.Since.Equal(due) {
			t.Errorf("after the third failure it is %+v", got)
		}
	})
}

// A check that is another one in the new process keeps the standing until its first
// result; what was not known before begins as ever; and a clock that was set does not
// put a check off.
func TestAnotherPoolWithOtherChecks(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *farm, p *Pool) {
		a, b, c := specOf(1, 10*time.Second), specOf(2, 10*time.Second), specOf(3, 10*time.Second)
		p.Set(map[ID]Work{id("a"): {Specs: []Spec{a}}, id("c"): {Specs: []Spec{c}}})
		advance(time.Minute)
		left, asked := handedOn(t, p), len(f.startsOf(c))
		since := f.verdict(id("a")).Since
		p.Close()

		next := f.pool(Config{})
		defer next.Close()
		one, two := left[id("a")], left[id("c")]
		for name, state := range two.Checks {
			state.Due = state.Due.Add(time.Hour)
			two.Checks[name] = state
		}
		f.takes[b.Target.String()] = time.Second
		next.Set(map[ID]Work{
			id("a"): {Specs: []Spec{b}, Before: &one}, id("b"): {Specs: []Spec{b}}, id("c"): {Specs: []Spec{c}, Before: &two},
		})
		synctest.Wait()
		if got := f.verdict(id("a")); got.Status != Up || !got.Since.Equal(since) || got.Asked {
			t.Errorf("before the first result it is %+v", got)
		}
		if got := f.verdict(id("b")); got.Status != Unknown {
			t.Errorf("a new server is %s", got.Status)
		}
		if n := len(f.startsOf(c)); n != asked+1 {
			t.Errorf("after the clock was set it was asked %d times at once", n-asked)
		}
		advance(time.Second)
		if got := f.verdict(id("a")); got.Status != Up || !got.Since.Equal(since) || !got.Asked {
			t.Errorf("after the first result it is %+v", got)
		}
	})
}
