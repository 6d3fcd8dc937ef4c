package vrrp

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var (
	simSeed  = flag.Uint64("seed", 0, "run this seed of a simulation only and print all that happens; 0: the first -sim.seeds")
	simSeeds = flag.Int("sim.seeds", 1000, "how many seeds each simulation runs")
)

// world is some machines that run the same groups on some segments, in virtual
// time: no goroutine, no clock, a queue of packets. Everything follows from its
// seed.
type world struct {
	seed  uint64
	rng   *rand.Rand
	now   Instant
	unit  time.Duration // the shortest interval
	nodes []*simNode
	plans []*plan // of the groups, by index
	// wakes are the next timers: of every node's every group, in their order, and
	// after them the ends of the nodes' sleep.
	wakes []Instant
	air   air

	loss, double float64
	delay        time.Duration // at most
	disorder     bool          // packets overtake each other
	late         time.Duration // at most, of timers
	calm         time.Duration // at most, between two events of a life
	deaf         [][]uint8     // per segment and sender: bits of the nodes that do not hear it

	advert Advert // of the packet just read
	out    []Output
	watch  func() // after every event
	stage  stage
	tally  tally
	trace  bool
	log    []string // what happened, where trace is set
}

// simStart is when every world begins.
const simStart = Instant(1000 * time.Hour)

// broken is how a simulation ends that finds a promise broken.
type broken string

// fatalf ends the simulation of this seed.
func (w *world) fatalf(format string, args ...any) {
	panic(broken(fmt.Sprintf(format, args...)))
}

// note keeps a line of the trace.
func (w *world) note(format string, args ...any) {
	if w.trace {
		w.log = append(w.log, fmt.Sprintf("%14v  ", w.now.Sub(simStart))+fmt.Sprintf(format, args...))
	}
}

// simulate runs one world and returns what was broken; empty: nothing.
func simulate(seed uint64, trace bool, run func(*world)) (w *world, failure string) {
	w = newWorld(seed)
	w.calm = 20 * w.unit
	w.trace = trace
	defer func() {
		switch r := recover().(type) {
		case nil:
		case broken:
			failure = string(r)
		default:
			panic(r)
		}
	}()
	w.introduce()
	run(w)
	return w, ""
}

// seeds runs worlds, and one that breaks a promise once more to tell how it came
// to that.
func seeds(t *testing.T, run func(*world)) {
	t.Helper()
	if *simSeed != 0 {
		w, failure := simulate(*simSeed, true, run)
		w.print(t, len(w.log))
		if failure != "" {
			t.Fatalf("seed %d: %s", *simSeed, failure)
		}
		return
	}
	for seed := range uint64(*simSeeds / raceFactor) {
		if _, failure := simulate(seed+1, false, run); failure != "" {
			report(t, seed+1, failure, run)
		}
	}
}

// report ends the test with the last lines of a broken world.
func report(t *testing.T, seed uint64, failure string, run func(*world)) {
	t.Helper()
	w, again := simulate(seed, true, run)
	w.print(t, 60)
	if again != failure {
		t.Errorf("seed %d is not the same twice: %q, then %q", seed, failure, again)
	}
	t.Fatalf("seed %d: %s\nthe whole of it: go test ./vrrp -run '^%s$' -seed=%d -v", seed, failure, t.Name(), seed)
}

func (w *world) print(t *testing.T, last int) {
	t.Helper()
	t.Logf("what happened:\n%s", strings.Join(w.log[max(0, len(w.log)-last):], "\n"))
	for _, n := range w.nodes {
		for _, m := range n.groups {
			t.Logf("%v %s: %s (%s) %d of %d, preempt %v after %v, tracks %v, ready %v, timers %v", m, n.condition(w.now),
				m.g.State, m.g.Cause.Kind, m.g.Priority, m.config.Priority, m.config.Preempt, m.config.PreemptDelay, m.tracks, m.health.Ready, m.timers(w.now))
		}
	}
}

// run lets time pass until end.
func (w *world) run(end Instant) {
	for {
		at, who := end, -1
		for i, wake := range w.wakes {
			if wake < at {
				at, who = wake, i
			}
		}
		// At the same moment the packet comes first: it is read before a timer is
		// believed.
		if f := w.air.next(); f != nil && f.at <= at && f.at < end {
			w.pass(f.at)
			w.arrive(w.air.pop())
		} else if who >= 0 {
			w.pass(at)
			w.fire(who)
		} else {
			w.pass(end)
			return
		}
		if w.watch != nil {
			w.watch()
		}
	}
}

// wait is run for a time.
func (w *world) wait(d time.Duration) { w.run(w.now.Add(d)) }

// pass moves the clock, and counts the time of the routers that are up.
func (w *world) pass(to Instant) {
	if to <= w.now {
		return
	}
	for _, n := range w.nodes {
		if n.up {
			w.tally.Stages[w.stage] += to.Sub(w.now)
		}
	}
	w.now = to
}

// fire is a timer, or the end of a sleep.
func (w *world) fire(who int) {
	if node := who - len(w.nodes)*len(w.plans); node >= 0 {
		w.thaw(w.nodes[node])
		return
	}
	w.tally.Timers++
	w.step(w.nodes[who/len(w.plans)].groups[who%len(w.plans)], Input{Kind: InputTimer})
}

// below draws a time of less than d.
func (w *world) below(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(max(d, 1))))
}

// oneIn is true once in n times.
func (w *world) oneIn(n int) bool { return w.rng.IntN(n) == 0 }
