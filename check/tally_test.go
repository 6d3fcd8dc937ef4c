package check

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"
)

// t0 is the time the tables of this package start at.
var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestTally(t *testing.T) {
	tests := []struct {
		name       string
		rise, fall int
		adopted    bool
		results    string // + passed, - failed
		want       string // standing after each: u, d or ?
	}{
		{"the first result decides, up", 3, 3, false, "+", "u"},
		{"the first result decides, down", 3, 3, false, "-", "d"},
		{"fall failures in a row", 1, 3, false, "+---", "uuud"},
		{"a success between starts over", 1, 3, false, "+--+---", "uuuuuud"},
		{"rise successes in a row", 2, 1, false, "-+-++", "ddddu"},
		{"rise and fall of one", 1, 1, false, "+-+-", "udud"},
		{"adopted stays up until fall failures", 2, 3, true, "---", "uud"},
		{"adopted, a success proves it", 2, 3, true, "--+--", "uuuuu"},
		{"thresholds below one count as one", 0, 0, false, "+-+", "udu"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tally := NewTally(Spec{Rise: test.rise, Fall: test.fall}, test.adopted, t0)
			got := ""
			for i, c := range test.results {
				now := t0.Add(time.Duration(i) * time.Second)
				before := tally.Status
				var changed bool
				tally, changed = tally.Next(now, Result{OK: c == '+'})
				if changed != (before != tally.Status) {
					t.Errorf("result %d: changed = %v, %s to %s", i, changed, before, tally.Status)
				}
				if changed && (!tally.Since.Equal(now) || tally.Streak != 0) {
					t.Errorf("result %d: since %v, streak %d after a change", i, tally.Since, tally.Streak)
				}
				got += letter(tally.Status)
			}
			if got != test.want {
				t.Errorf("results %s: got %s, want %s", test.results, got, test.want)
			}
		})
	}
}

func letter(s Status) string {
	switch s {
	case Up:
		return "u"
	case Down:
		return "d"
	}
	return "?"
}

func TestTallyStartsUnknownOrAdopted(t *testing.T) {
	if got := NewTally(Spec{Rise: 1, Fall: 1}, false, t0); got.Status != Unknown || !got.Since.IsZero() {
		t.Errorf("a new server is %s since %v", got.Status, got.Since)
	}
	if got := NewTally(Spec{Rise: 1, Fall: 1}, true, t0); got.Status != Up || !got.Since.Equal(t0) {
		t.Errorf("an adopted server is %s since %v", got.Status, got.Since)
	}
}

func TestTallyRestartKeepsTheStandingUntilTheFirstResult(t *testing.T) {
	old, _ := NewTally(Spec{Rise: 3, Fall: 3}, false, t0).Next(t0, Result{OK: true})
	fresh := old.Restart(Spec{Rise: 5, Fall: 5})
	if fresh.Status != Up || !fresh.Since.Equal(t0) {
		t.Fatalf("after a restart: %s since %v", fresh.Status, fresh.Since)
	}
	if down, changed := fresh.Next(t0, Result{}); !changed || down.Status != Down {
		t.Errorf("the first failure of a changed check left it %s", down.Status)
	}
	up, _ := fresh.Next(t0, Result{OK: true})
	if after, _ := up.Next(t0, Result{}); after.Status != Up || after.Streak != 1 {
		t.Errorf("the second result: %s, streak %d; want up, 1", after.Status, after.Streak)
	}
}

// A standing goes through JSON without a change, and counts on as before.
func TestTallyRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		a := NewTally(Spec{Rise: 1 + random.IntN(4), Fall: 1 + random.IntN(4)}, random.IntN(2) == 0, t0)
		for i := range random.IntN(8) {
			a, _ = a.Next(t0.Add(time.Duration(i)*time.Second), Result{OK: random.IntN(2) == 0, Detail: "x", Took: 3})
		}
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var b Tally
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatal(err)
		}
		if a != b {
			t.Fatalf("seed %d: wrote %+v, read %+v", seed, a, b)
		}
	}
}

func TestCombine(t *testing.T) {
	up := Tally{Status: Up, At: t0, Result: Result{OK: true, Detail: "fine"}}
	late := Tally{Status: Up, At: t0.Add(time.Second), Result: Result{OK: true, Detail: "late"}}
	shaky := Tally{Status: Up, At: t0, Streak: 2, Result: Result{Detail: "shaky"}}
	down := Tally{Status: Down, At: t0, Result: Result{Detail: "broken"}}
	other := Tally{Status: Down, At: t0.Add(time.Second), Result: Result{Detail: "other"}}
	unknown := Tally{Status: Unknown}
	tests := []struct {
		name    string
		tallies []Tally
		status  Status
		detail  string
	}{
		{"no check", nil, Up, "no check"},
		{"all up: the newest", []Tally{late, up}, Up, "late"},
		{"all up: the one closest to a change", []Tally{late, shaky, up}, Up, "shaky"},
		{"one down: its reason", []Tally{late, down, up}, Down, "broken"},
		{"two down: the first", []Tally{up, down, other}, Down, "broken"},
		{"one unknown", []Tally{up, unknown}, Unknown, "fine"},
		{"down outweighs unknown", []Tally{unknown, down, shaky}, Down, "broken"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := combine(Verdict{Status: Unknown}, test.tallies, t0)
			if got.Status != test.status || got.Result.Detail != test.detail {
				t.Errorf("got %s (%s), want %s (%s)", got.Status, got.Result.Detail, test.status, test.detail)
			}
		})
	}
	adopted := Tally{Status: Up}
	for _, c := range []struct {
		tallies []Tally
		asked   bool
	}{{[]Tally{up, late}, true}, {[]Tally{up, adopted}, false}, {[]Tally{down}, true}} {
		if got := combine(Verdict{}, c.tallies, t0); got.Asked != c.asked {
			t.Errorf("%+v: asked %v, want %v", c.tallies, got.Asked, c.asked)
		}
	}
	before := Verdict{Status: Up, Since: t0}
	if got := combine(before, []Tally{late}, t0.Add(time.Hour)); !got.Since.Equal(t0) {
		t.Errorf("since moved to %v without a change", got.Since)
	}
}
