// Package hook runs the operator's programs when a group changes its role: a
// take-over step that must succeed before the group is reported as master, and
// notifications.
//
// The programs of a group run one at a time and in order. Where they lag, the last
// state wins: what came in between is dropped and counted. What they were last
// told outlives the process, so that a restart tells them only what they missed.
package hook

import "failover/vrrp"

// Change is one change of a group's role, as the engine tells it.
type Change struct {
	At       vrrp.Instant // orders the changes of a group; a repeated one is ignored
	To       vrrp.State
	Priority uint8  // effective
	Reason   string // for people, in one line
	// Adopted: the engine went on with the role that the process before it had.
	Adopted bool
}

// Told is what the hooks of a group were told last. It outlives the process, not
// the boot.
type Told struct {
	State vrrp.State
	At    vrrp.Instant // of the change; 0: they were told nothing yet
}

// queue decides what the hooks of one group are told. It is a plain value that
// knows no time and runs nothing.
type queue struct {
	told    Told
	newest  Change
	waiting bool   // newest has not been taken yet
	dropped uint64 // changes that were never told
}

// newQueue goes on after what was told before; before anything was, the state was
// init.
func newQueue(t Told) queue {
	if t.State == "" {
		t.State = vrrp.Init
	}
	return queue{told: t}
}

// hear takes a change in; false when it is known already.
func (q *queue) hear(c Change) bool {
	if c.At <= q.newest.At {
		return false
	}
	if q.waiting {
		q.dropped++
	}
	q.newest, q.waiting = c, true
	return true
}

// take takes the newest change; false when there is none.
func (q *queue) take() (Change, bool) {
	ok := q.waiting
	q.waiting = false
	return q.newest, ok
}

// knows tells whether the hooks have been told as much already: the state is the
// same, and is no mastership that was lost and won again.
func (q *queue) knows(c Change) bool {
	return c.To == q.told.State && (c.To != vrrp.Master || c.Adopted || c.At == q.told.At)
}

// again has a change that was taken told once more, if nothing newer came.
func (q *queue) again() { q.waiting = true }

// done notes that a change that was taken has been told, or was known.
func (q *queue) done(c Change) { q.told = Told{State: c.To, At: c.At} }

// abandon notes that a change that was taken will not be told.
func (q *queue) abandon() { q.dropped++ }
