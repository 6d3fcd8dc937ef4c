package vrrp

import (
	"testing"
	"time"
)

// One-sided silence: the master is heard on one router of a group only. The group
// stays backup, and says on which side nothing comes.
func TestOneSided(t *testing.T) {
	b := newBench(t, pair())
	told := func(want ...string) {
		t.Helper()
		for i := range want {
			if got := b.g.oneSided(i, b.now); got != want[i] {
				t.Errorf("%s: %q, want %q", b.g.Config.Routers[i].Name, got, want[i])
			}
		}
	}
	inside := func(d time.Duration) {
		for end := b.now.Add(d); b.now < end; {
			b.hear(1, above, 150, time.Second)
			b.run(time.Second)
		}
	}
	inside(3 * time.Second)
	told("", "") // outside may still hear its first one
	inside(2 * time.Second)
	told("inside", "")
	b.hear(0, above, 150, time.Second)
	told("", "")
	inside(5 * time.Second)
	told("inside", "")
	b.state(Backup)
	b.hear(1, above, 0, time.Second) // it resigns there: now it is silence on both
	told("", "")
	b.run(10 * time.Second)
	b.state(Master)
	told("", "")

	b = newBench(t, lone())
	b.run(time.Second)
	told("")
}
