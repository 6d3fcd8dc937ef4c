package check

import "time"

// Tally counts the results of one check and says how the server stands. It is a
// plain value: it survives a restart as JSON, and it reads no clock.
type Tally struct {
	Status Status
	Since  time.Time // of the last change of Status; zero while unknown
	Streak int       // results in a row that speak against Status
	Result Result    // the newest one
	At     time.Time // when the newest result came; zero: none yet
	// Fresh makes the next result decide alone: a new server, or one whose check
	// was changed.
	Fresh bool
	// Rise and Fall are the thresholds of the check, at least 1.
	Rise, Fall int
}

// NewTally starts counting for a check. An adopted server was found working in
// the kernel's table: it counts as up, and stays so until Fall failures in a
// row. Any other is unknown, and its first result decides.
func NewTally(s Spec, adopted bool, now time.Time) Tally {
	t := Tally{Status: Unknown, Fresh: true, Rise: max(1, s.Rise), Fall: max(1, s.Fall)}
	if adopted {
		t.Status, t.Since, t.Fresh = Up, now, false
		t.Result = Result{OK: true, Detail: "adopted, not checked yet"}
	}
	return t
}

// Restart is the tally of a check that takes the place of another: the standing
// is kept until the first result of the new check, which decides alone.
func (t Tally) Restart(s Spec) Tally {
	t.Streak, t.Fresh = 0, true
	t.Rise, t.Fall = max(1, s.Rise), max(1, s.Fall)
	return t
}

// Next counts one result. changed tells whether Status is another than before.
func (t Tally) Next(now time.Time, r Result) (next Tally, changed bool) {
	says, need := Down, t.Fall
	if r.OK {
		says, need = Up, t.Rise
	}
	if t.Fresh {
		need = 1
	}
	t.Result, t.At, t.Fresh = r, now, false
	if says == t.Status {
		t.Streak = 0
		return t, false
	}
	t.Streak++
	if t.Streak < need {
		return t, false
	}
	t.Status, t.Since, t.Streak = says, now, 0
	return t, true
}

// combine is the verdict on a server with several checks: up when all are up,
// down when one is down, unknown otherwise. The result shown is that of the
// first check that is down; else of the one closest to a change; else the
// newest. prev is the verdict before.
func combine(prev Verdict, tallies []Tally, now time.Time) Verdict {
	v := Verdict{ID: prev.ID, Status: Up, Since: prev.Since, Asked: true}
	shown := 0
	for i, t := range tallies {
		v.Asked = v.Asked && !t.At.IsZero()
		switch {
		case t.Status == Down && v.Status != Down:
			v.Status, shown = Down, i
		case v.Status == Down:
			// The first one that is down has the word.
		case t.Status == Unknown:
			v.Status = Unknown
			fallthrough
		default:
			shown = closest(tallies, shown, i)
		}
	}
	if len(tallies) == 0 {
		v.Result = Result{OK: true, Detail: "no check"}
	} else {
		v.Result, v.Streak = tallies[shown].Result, tallies[shown].Streak
	}
	if v.Status != prev.Status {
		v.Since = now
	}
	if v.Status == Unknown {
		v.Since = time.Time{}
	}
	return v
}

// closest returns the one of two checks that is worth showing while none is
// down.
func closest(tallies []Tally, a, b int) int {
	if tallies[b].Streak != tallies[a].Streak {
		if tallies[b].Streak > tallies[a].Streak {
			return b
		}
		return a
	}
	if tallies[b].At.After(tallies[a].At) {
		return b
	}
	return a
}
