package vrrp

import (
	"testing"
	"time"
)

var stop = Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}}

func TestHandOverHoldsUntilTheSuccessorSpeaksEverywhere(t *testing.T) {
	b := newMaster(t, pair())
	b.step(stop)
	b.did("advert outside 0", "advert inside 0", "master>init stopped")
	b.run(skew100)
	b.hear(0, lower, 90, time.Second)
	b.did() // not inside yet; and a resigning router answers nobody
	b.hear(1, lower, 0, time.Second)
	b.did() // that is another one resigning
	b.hear(1, lower, 90, time.Second)
	b.did("release")
	if !b.g.Done() || b.g.Deadline() != Never {
		t.Errorf("done %v, deadline %v", b.g.Done(), b.g.Deadline())
	}
}

// Nobody comes: at most Skew_Time of priority 1 plus one interval, by the slowest
// router.
func TestHandOverEnds(t *testing.T) {
	c := pair()
	c.Routers[1].Interval = 4 * time.Second
	b := newMaster(t, c)
	if b.in() > 4*time.Second {
		t.Fatal(b.in())
	}
	b.step(stop)
	b.did("advert outside 0", "advert inside 0", "master>init stopped")
	limit := SkewTime(4*time.Second, 1) + 4*time.Second
	b.run(limit - 1)
	b.did()
	b.run(1)
	b.did("release")
}

func TestHandOverBecauseOfAFault(t *testing.T) {
	b := newMaster(t, pair())
	b.health(Health{Ready: true, Fault: true})
	b.did("advert outside 0", "advert inside 0", "master>fault fault")
	b.hearAll(lower, 50)
	b.did("release")
	b.state(Fault)
}

func TestHandOverEndsWithTheLink(t *testing.T) {
	b := newMaster(t, pair())
	b.step(stop)
	b.out = nil
	links := up(2)
	links[0].Usable = false
	b.step(Input{Kind: InputLinks, Links: links})
	b.did("release")
}

// The fault goes before a successor is there: the group joins the election again
// and, as long as it bridges, keeps what it holds.
func TestRecoveredWhileHandingOver(t *testing.T) {
	b := newMaster(t, lone())
	b.health(Health{Ready: true, Fault: true})
	b.run(100 * time.Millisecond)
	b.health(Health{Ready: true})
	b.did("advert outside 0", "master>fault fault", "fault>backup recovered")
	if !b.g.Hold {
		t.Error("let go")
	}
	b.run(2 * time.Second)
	b.did("release")
	b.run(down100 - 2*time.Second)
	b.did("advert outside 100", "backup>master timeout", "hold")
}

func TestStopWhileHandingOverBecauseOfAFault(t *testing.T) {
	b := newMaster(t, lone())
	b.health(Health{Ready: true, Fault: true})
	b.step(stop)
	b.did("advert outside 0", "master>fault fault", "fault>init stopped")
	if b.g.Done() {
		t.Error("done")
	}
	b.hearAll(lower, 50)
	b.did("release")
	if !b.g.Done() {
		t.Error("not done")
	}
}

// A reload takes the group away and the next one brings it back at once.
func TestStartAgainWhileHandingOver(t *testing.T) {
	b := newMaster(t, lone())
	b.step(stop)
	b.step(Input{Kind: InputStart})
	b.did("advert outside 0", "master>init stopped", "init>backup started")
	b.hearAll(lower, 50)
	b.did("release", "advert outside 1")
	b.state(Backup)
}

func TestStopTwice(t *testing.T) {
	b := newMaster(t, lone())
	b.step(stop)
	b.step(stop)
	b.did("advert outside 0", "master>init stopped")
}
