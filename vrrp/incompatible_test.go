package vrrp

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestIncompatibleTable plays every row of the table in docs/incompatible.md.
func TestIncompatibleTable(t *testing.T) {
	text, err := os.ReadFile("../docs/incompatible.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 11 || cells[1] == "---" || strings.TrimSpace(cells[1]) == "we are" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows++
		t.Run(strings.Join(cells[1:8], " "), func(t *testing.T) { playEncounter(t, cells[1:9]) })
	}
	if rows < 30 {
		t.Errorf("%d rows: the table is not where it was", rows)
	}
}

// encounter is us and a neighbour that does not fit.
type encounter struct {
	*bench
	heard  Heard
	hears  string
	master bool          // the neighbour is
	speaks Instant       // when it advertises next
	beside time.Duration // how long both were
}

// hear is the neighbour hearing what we said.
func (e *encounter) hear() {
	said := e.out
	e.out = nil
	for _, o := range said {
		switch {
		case o.Kind != OutputAdvert || !e.master:
		case e.hears == "starved":
			e.speaks = e.now.Add(time.Second)
		// At equal priority our address is the higher one.
		case e.hears == "yes" && o.Priority >= e.heard.Priority:
			e.master = false
			word := e.heard
			word.Priority = 1
			if word.Fit == FitDiscarded { // only a failover hears what it discards
				e.step(Input{Kind: InputAdvert, Heard: word})
			}
		}
	}
}

func playEncounter(t *testing.T, cells []string) {
	number := func(i int) uint8 {
		n, err := strconv.ParseUint(cells[i], 10, 8)
		if err != nil {
			t.Fatal(err)
		}
		return uint8(n)
	}
	fits := map[string]Fit{"fit": FitSame, "differ": FitDiffers, "discarded": FitDiscarded}
	fit, known := fits[cells[5]]
	if !known || !slices.Contains([]string{"yes", "no", "starved"}, cells[6]) || !slices.Contains([]string{"stranger", "director"}, cells[3]) {
		t.Fatalf("the table says %q", cells)
	}
	c := lone()
	c.Priority = number(2)
	c.Routers[0].Incompatible = Incompatible(cells[1])
	if cells[3] == "director" {
		c.Routers[0].Fellows = []Fellow{{Source: ip(lower), Full: number(4)}}
	}
	e := encounter{heard: Heard{Src: ip(lower), Priority: number(4), Interval: time.Second, Fit: fit}, hears: cells[6], master: true}
	if cells[0] == "master" {
		e.bench = newMaster(t, c)
	} else {
		e.bench = newBench(t, c)
	}
	for range 60 {
		e.second()
	}
	got := "nobody"
	switch {
	case e.master && e.g.State == Master:
		got = "both"
	case e.master:
		got = "it"
	case e.g.State == Master:
		got = "we"
	}
	if got != cells[7] {
		t.Errorf("%s master in the end, want %s: %+v", got, cells[7], e.g.Cause)
	}
	// Its first advert begins Master_Down_Interval, the first one after it ends it.
	if got != "both" && e.beside > e.g.masterDown(0, time.Second)+2*time.Second {
		t.Errorf("two masters for %v", e.beside)
	}
}

// second lets one go by, in which the neighbour speaks if it is master, and hears
// what we say.
func (e *encounter) second() {
	e.t.Helper()
	for range 10 {
		if e.master && e.now >= e.speaks {
			e.speaks = e.now.Add(time.Second)
			e.step(Input{Kind: InputAdvert, Heard: e.heard})
		}
		e.run(100 * time.Millisecond)
		e.hear()
		if e.master && e.g.State == Master {
			e.beside += 100 * time.Millisecond
		}
	}
}

// hearOdd is hear of a neighbour whose adverts fit so.
func (b *bench) hearOdd(router int, src string, priority uint8, fit Fit) {
	b.t.Helper()
	b.step(Input{Kind: InputAdvert, Router: router, Heard: Heard{Src: ip(src), Priority: priority, Interval: time.Second, Fit: fit}})
}

// Who leaves a neighbour the mastership takes it when that one is done with it.
func TestLeftMastershipComesBack(t *testing.T) {
	left := func(fit Fit) *bench {
		b := newMaster(t, lone())
		for range 4 {
			b.hearOdd(0, lower, 50, fit)
			b.run(time.Second)
		}
		b.hearOdd(0, lower, 50, fit)
		b.state(Backup)
		if b.g.Cause.Kind != CauseIncompatible || b.g.Cause.Peer != ip(lower) {
			t.Fatalf("cause %+v", b.g.Cause)
		}
		b.out = nil
		for range 10 {
			b.run(time.Second)
			b.hearOdd(0, lower, 50, fit)
		}
		b.did()
		return b
	}
	for _, fit := range []Fit{FitDiffers, FitDiscarded} {
		b := left(fit)
		b.run(down100) // it falls silent
		b.did("advert outside 100", "backup>master timeout", "hold")

		b = left(fit)
		b.hearOdd(0, lower, 0, fit) // it resigns
		b.run(skew100)
		b.did("advert outside 100", "backup>master priority-zero", "hold")

		b = left(fit)
		for range 3 {
			b.run(time.Second)
			b.hearOdd(0, lower, 50, FitSame) // it was reloaded
		}
		b.run(time.Second)
		b.did("advert outside 100", "backup>master preempt", "hold", "advert outside 100", "advert outside 100")

		b = left(fit)
		c := lone()
		c.Routers[0].Incompatible = Hold // we were
		b.step(Input{Kind: InputConfigure, Config: c, Links: up(1)})
		for range 4 {
			b.run(time.Second)
			b.hearOdd(0, lower, 50, fit)
		}
		b.state(Master)
	}
}

