package check

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"time"
)

// set makes work the whole of what is checked.
func (l *loop) set(work map[ID]Work, now time.Time) {
	old := l.servers
	l.servers = make(map[ID]*server, len(work))
	for _, j := range l.jobs {
		j.members = j.members[:0:0]
	}
	// In a fixed order, so that every start is alike.
	for _, id := range slices.SortedFunc(maps.Keys(work), compareIDs) {
		l.servers[id] = l.take(id, work[id], old[id], now)
	}
	for id := range old {
		if l.servers[id] == nil {
			l.box.forget(id)
		}
	}
	for k, j := range l.jobs {
		if len(j.members) == 0 {
			l.drop(k, j)
		}
	}
}

func compareIDs(a, b ID) int {
	return cmp.Or(cmp.Compare(a.VirtualServer, b.VirtualServer), cmp.Compare(a.RealServer, b.RealServer))
}

// take makes a server of its work; was is the same server before, or nil.
func (l *loop) take(id ID, w Work, was *server, now time.Time) *server {
	s := &server{verdict: Verdict{ID: id}}
	known := map[key]Tally{}
	var left map[string]CheckState
	if was == nil && w.Before != nil {
		s.verdict, left = w.Before.Verdict, w.Before.Checks
		s.verdict.ID = id
	}
	if was != nil {
		s.verdict = was.verdict
		for _, m := range was.members {
			known[m.job.key] = m.tally
		}
	}
	reported := Verdict{ID: id}
	if was != nil {
		reported = s.verdict
	}
	seen := map[key]bool{}
	for _, spec := range w.Specs {
		k := spec.key()
		if seen[k] {
			continue // the same question twice is one question
		}
		seen[k] = true
		before, ok := left[k.String()]
		if ok {
			known[k] = before.Tally
		}
		j := l.job(k, spec, before, now)
		tally, ok := known[k]
		if !ok {
			tally = firstTally(j, w, s.verdict, was != nil || left != nil, now)
		}
		m := &member{job: j, server: s, tally: tally}
		j.members = append(j.members, m)
		s.members = append(s.members, m)
	}
	s.judge(now)
	if s.verdict != reported {
		l.box.put(s.verdict)
	}
	return s
}

// firstTally is the tally of a check that the server did not have before; v is how
// a server that was known stands.
func firstTally(j *job, w Work, v Verdict, known bool, now time.Time) Tally {
	if known {
		return Tally{Status: v.Status, Since: v.Since, Result: v.Result}.Restart(j.spec)
	}
	// The same question has been asked for another server: its answer counts here
	// too.
	for _, m := range j.members {
		if !m.tally.At.IsZero() {
			return m.tally
		}
	}
	return NewTally(j.spec, w.Adopted, now)
}

// job returns the job of a spec; a new one goes on as before, or is due at once.
func (l *loop) job(k key, spec Spec, before CheckState, now time.Time) *job {
	if j := l.jobs[k]; j != nil {
		return j
	}
	j := &job{key: k, spec: spec, due: now, runs: before.Runs}
	if before.Due.After(now) && before.Due.Before(now.Add(spec.Interval)) { // else the clock was set
		j.due = before.Due
	}
	l.jobs[k] = j
	heap.Push(&l.agenda, j)
	return j
}

// drop ends a job that nobody asks for any more.
func (l *loop) drop(k key, j *job) {
	delete(l.jobs, k)
	j.dropped = true
	if j.place != nowhere {
		heap.Remove(&l.agenda, j.place)
	}
	if j.cancel != nil {
		j.cancel()
	}
}
