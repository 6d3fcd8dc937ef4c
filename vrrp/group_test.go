package vrrp

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// What follows is ours: groups, health, faults. The RFC knows lone routers only.

func TestGroupMasterOnlyWhenEveryTimerRanOut(t *testing.T) {
	b := newBench(t, pair())
	for range 20 { // one-sided silence: the master is heard inside only
		b.run(time.Second)
		b.hear(1, above, 150, time.Second)
	}
	b.did()
	b.run(down100 - 1)
	b.state(Backup)
	b.run(1)
	b.did("advert outside 100", "advert inside 100", "backup>master timeout", "hold")
}

func TestGroupMembersWithDifferentIntervals(t *testing.T) {
	c := pair()
	c.Routers[1].Interval = 100 * time.Millisecond
	b := newBench(t, c)
	b.run(down100 - 1) // the fast one ran out long ago
	b.state(Backup)
	b.run(1)
	b.state(Master)
	b.run(50 * time.Millisecond)
	b.out = nil
	b.run(200 * time.Millisecond)
	b.did("advert inside 100", "advert inside 100")
}

func TestGroupHigherPriorityOnAnyMemberDemotesAll(t *testing.T) {
	b := newMaster(t, pair())
	b.hear(1, lower, 101, time.Second)
	b.did("master>backup higher-priority", "release", "advert inside 1")
	if b.down(0) != down100 || b.down(1) != down100 {
		t.Errorf("timers %v, %v", b.down(0), b.down(1))
	}
}

// Who was master tells the next one so, once on each router, whenever that one is
// first heard there: it may have to announce over what we announced.
func TestGroupParting(t *testing.T) {
	b := newMaster(t, pair())
	b.hear(1, above, 101, time.Second)
	b.did("master>backup higher-priority", "release", "advert inside 1")
	b.hear(1, above, 101, time.Second)
	b.run(2 * time.Second)
	b.did()
	b.hear(0, above, 0, time.Second) // it resigns: there is nobody to tell
	b.did()
	b.hear(0, above, 1, time.Second) // to it a word of priority 1 would be a tie
	b.did()
	b.hear(0, above, 101, time.Second)
	b.did("advert outside 1")
	b.hear(0, above, 101, time.Second)
	b.did()
}

// The addresses of two interfaces may order differently; only the first router's
// count, and no advert is answered on the other: two masters that answer each
// other would never stop.
func TestGroupTieIsDecidedOnTheFirstRouter(t *testing.T) {
	b := newMaster(t, pair())
	b.run(500 * time.Millisecond)
	b.out = nil
	b.hear(1, above, 100, time.Second)
	b.did()
	b.hear(0, lower, 100, time.Second)
	b.did("contested outside", "advert outside 100")
	b.hear(0, above, 100, time.Second)
	b.did("master>backup tie", "release", "advert outside 1")
}

func TestOwnPacketIsNoEvent(t *testing.T) {
	b := newMaster(t, pair())
	b.hear(0, self, 200, time.Second)
	b.hear(0, self, 0, time.Second)
	b.did()
	b = newBench(t, lone())
	before := b.in()
	b.run(time.Second)
	b.hear(0, self, 200, time.Second)
	if b.in() != before-time.Second {
		t.Error("our own advert set the timer")
	}
}

func TestAnswersAreNoFlood(t *testing.T) {
	b := newMaster(t, lone())
	b.run(500 * time.Millisecond)
	b.out = nil
	adverts := 0
	for range 1000 { // 1000 adverts within 100 ms
		b.hear(0, lower, 50, time.Second)
		b.run(100 * time.Microsecond)
	}
	for _, o := range b.out {
		if o.Kind == OutputAdvert {
			adverts++
		}
	}
	if adverts < 5 || adverts > 11 {
		t.Errorf("%d adverts in 100 ms", adverts)
	}
}

