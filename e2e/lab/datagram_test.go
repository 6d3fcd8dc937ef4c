package lab

import (
	"testing"
	"time"
)

func TestOutage(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name     string
		sent     []time.Duration
		answered string
		want     Outage
	}{
		{"nothing", nil, "", Outage{}},
		{"one", []time.Duration{5 * ms}, "+", Outage{Sent: 1}},
		{"all", []time.Duration{0, ms, 2 * ms}, "+++", Outage{Sent: 3, Pause: ms}},
		{"one lost", []time.Duration{0, ms, 2 * ms}, "+-+", Outage{Gap: 2 * ms, Lost: 1, Sent: 3, Pause: ms}},
		{"none", []time.Duration{0, ms, 2 * ms}, "---", Outage{Gap: 2 * ms, Lost: 3, Sent: 3, Pause: ms}},
		{"two gaps", []time.Duration{0, ms, 2 * ms, 3 * ms, 4 * ms, 5 * ms}, "+-+--+", Outage{Gap: 3 * ms, Lost: 3, Sent: 6, Pause: ms}},
		{"the end", []time.Duration{0, ms, 2 * ms, 3 * ms}, "++--", Outage{Gap: 2 * ms, Lost: 2, Sent: 4, Pause: ms}},
		{"the last", []time.Duration{0, ms, 2 * ms}, "++-", Outage{Gap: ms, Lost: 1, Sent: 3, Pause: ms}},
		{"the client slept", []time.Duration{0, ms, 9 * ms}, "+++", Outage{Sent: 3, Pause: 8 * ms}},
	} {
		var answered []bool
		for _, r := range c.answered {
			answered = append(answered, r == '+')
		}
		if got := outage(c.sent, answered); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestDatagrams: what the network loses is lost, what it carries is not, and the
// answer comes from the address that was asked.
func TestDatagrams(t *testing.T) {
	l := newLab(t)
	if err := l.LB1.Echo(7); err != nil {
		t.Fatal(err)
	}
	if _, err := l.LB1.Run(t.Context(), "ip", "address", "add", VirtualOutside.String(), "dev", "eth2"); err != nil {
		t.Fatal(err)
	}
	d, err := l.Client.Datagrams(VirtualOutside.Addr().String()+":7", 500*time.Microsecond)
	if err != nil {
		t.Fatal(err)
	}
	flows := func() {
		t.Helper()
		if err := d.Flow(within(t, 10*time.Second), 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	flows()
	mark := d.Mark()
	flows()
	if o := d.Since(mark); o.Lost > 0 || o.Sent < 200 || o.Gap != 0 {
		t.Errorf("on a whole network: %+v", o)
	}
	mark = d.Mark()
	if err := l.Cut(l.LB1); err != nil {
		t.Fatal(err)
	}
	sleepUntil(monotonic() + 100*time.Millisecond)
	if err := l.Restore(l.LB1); err != nil {
		t.Fatal(err)
	}
	flows()
	o := d.Since(mark)
	if o.Gap < 100*time.Millisecond || o.Lost < 100 || o.Lost > o.Sent-200 {
		t.Errorf("with the link cut for 100 ms: %+v", o)
	}
	d.Stop()
	mark = d.Mark()
	sleepUntil(monotonic() + 5*time.Millisecond)
	if d.Mark() != mark {
		t.Error("goes on after Stop")
	}
}

func TestMetronome(t *testing.T) {
	l := newLab(t)
	stop := l.Metronome(time.Millisecond)
	sleepUntil(monotonic() + 50*time.Millisecond)
	late := stop()
	if len(late) < 5 || len(late) > 51 {
		t.Errorf("%d wakings in 50 ms", len(late))
	}
	for _, d := range late {
		if d < 0 || d > time.Second {
			t.Errorf("late by %v", d)
		}
	}
}
