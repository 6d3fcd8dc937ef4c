package vrrp

import (
	"math/rand/v2"
	"testing"
	"time"
)

// modelled is a group beside its model.
type modelled struct {
	t     testing.TB
	g     Group
	m     rfcModel
	trace []byte
}

// newModelled makes a group of one to three routers of two bytes.
func newModelled(t testing.TB, priority, kind byte) *modelled {
	x := &modelled{t: t}
	c := pair()
	c.Priority, c.Preempt = max(priority, 1), kind&1 == 0
	third := c.Routers[0]
	third.Name, third.VRID = "third", 53
	c.Routers = append(c.Routers, third)[:1+kind>>1&3%3]
	for i := range c.Routers {
		rc := &c.Routers[i]
		if kind>>(3+i)&1 != 0 {
			rc.Version = Version2
		} else {
			rc.Interval = time.Duration(1+kind>>6) * 100 * time.Millisecond
		}
		x.m.routers = append(x.m.routers, rfcRouter{v2: rc.Version == Version2, own: rc.Interval, learned: rc.Interval})
	}
	x.g = NewGroup(c)
	x.m.priority, x.m.preempt, x.m.state, x.m.now = c.Priority, c.Preempt || c.Priority == priorityOwner, Init, Instant(time.Hour)
	x.step(Input{Kind: InputLinks, Links: up(len(c.Routers))})
	x.step(Input{Kind: InputHealth, Health: Health{Ready: true}})
	return x
}

// step feeds the group and compares it with the model, which was fed before.
func (x *modelled) step(in Input) {
	x.t.Helper()
	out := x.g.Step(x.m.now, in, nil)
	checkGroup(x.t, &x.g)
	if d := x.m.differs(&x.g, out); d != "" {
		x.t.Fatalf("after % x, %+v: %s", x.trace, in, d)
	}
	x.m.said = nil
}

// event takes two bytes: what happens, and how.
func (x *modelled) event(kind, arg byte) {
	x.t.Helper()
	x.trace = append(x.trace, kind, arg)
	x.m.now = x.m.now.Add(time.Duration(kind>>4) * 7 * time.Millisecond)
	switch kind & 7 {
	case 0:
		x.m.start()
		x.step(Input{Kind: InputStart})
	case 1:
		x.m.stop()
		x.step(Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	case 2, 3: // on time, or late
		if at := x.g.Deadline(); at != Never {
			x.m.now = max(x.m.now, at.Add(time.Duration(arg)*time.Duration(arg)*100*time.Microsecond))
		}
		x.m.tick()
		x.step(Input{Kind: InputTimer})
	default:
		i, order := int(kind>>4)%len(x.g.Routers), int(kind>>3&1)*2-1
		priority, interval := arg, x.g.Config.Routers[i].Interval
		if arg&3 == 1 {
			priority = x.m.priority
		}
		if x.g.Config.Routers[i].Version != Version2 {
			interval = time.Duration(1+arg&7) * 50 * time.Millisecond
		}
		x.m.hear(i, order, priority, interval)
		x.step(Input{Kind: InputAdvert, Router: i, Heard: Heard{Src: addressOf(order), Priority: priority, Interval: interval}})
	}
}

// FuzzModel compares the group with the model.
func FuzzModel(f *testing.F) {
	f.Add([]byte{100, 0, 0, 0, 2, 0, 2, 0, 0x14, 200, 2, 0})
	f.Add([]byte{100, 3, 0, 0, 2, 0, 2, 0, 2, 0, 0x0c, 101, 0x1c, 101, 2, 255, 2, 0})
	f.Add([]byte{255, 0x4a, 0, 0, 4, 10, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) < 2 {
			return
		}
		x := newModelled(t, script[0], script[1])
		for script = script[2:]; len(script) >= 2; script = script[2:] {
			x.event(script[0], script[1])
		}
	})
}

// TestModel compares them on random events: 50 000 scripts.
func TestModel(t *testing.T) {
	for seed := range uint64(50_000 / raceFactor) {
		rng := rand.New(rand.NewPCG(seed, 3768))
		x := newModelled(t, uint8(rng.Uint32()), uint8(rng.Uint32()))
		x.event(0, 0)
		for range 10 + rng.IntN(50) {
			x.event(uint8(rng.Uint32()), uint8(rng.Uint32()))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