// A suppressed answer is late, never lost.
func TestAnswerAfterTheGap(t *testing.T) {
	b := newMaster(t, lone())
	b.run(b.in())
	b.out = nil
	b.hear(0, lower, 50, time.Second)
	b.did("contested outside")
	b.run(answerGap)
	b.did("advert outside 100")
}

func TestTwoOwnersDoNotShout(t *testing.T) {
	c := lone()
	c.Priority = 255
	b := newBench(t, c)
	b.run(500 * time.Millisecond)
	b.out = nil
	b.hear(0, above, 255, time.Second)
	b.did()
	b.hear(0, above, 254, time.Second)
	b.did("contested outside", "advert outside 255")
	b.state(Master)
}

// A machine that was away when the timer ran out listens once more.
func TestLateWakeListensOnceMore(t *testing.T) {
	b := newBench(t, lone())
	b.hear(0, above, 150, time.Second)
	b.now = b.now.Add(time.Minute)
	b.step(Input{Kind: InputTimer})
	b.did()
	if b.in() != time.Second+skew100 {
		t.Errorf("listens for %v", b.in())
	}
	b.hear(0, above, 150, time.Second)
	b.run(down100 - 1)
	b.did()
	b.now = b.now.Add(1 + time.Second) // an interval late is not away
	b.step(Input{Kind: InputTimer})
	b.did("advert outside 100", "backup>master timeout", "hold")

	b = newBench(t, lone())
	b.hear(0, above, 150, time.Second)
	for range 2 { // away again and again: once is enough
		b.now = b.now.Add(time.Minute)
		b.step(Input{Kind: InputTimer})
	}
	b.state(Master)
}

func TestNotReadyWaitsAndThenTakesOverAtOnce(t *testing.T) {
	b := newBench(t, pair())
	b.health(Health{})
	b.run(time.Minute)
	b.did()
	b.hear(0, above, 150, time.Second) // one of the timers runs again
	b.health(Health{Ready: true})
	b.state(Backup)
	b.health(Health{})
	b.run(time.Minute)
	b.health(Health{Ready: true})
	b.did("advert outside 100", "advert inside 100", "backup>master timeout", "hold")
	b.health(Health{})
	b.did() // a master stays it
}

func TestOwnerNotReadyIsBackup(t *testing.T) {
	c := lone()
	c.Priority = 255
	b := bare(t, c)
	b.step(Input{Kind: InputLinks, Links: up(1)})
	b.step(Input{Kind: InputStart})
	b.hear(0, lower, 200, time.Second)
	b.did("release", "init>backup started")
	b.health(Health{Ready: true})
	b.did("advert outside 255", "backup>master owner", "hold")
}

func TestPreemptDelay(t *testing.T) {
	c := lone()
	c.PreemptDelay = 10 * time.Second
	b := newBench(t, c)
	b.run(2 * time.Second)
	keep := func(d time.Duration) {
		for end := b.now.Add(d); b.now < end; {
			b.hear(0, lower, 50, time.Second)
			b.run(time.Second)
		}
	}
	keep(9 * time.Second)
	b.did()
	b.hear(0, above, 100, time.Second) // an equal one cancels
	keep(10 * time.Second)
	b.did()
	b.hear(0, lower, 50, time.Second) // the delay is over: discarded
	b.run(down100 - time.Second)
	b.did("advert outside 100", "backup>master preempt", "hold")
}

func TestPreemptDelayDoesNotHelpTheSilent(t *testing.T) {
	c := lone()
	c.PreemptDelay = time.Hour
	b := newBench(t, c)
	b.hear(0, lower, 50, time.Second)
	b.run(down100)
	b.state(Master)
}

func TestNoPreemptTakesOverFromLowest(t *testing.T) {
	c := lone()
	c.Preempt, c.PreemptDelay = false, time.Hour
	b := newBench(t, c)
	for range 5 {
		b.hear(0, lower, 1, time.Second)
		b.run(time.Second)
	}
	b.state(Master)
}

