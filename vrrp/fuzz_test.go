package vrrp

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"
)

// FuzzStep feeds a group whatever the bytes say: it never panics, wants addresses
// only as master or while handing over, never asks to be called in the past, and
// survives the way through JSON.
func FuzzStep(f *testing.F) {
	f.Add([]byte{5, 0, 3, 3, 2, 1, 0, 200, 0, 200, 1, 100, 6, 0})
	f.Add([]byte{3, 3, 5, 1, 1, 4, 2, 2, 4, 7, 6, 0, 5, 0, 0, 255, 1, 0})
	f.Add([]byte{4, 200, 3, 255, 5, 1, 2, 1, 0, 1, 1, 250, 1, 9, 6, 6, 0, 99})
	f.Fuzz(func(t *testing.T, script []byte) {
		c := pair()
		b := bare(t, c)
		for ; len(script) >= 2; script = script[2:] {
			kind, arg := script[0], script[1]
			b.out = nil
			b.step(fuzzInput(b, kind, arg))
			checkOutputs(t, b)
		}
		text, err := json.Marshal(b.g)
		if err != nil {
			t.Fatal(err)
		}
		var again Group
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if a, _ := json.Marshal(again); string(a) != string(text) {
			t.Fatalf("%s became %s", text, a)
		}
	})
}

// fuzzInput makes an input of two bytes. Time moves with the timer inputs.
func fuzzInput(b *bench, kind, arg byte) Input {
	switch InputKind(kind % 7) {
	case InputTimer:
		b.now = b.now.Add(time.Duration(arg) * 50 * time.Millisecond)
		if arg == 255 && b.g.Deadline() != Never {
			b.now = max(b.now, b.g.Deadline())
		}
		return Input{Kind: InputTimer}
	case InputAdvert:
		src := netip.AddrFrom4([4]byte{10, 0, 0, 3 + arg%5}) // ours among them
		return Input{Kind: InputAdvert, Router: int(kind/7)%4 - 1, Heard: Heard{Src: src, Priority: arg, Interval: time.Duration(arg) * centisecond, Fit: Fit(kind/7) % 3}}
	case InputHealth:
		return Input{Kind: InputHealth, Health: Health{Ready: arg&1 != 0, Fault: arg&2 != 0, Lowest: arg&4 != 0, Delta: int(int8(arg))}}
	case InputLinks:
		return Input{Kind: InputLinks, Links: fuzzLinks(int(kind/7)%4, arg)}
	case InputConfigure:
		c := fuzzConfig(arg)
		return Input{Kind: InputConfigure, Config: c, Links: fuzzLinks(len(c.Routers), kind/7)}
	case InputStart:
		return Input{Kind: InputStart, Record: Record{Master: arg&1 != 0, LastAdvert: b.now - Instant(arg)*Instant(centisecond)}}
	default:
		return Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}}
	}
}

func fuzzLinks(n int, bits byte) []RouterLink {
	links := make([]RouterLink, n)
	for i := range links {
		links[i] = RouterLink{Exists: bits>>(2*i)&1 != 0, Usable: bits>>(2*i)&3 == 3, Source: ip(self)}
	}
	return links
}

func fuzzConfig(bits byte) GroupConfig {
	c := pair()
	c.Priority = bits | 1
	c.Preempt = bits&2 != 0
	c.PreemptDelay = time.Duration(bits&3) * time.Second
	if bits&4 != 0 {
		c.Routers[0], c.Routers[1] = c.Routers[1], c.Routers[0]
	}
	c.Routers[1].VRID += bits >> 7
	c.Routers[0].Interval = time.Duration(bits>>3) * 100 * time.Millisecond // 0 too, which no file can say
	c.Routers = c.Routers[:bits>>4%3]
	return c
}

// checkOutputs holds what is true of the outputs of one step.
func checkOutputs(t *testing.T, b *bench) {
	t.Helper()
	for _, o := range b.out {
		switch o.Kind {
		case OutputAdvert:
			if o.Gone == nil && o.Priority > priorityLowest && o.Priority != b.g.Priority {
				t.Fatalf("advert of priority %d, ours is %d", o.Priority, b.g.Priority)
			}
		case OutputTransition:
			if o.Transition.From == o.Transition.To || o.Transition.Cause.Kind == "" {
				t.Fatalf("transition %+v", o.Transition)
			}
		case OutputRecord:
			if o.Record.Master && b.g.State != Master {
				t.Fatalf("record of a master in %s", b.g.State)
			}
		}
	}
}
