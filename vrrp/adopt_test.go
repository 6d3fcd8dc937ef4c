package vrrp

import (
	"testing"
	"time"
)

func TestAdoption(t *testing.T) {
	c := pair()
	c.Routers[1].Interval = 200 * time.Millisecond // two of the fastest: 400 ms
	for _, tt := range []struct {
		name    string
		age     time.Duration
		master  bool
		adopted bool
	}{
		{"fresh", 399 * time.Millisecond, true, true}, {"too old", 4 * time.Second, true, false},
		{"was backup", 0, false, false}, {"of the future", -time.Millisecond, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bare(t, c)
			b.step(Input{Kind: InputLinks, Links: up(2)})
			b.step(Input{Kind: InputStart, Record: Record{Master: tt.master, LastAdvert: b.now.Add(-tt.age)}})
			if tt.adopted {
				b.did("advert outside 100", "advert inside 100", "init>master adopted", "hold")
				return
			}
			b.did("release", "init>backup started")
			if b.down(0) != down100 {
				t.Errorf("timer %v", b.down(0))
			}
		})
	}
}

// The links are read a moment after the start; the addresses stay for as long as
// adoption is possible, and no longer.
func TestAdoptionWaitsForTheLinks(t *testing.T) {
	fresh := func() *bench {
		b := bare(t, lone())
		b.step(Input{Kind: InputStart, Record: Record{Master: true, LastAdvert: b.now}})
		b.did()
		return b
	}
	b := fresh()
	b.run(time.Second)
	b.step(Input{Kind: InputLinks, Links: up(1)})
	b.did("advert outside 100", "init>master adopted", "hold")
	b = fresh()
	b.run(2 * time.Second)
	b.did("release")
	b.step(Input{Kind: InputLinks, Links: up(1)})
	b.did("init>backup started")
	b = fresh()
	b.step(Input{Kind: InputLinks, Links: []RouterLink{{Exists: true}}})
	b.did("release", "init>fault interface")
	b = fresh()
	b.step(Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	b.did("release")
}

// What is too old to be adopted, but not so old that a neighbour must have taken
// over, leaves the addresses where they are until one did, or this one does.
func TestBridge(t *testing.T) {
	c := pair()
	c.Routers[1].Interval = 200 * time.Millisecond
	started := func(age time.Duration) *bench {
		b := bare(t, c)
		b.step(Input{Kind: InputLinks, Links: up(2)})
		b.step(Input{Kind: InputHealth, Health: Health{Ready: true}})
		b.did()
		b.step(Input{Kind: InputStart, Record: Record{Master: true, LastAdvert: b.now.Add(-age)}})
		b.did("hold", "init>backup started")
		return b
	}
	b := started(400 * time.Millisecond)
	b.hear(0, above, 101, time.Second)
	b.did() // not heard on the other one
	b.hear(1, above, 101, 200*time.Millisecond)
	b.did("release")

	b = started(3990 * time.Millisecond)
	b.run(down100)
	b.did("advert outside 100", "advert inside 100", "backup>master timeout", "hold")

	b = started(400 * time.Millisecond)
	b.step(Input{Kind: InputHealth}) // not ready
	b.run(down100 + time.Second - time.Millisecond)
	b.did()
	b.run(time.Millisecond)
	b.did("release")

	b = started(400 * time.Millisecond)
	b.step(Input{Kind: InputLinks, Links: []RouterLink{{Exists: true}}})
	b.did("release", "backup>fault interface")

	b = bare(t, c) // nothing is known of the links yet
	b.step(Input{Kind: InputStart, Record: Record{Master: true, LastAdvert: b.now.Add(-time.Second)}})
	b.did("hold")
	b.step(Input{Kind: InputLinks, Links: make([]RouterLink, 2)})
	b.did()
	b.step(Input{Kind: InputLinks, Links: up(2)})
	b.did("init>backup started")

	b = started(400 * time.Millisecond)
	b.step(Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	b.did("backup>init stopped")
	b.run(b.g.handOver())
	b.did("release")
}

func TestRecords(t *testing.T) {
	b := newMaster(t, lone())
	last := func() (r Record) {
		for _, o := range b.out {
			if o.Kind == OutputRecord {
				r = o.Record
			}
		}
		return r
	}
	b.run(b.in())
	if r := last(); !r.Master || r.LastAdvert != b.now {
		t.Errorf("after an advert: %+v", r)
	}
	b.step(Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	if r := last(); r.Master {
		t.Errorf("after resigning: %+v", r)
	}
	b = newMaster(t, lone())
	b.hear(0, above, 101, time.Second)
	if r := last(); r.Master {
		t.Errorf("after yielding: %+v", r)
	}
}