func TestLowestAdvertisesOneAtOnceAndStays(t *testing.T) {
	b := newMaster(t, pair())
	b.health(Health{Ready: true, Lowest: true})
	b.did("advert outside 1", "advert inside 1")
	b.run(time.Second)
	b.did("advert outside 1", "advert inside 1")
	b.hear(1, lower, 50, time.Second)
	b.did("master>backup higher-priority", "release", "advert inside 1")
}

func TestFaultOfHealth(t *testing.T) {
	b := newBench(t, pair())
	b.health(Health{Ready: true, Fault: true, Causes: []Cause{{Kind: CauseFault, Detail: "eth1 is down"}}})
	b.did("backup>fault fault")
	if b.g.Cause.Detail != "eth1 is down" || b.g.Deadline() != Never {
		t.Errorf("cause %+v, deadline %v", b.g.Cause, b.g.Deadline())
	}
	b.health(Health{Ready: true, Fault: true, Causes: []Cause{{Kind: CauseFault, Detail: "something else"}}})
	b.did()
	if b.g.Cause.Detail != "something else" {
		t.Errorf("cause %+v", b.g.Cause)
	}
	b.run(time.Second)
	b.health(Health{Ready: true})
	b.did("fault>backup recovered")
	if b.down(0) != down100 || b.down(1) != down100 {
		t.Error("not the full Master_Down_Interval")
	}
}

func TestFaultOfALink(t *testing.T) {
	links := up(2)
	links[1].Usable = false
	for _, tt := range []struct {
		name string
		b    *bench
		want []string
	}{
		{"backup", newBench(t, pair()), []string{"backup>fault interface"}},
		// The lost link cannot carry an advert, and half of the group serves nobody.
		{"master", newMaster(t, pair()), []string{"advert outside 0", "master>fault interface", "release"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.b.step(Input{Kind: InputLinks, Links: links})
			tt.b.did(tt.want...)
			if tt.b.g.Cause.Detail != "eth1 is down" || tt.b.g.Cause.Router != "inside" {
				t.Errorf("cause %+v", tt.b.g.Cause)
			}
			tt.b.step(Input{Kind: InputLinks, Links: up(2)})
			tt.b.did("fault>backup recovered")
		})
	}
}

func TestInitUntilTheInterfaceIsThere(t *testing.T) {
	b := bare(t, pair())
	b.health(Health{Ready: true})
	b.step(Input{Kind: InputStart})
	b.did("release")
	b.state(Init)
	if b.g.Cause.Kind != CauseInterface {
		// The cause is known before there is any transition.
		t.Errorf("cause %+v", b.g.Cause)
	}
	links := up(2)
	links[0].Usable = false
	b.step(Input{Kind: InputLinks, Links: links})
	b.did("init>fault interface")
	b.step(Input{Kind: InputLinks, Links: up(2)})
	b.did("fault>backup recovered")
	b.step(Input{Kind: InputLinks, Links: make([]RouterLink, 2)})
	b.did("backup>fault interface") // it has been there
}

func TestNoSourceAddressIsAFault(t *testing.T) {
	c := lone()
	c.Routers[0].Source = netip.Addr{}
	b := bare(t, c)
	b.step(Input{Kind: InputLinks, Links: []RouterLink{{Exists: true, Usable: true}}})
	b.step(Input{Kind: InputStart})
	b.did("release", "init>fault interface")
	if b.g.Cause.Detail != "eth2 has no IPv4 address to send from" {
		t.Errorf("cause %+v", b.g.Cause)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	master := newMaster(t, pair())
	leaving := newMaster(t, pair())
	leaving.step(Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	backup := newBench(t, pair())
	backup.hear(1, above, 150, 2*time.Second)
	for _, b := range []*bench{bare(t, pair()), backup, master, leaving} {
		text, err := json.Marshal(b.g)
		if err != nil {
			t.Fatal(err)
		}
		var again Group
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(b.g, again) {
			t.Errorf("%s: %s became %+v", b.g.State, text, again)
		}
	}
}
