package vrrp

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestPreemptTable plays every row of the table in docs/preempt.md: the backup
// hears the master once a second.
func TestPreemptTable(t *testing.T) {
	text, err := os.ReadFile("../docs/preempt.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 9 || cells[1] == "---" || strings.TrimSpace(cells[1]) == "preempt" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows++
		t.Run(strings.Join(cells[1:6], " "), func(t *testing.T) { playRow(t, cells[1:7]) })
	}
	if rows < 20 {
		t.Errorf("%d rows: the table is not where it was", rows)
	}
}

func playRow(t *testing.T, cells []string) {
	number := func(i int) uint8 {
		n, err := strconv.ParseUint(cells[i], 10, 8)
		if err != nil {
			t.Fatal(err)
		}
		return uint8(n)
	}
	c := lone()
	c.Preempt = cells[0] == "true"
	c.Priority = number(1)
	if cells[3] != "unknown" {
		c.Routers[0].Fellows = []Fellow{{Source: ip(above), Full: 7}, {Source: ip(lower), Full: number(3)}}
	}
	b := newBench(t, lone())
	b.step(Input{Kind: InputConfigure, Config: c, Links: up(1)})
	b.health(Health{Ready: true, Delta: int(number(2)) - int(number(1))})
	if b.g.Priority != number(2) {
		t.Fatalf("the backup has %d", b.g.Priority)
	}
	b.hear(0, lower, b.g.Priority, time.Second) // it was as good a moment ago
	heard := 0
	for range 12 {
		b.run(time.Second)
		if b.g.State == Master {
			break
		}
		heard++
		b.hear(0, lower, number(4), time.Second)
	}
	switch want := cells[5]; {
	case want == "takes over" && (b.g.State != Master || heard != 3):
		t.Errorf("%s after %d adverts, want to take over after three", b.g.State, heard)
	case want == "keeps it" && b.g.State != Backup:
		t.Errorf("took over after %d adverts: %+v", heard, b.g.Cause)
	case want != "takes over" && want != "keeps it":
		t.Fatalf("the table says %q", want)
	}
}

// A bonus is part of the full priority: to lose it is a penalty, to have it none.
func TestBonusIsPartOfTheFullPriority(t *testing.T) {
	for _, c := range []struct {
		full  uint8
		delta int
		want  int
	}{
		{0, 0, 0}, {0, 20, 0}, {0, -20, 20}, {120, 20, 0}, {120, 0, 20}, {120, -30, 50}, {254, 20, 134},
	} {
		config := lone()
		config.Full = c.full
		b := newBench(t, config)
		b.health(Health{Ready: true, Delta: c.delta})
		if got := b.g.Penalty(); got != c.want {
			t.Errorf("full %d, delta %d: penalty %d, want %d", c.full, c.delta, got, c.want)
		}
	}
}

func TestOneHealthyAdvertStartsTheTimerAgain(t *testing.T) {
	c := lone()
	c.Preempt = false
	c.Routers[0].Fellows = []Fellow{{Source: ip(lower), Full: 80}}
	b := newBench(t, c)
	for range 5 {
		for _, priority := range []uint8{70, 70, 80} {
			b.hear(0, lower, priority, time.Second)
			b.run(time.Second)
		}
	}
	b.did()
	for range 3 {
		b.hear(0, lower, 70, time.Second)
		b.run(time.Second)
	}
	b.did("advert outside 100", "backup>master preempt", "hold", "advert outside 100", "advert outside 100")
	if want := "10.0.0.4 has priority 70, we have 100, and it is less healthy: it lacks 10 of its priority, we 0"; b.g.Cause.Detail != want {
		t.Errorf("cause %q, want %q", b.g.Cause.Detail, want)
	}
}

// The file tells the sources of one interface only, as with directors whose own
// address is on one of them.
func TestMasterKnownOnOneInterface(t *testing.T) {
	c := pair()
	c.Preempt = false
	c.Routers[1].Fellows = []Fellow{{Source: ip(lower), Full: 80}}
	b := newBench(t, c)
	b.hearAll(lower, 80)
	for range 3 {
		b.run(time.Second)
		b.hear(1, lower, 70, time.Second)
		b.hear(0, "10.9.9.9", 70, time.Second)
	}
	b.did()
	b.run(time.Second)
	b.did("advert outside 100", "advert inside 100", "backup>master preempt", "hold",
		"advert outside 100", "advert inside 100", "advert outside 100", "advert inside 100")

	b = newBench(t, c)
	for range 10 { // another one, who says nothing of that one's health
		b.hear(1, lower, 70, time.Second)
		b.hear(0, "10.9.9.9", 71, time.Second)
		b.run(time.Second)
	}
	b.did()
}