// What the neighbour announced is not announced over before it is decided who
// stays; then it is, once.
func TestAnnouncesOverWhenItIsDecided(t *testing.T) {
	b := newMaster(t, lone())
	b.run(500 * time.Millisecond)
	b.out = nil
	b.hearOdd(0, lower, 50, FitDiffers)
	b.did("advert outside 100")
	b.run(3 * time.Second) // it gave way
	b.out = slices.DeleteFunc(b.out, func(o Output) bool { return o.Kind == OutputAdvert })
	b.did()
	b.run(time.Second)
	b.out = slices.DeleteFunc(b.out, func(o Output) bool { return o.Kind == OutputAdvert })
	b.did("contested outside")
	if b.g.Routers[0].Rivals != nil {
		t.Errorf("%+v", b.g.Routers[0].Rivals)
	}
	b.hearOdd(0, lower, 50, FitDiscarded)
	b.run(100 * time.Millisecond)
	b.out = nil
	b.hearOdd(0, lower, 1, FitDiscarded) // its word, which is enough
	b.did("contested outside", "advert outside 100")
	b.run(time.Minute)
	b.state(Master)

	c := lone()
	c.Routers[0].Incompatible = Hold
	b = newMaster(t, c)
	b.run(500 * time.Millisecond)
	b.out = nil
	b.hearOdd(0, lower, 50, FitDiscarded)
	b.did("contested outside", "advert outside 100")
}

// Several that do not fit are told apart, and few are enough.
func TestRivalsAreToldApart(t *testing.T) {
	b := newMaster(t, lone())
	for range 4 { // each of them every 2 s
		b.hearOdd(0, lower, 50, FitDiscarded)
		b.run(time.Second)
		b.hearOdd(0, "10.0.0.3", 40, FitDiscarded)
		b.run(time.Second)
		if b.g.State == Backup {
			break
		}
	}
	b.state(Backup)

	b = newMaster(t, lone())
	for i := range byte(100) {
		b.step(Input{Kind: InputAdvert, Heard: Heard{Src: ip("10.0.0.1"), Priority: 1 + i%20, Interval: time.Second}})
		b.step(Input{Kind: InputAdvert, Heard: Heard{Src: ip("10.0.1." + strconv.Itoa(int(i))), Priority: 50, Interval: time.Second}})
		if n := len(b.g.Routers[0].Rivals); n > rivalsKept {
			t.Fatalf("%d rivals", n)
		}
	}
}

// Who resigns is no rival any more, and nobody is left the mastership.
func TestRivalThatResigns(t *testing.T) {
	b := newMaster(t, lone())
	b.hearOdd(0, lower, 50, FitDiscarded)
	b.run(100 * time.Millisecond)
	b.hearOdd(0, lower, 0, FitDiscarded)
	if b.g.Routers[0].Rivals != nil {
		t.Errorf("%+v", b.g.Routers[0].Rivals)
	}
	b.run(time.Minute)
	b.state(Master)
}

// One advert now and then is no master that goes on.
func TestNowAndThenIsNotGoingOn(t *testing.T) {
	b := newMaster(t, lone())
	for range 20 {
		b.hearOdd(0, lower, 50, FitDiffers)
		b.run(5 * time.Second)
	}
	b.state(Master)
}

// In a group it is enough that one member's neighbour does not fit, in both
// directions; a tie is decided on the first router only.
func TestGroupWithANeighbourThatDoesNotFit(t *testing.T) {
	b := newMaster(t, pair())
	b.hearOdd(1, above, 150, FitDiscarded)
	b.state(Backup)

	b = newMaster(t, pair())
	for range 10 {
		b.hearOdd(1, above, 100, FitDiscarded)
		b.run(time.Second)
	}
	b.state(Master)

	b = newMaster(t, pair())
	for range 5 {
		b.hear(0, lower, 50, time.Second)
		b.hearOdd(1, lower, 50, FitDiscarded)
		b.run(time.Second)
	}
	b.state(Backup)
	for range 10 { // outside it would be preempted
		b.run(time.Second)
		b.hear(0, lower, 50, time.Second)
		b.hearOdd(1, lower, 50, FitDiscarded)
	}
	b.state(Backup)
	b.run(down100)
	b.state(Master)
}

// A successor that does not fit is one: the old master need not hold any longer.
func TestHandOverToOneThatDoesNotFit(t *testing.T) {
	b := newMaster(t, lone())
	b.step(Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	b.did("advert outside 0", "master>init stopped")
	b.hearOdd(0, lower, 50, FitDiscarded)
	b.did("release")
}

// Who wakes late, with an advert due and a rival that has gone on, leaves it the
// mastership without claiming it once more.
func TestLeavesWithoutAnotherWord(t *testing.T) {
	b := newMaster(t, pair())
	b.hearOdd(1, lower, 50, FitDiscarded)
	b.now = b.now.Add(3700 * time.Millisecond)
	b.out = nil
	b.step(Input{Kind: InputTimer})
	b.did("master>backup incompatible", "release")
}
