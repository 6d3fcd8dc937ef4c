package vrrp

import (
	"testing"
	"time"
)

// kept is a lone router that never preempts, and was master.
func kept() GroupConfig {
	c := lone()
	c.Preempt = false
	return c
}

// freeze lets time pass in which the group does not run.
func (b *bench) freeze(d time.Duration) { b.now = b.now.Add(d) }

// Who took over from a frozen master is heard first: its adverts wait. It is judged
// as a backup judges a master.
func TestFrozenMasterFindsASuccessor(t *testing.T) {
	b := newMaster(t, kept())
	b.freeze(10 * time.Second)
	for range 6 {
		b.hear(0, lower, 50, time.Second)
	}
	b.did("master>backup stalled", "release", "advert outside 1")
	if want := "it stood still: no advert for 10.39s, and 10.0.0.4 took over"; b.g.Cause.Detail != want || b.g.Cause.Peer != ip(lower) {
		t.Errorf("cause %+v, want %q", b.g.Cause, want)
	}
	for range 10 {
		b.run(time.Second)
		b.hear(0, lower, 50, time.Second)
	}
	b.did()
	b.run(down100) // that one is no exception: silence is taken for death
	b.did("advert outside 100", "backup>master timeout", "hold")

	b = newMaster(t, lone()) // preempt = true
	b.freeze(10 * time.Second)
	b.hear(0, lower, 50, time.Second)
	b.did("master>backup stalled", "release", "advert outside 1")
	for range 3 {
		b.run(time.Second)
		b.did()
		b.hear(0, lower, 50, time.Second)
	}
	b.run(time.Second)
	b.did("advert outside 100", "backup>master preempt", "hold", "advert outside 100", "advert outside 100")

	c := lone()
	c.PreemptDelay = time.Minute
	b = newMaster(t, c)
	b.freeze(10 * time.Second)
	for range 50 {
		b.hear(0, lower, 50, time.Second)
		b.run(time.Second)
	}
	b.state(Backup)
}

// Nothing waits: a paused machine was sent nothing. It listens before it speaks.
func TestFrozenMasterListens(t *testing.T) {
	for _, in := range []Input{{Kind: InputTimer}, {Kind: InputHealth, Health: Health{Ready: true, Delta: -1}}} {
		b := newMaster(t, kept())
		b.freeze(5 * time.Second)
		b.step(in)
		b.did("master>backup stalled", "release")
		b.run(500 * time.Millisecond)
		b.hear(0, lower, 50, time.Second)
		b.run(3 * time.Second)
		b.did("advert outside 1")
		b.state(Backup)
	}
	b := newMaster(t, kept())
	b.freeze(5 * time.Second)
	b.step(Input{Kind: InputTimer})
	b.run(time.Second + skew100 - 1) // nobody: one interval and Skew_Time
	b.did("master>backup stalled", "release")
	b.run(1)
	b.did("advert outside 100", "backup>master timeout", "hold")

	b = newMaster(t, kept())
	b.freeze(5 * time.Second)
	b.step(Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	b.did("master>backup stalled", "release", "backup>init stopped") // and nothing is said
}

// The limit is what a neighbour waits: three intervals are the least after which
// one is believed to have taken over, and any has after four.
func TestShortStallIsNoEnd(t *testing.T) {
	b := newMaster(t, kept())
	sent := b.g.Routers[0].SentAt
	b.now = sent.Add(3 * time.Second)
	b.hear(0, lower, 50, time.Second)
	b.did("contested outside", "advert outside 100")
	b.state(Master)

	b = newMaster(t, kept())
	b.now = b.g.Routers[0].SentAt.Add(3*time.Second + 1)
	b.hear(0, lower, 50, time.Second)
	b.state(Backup)

	b = newMaster(t, kept())
	b.now = b.g.Routers[0].SentAt.Add(b.g.Config.Routers[0].masterDown(time.Second, 1))
	b.step(Input{Kind: InputTimer})
	b.did("advert outside 100")
	b.now = b.g.Routers[0].SentAt.Add(b.g.Config.Routers[0].masterDown(time.Second, 1) + 1)
	b.step(Input{Kind: InputTimer})
	b.state(Backup)
}

// A backup of a group takes over when every router was silent for too long; so
// long is a group's master not replaced.
func TestStallOfAGroup(t *testing.T) {
	c := pair()
	c.Preempt = false
	c.Routers[1].Interval = 100 * time.Millisecond
	b := newMaster(t, c)
	b.freeze(3 * time.Second)
	b.step(Input{Kind: InputTimer})
	b.did("advert outside 100", "advert inside 100")
	b.freeze(5 * time.Second)
	b.step(Input{Kind: InputTimer})
	b.did("master>backup stalled", "release")

	b = newMaster(t, c)
	b.freeze(10 * time.Second)
	b.hear(1, lower, 100, 100*time.Millisecond) // a tie, inside
	b.did("master>backup stalled", "release", "advert inside 1")
}

// An owner has nobody to make way for, but others may have announced.
func TestFrozenOwnerAnnounces(t *testing.T) {
	c := lone()
	c.Priority = 255
	b := newMaster(t, c)
	b.freeze(10 * time.Second)
	b.step(Input{Kind: InputTimer})
	b.did("contested outside", "advert outside 255")
	b.freeze(10 * time.Second)
	b.hear(0, lower, 50, time.Second)
	b.did("contested outside", "advert outside 255")
	b.state(Master)
}

// What is heard first may be the last word of one that took over and gave way, or
// resigned, while a third is master: it is no reason to speak.
func TestFrozenMasterHearsALastWord(t *testing.T) {
	b := newMaster(t, kept())
	b.freeze(10 * time.Second)
	b.hear(0, lower, 0, time.Second)
	b.run(skew100)
	b.did("master>backup stalled", "release", "advert outside 100", "backup>master priority-zero", "hold")

	b = newMaster(t, kept())
	b.freeze(10 * time.Second)
	b.hear(0, lower, 1, time.Second)
	b.hear(0, "10.0.0.3", 50, time.Second)
	b.did("master>backup stalled", "release", "advert outside 1")
}

// A backup that was away for most of a silence gives the master an interval and
// Skew_Time from when it is back, also where its timer had not run out meanwhile. One
// that was awake waits for no more than Master_Down_Interval.
func TestBackupThatWasAway(t *testing.T) {
	const interval = 10 * time.Millisecond
	c := lone()
	c.Routers[0].Interval = interval
	down, skew := c.Routers[0].masterDown(interval, 100), c.Routers[0].skewTime(interval, 100)
	backup := func() *bench {
		b := newBench(t, c)
		b.hear(0, lower, 150, interval)
		return b
	}
	for _, away := range []struct{ from, to, then time.Duration }{
		{0, 0, down}, // never
		{8 * time.Millisecond, 17 * time.Millisecond, down}, // for less than it takes
		{8 * time.Millisecond, 30 * time.Millisecond, 30*time.Millisecond + interval + skew},
		{8 * time.Millisecond, 45 * time.Millisecond, 45*time.Millisecond + interval + skew}, // the timer has run out
		{20 * time.Millisecond, 30 * time.Millisecond, down},                                 // it had looked, and the master was silent before
	} {
		b := backup()
		start := b.now
		b.run(away.from)
		b.freeze(away.to - away.from)
		b.step(Input{Kind: InputTimer})
		b.run(away.then - (b.now.Sub(start)) - 1)
		b.state(Backup)
		b.run(1)
		if b.g.State != Master {
			t.Errorf("away from %v to %v: %s after %v", away.from, away.to, b.g.State, away.then)
		}
	}
}
