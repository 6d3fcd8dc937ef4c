package hook

import (
	"testing"

	"pgregory.net/rapid"

	"failover/vrrp"
)

// TestQueueKnows: what the hooks have been told is not told again.
func TestQueueKnows(t *testing.T) {
	for _, c := range []struct {
		name string
		told Told
		next Change
		want bool
	}{
		{"the first state", Told{}, Change{At: 1, To: vrrp.Backup}, false},
		{"nothing but init", Told{}, Change{At: 1, To: vrrp.Init}, true},
		{"another state", Told{vrrp.Backup, 1}, Change{At: 2, To: vrrp.Master}, false},
		{"the very change", Told{vrrp.Master, 2}, Change{At: 2, To: vrrp.Master}, true},
		{"an adopted mastership", Told{vrrp.Master, 2}, Change{At: 9, To: vrrp.Master, Adopted: true}, true},
		{"adopted, but never told", Told{vrrp.Backup, 2}, Change{At: 9, To: vrrp.Master, Adopted: true}, false},
		{"a mastership won again", Told{vrrp.Master, 2}, Change{At: 9, To: vrrp.Master}, false},
		{"backup again", Told{vrrp.Backup, 2}, Change{At: 9, To: vrrp.Backup}, true},
	} {
		q := newQueue(c.told)
		if got := q.knows(c.next); got != c.want {
			t.Errorf("%s: known %v, want %v", c.name, got, c.want)
		}
	}
}

// TestQueueProperties: every change is told, known, dropped, or waits; when none
// waits the hooks know the newest state, unless its step was abandoned; a change
// that is not newer is none.
func TestQueueProperties(t *testing.T) {
	states := []vrrp.State{vrrp.Init, vrrp.Backup, vrrp.Master, vrrp.Fault}
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue(Told{})
		var heard, told, known uint64
		var taken *Change
		abandoned := false
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				c := Change{At: q.newest.At + vrrp.Instant(rapid.IntRange(0, 2).Draw(t, "later")), To: rapid.SampledFrom(states).Draw(t, "to")}
				newer := c.At > q.newest.At
				if q.hear(c) != newer {
					t.Fatalf("a change at %d after one at %d", c.At, q.newest.At)
				}
				if newer {
					heard++
				}
			case 1:
				if taken != nil {
					continue
				}
				if c, ok := q.take(); ok && q.knows(c) {
					known++
					abandoned = false
					q.done(c)
				} else if ok {
					taken = &c
				}
			case 2:
				if taken != nil {
					told++
					abandoned = false
					q.done(*taken)
					taken = nil
				}
			case 3:
				if taken != nil {
					q.abandon()
					abandoned, taken = true, nil
				}
			}
			waits := uint64(0)
			if q.waiting {
				waits++
			}
			if taken != nil {
				waits++
			}
			if heard != told+known+q.dropped+waits {
				t.Fatalf("heard %d, told %d, known %d, dropped %d, waiting %d", heard, told, known, q.dropped, waits)
			}
			if waits == 0 && heard > 0 && !abandoned && q.told.State != q.newest.To {
				t.Fatalf("told %s, the state is %s", q.told.State, q.newest.To)
			}
		}
	})
}
