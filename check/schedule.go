package check

import (
	"encoding/binary"
	"time"
)

// The first probe of a check starts at once: a server is out until its first
// result. Checks that were set together would then stay together for ever, so
// the two intervals after it are shortened, each by half of a share that is
// drawn from the spec's content. From the third probe on the checks stand evenly
// over the interval, at the same places after every start.
//
// No gap is ever longer than the interval or shorter than half of it, so that
// `fall` failures take at most fall × interval plus the timeout.
const staggered = 2

// gap is the time from the start of probe number n (from 0) to the start of
// the next one.
func gap(k key, interval time.Duration, n int) time.Duration {
	if n >= staggered || interval <= 0 {
		return interval
	}
	share := time.Duration(binary.BigEndian.Uint64(k[:8]) % uint64(interval))
	return interval - share/staggered
}

// next is when the probe after number n starts, when that one started at start
// and ended at end. A check never overlaps with itself: a probe that took longer
// than the gap is followed at once.
func next(k key, interval time.Duration, n int, start, end time.Time) time.Time {
	due := start.Add(gap(k, interval, n))
	if due.Before(end) {
		return end
	}
	return due
}

// agenda is a heap of checks by the time they are due (container/heap).
type agenda []*job

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due.Before(a[j].due) }
func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].place, a[j].place = i, j
}

// Push is for container/heap.
func (a *agenda) Push(x any) {
	j := x.(*job)
	j.place = len(*a)
	*a = append(*a, j)
}

// Pop is for container/heap.
func (a *agenda) Pop() any {
	old := *a
	j := old[len(old)-1]
	old[len(old)-1] = nil
	*a = old[:len(old)-1]
	j.place = nowhere
	return j
}

// nowhere is the place of a job that is not on the agenda.
const nowhere = -1
