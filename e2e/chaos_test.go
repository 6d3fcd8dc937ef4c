package e2e

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"failover/e2e/chaos"
	"failover/e2e/compare"
	"failover/e2e/lab"
	"failover/internal/testenv"
)

const (
	// chaosSteps is how many steps CI plays, chaosSeed which.
	chaosSteps, chaosSeed = 40, 1
	// wholeAgain is how long the pair may take to be whole after a fault has ended: a
	// start in the emulated guest is the most of it.
	wholeAgain = 30 * time.Second
)

// TestChaos does what a seed says to a pair under load, and holds it to the table of
// docs/chaos.md. FAILOVER_CHAOS_STEPS and FAILOVER_CHAOS_SEED say otherwise than CI;
// FAILOVER_CHAOS_ADVERTS is their interval, for a machine with other work;
// with FAILOVER_CHAOS_SYSTEMS="failover keepalived" the same is done to both, and
// the figures are kept in the folder FAILOVER_RESULTS.
func TestChaos(t *testing.T) {
	testenv.Need(t, "lab", lab.HasIPVS())
	testenv.Need(t, "lab", lab.LoadModule(within(t, 20*time.Second), "sch_netem"))
	ours, err := lab.FindFailover()
	testenv.Need(t, "lab", err)
	steps := chaos.Steps(chaosNumbers(t))
	page, err := os.Open("../docs/chaos.md")
	must(t, err)
	defer page.Close()
	promises, err := chaos.Promises(page)
	must(t, err)
	names := os.Getenv("FAILOVER_CHAOS_SYSTEMS")
	if names == "" {
		c := newChaos(t, ours, promises)
		c.play(steps)
		return
	}
	results, err := compare.Open(os.Getenv("FAILOVER_RESULTS"))
	must(t, err)
	seed, _ := chaosNumbers(t)
	for _, name := range strings.Fields(names) {
		var sys lab.System = ours
		if name != ours.Name() {
			testenv.Need(t, "peers", lab.FindKeepalived())
			sys = lab.Keepalived{}
		}
		leg := chaos.Leg(seed, name, chaosAdverts(t))
		if results.Has(leg) {
			t.Logf("seed %d has been played to %s already", seed, name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			c := newChaos(t, sys, promises)
			outcomes := c.play(steps)
			var rows []compare.Row
			for _, o := range outcomes {
				rows = append(rows, o.Row(leg, c.late[o.Number]))
			}
			if !t.Failed() { // what is kept is not played again
				must(t, results.Add(rows))
			}
		})
	}
}

// chaosNumbers are the seed and how many steps of it are played.
func chaosNumbers(t *testing.T) (seed uint64, steps int) {
	t.Helper()
	seed, steps = chaosSeed, chaosSteps
	if text := os.Getenv("FAILOVER_CHAOS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		must(t, err)
		seed = n
	}
	if text := os.Getenv("FAILOVER_CHAOS_STEPS"); text != "" {
		n, err := strconv.Atoi(text)
		must(t, err)
		steps = n
	}
	t.Logf("seed %d, %d steps", seed, steps)
	return seed, steps
}

// chaosAdverts is the interval of the adverts.
func chaosAdverts(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("FAILOVER_CHAOS_ADVERTS")
	if text == "" {
		return 100 * time.Millisecond
	}
	interval, err := time.ParseDuration(text)
	must(t, err)
	return interval
}

// chaotic is a pair that steps are played to.
type chaotic struct {
	*scene
	t        *testing.T
	ours     bool // it is failover, which is held to its promises
	promises []chaos.Promise
	master   *lab.Node // who has to be it while nothing is wrong
	stream   *lab.Stream
	held     []*lab.Held
	watch    *watch
	played   []chaos.Played
	late     map[int]bool // by number: not whole again in time
}

// newChaos starts a pair with its load; it is whole, and its connections are old.
func newChaos(t *testing.T, sys lab.System, promises []chaos.Promise) *chaotic {
	t.Helper()
	interval := chaosAdverts(t)
	setup := lab.Setup{
		AdvertInterval: interval, Check: "tcp", Rise: 1, Fall: 2,
		CheckInterval: 5 * interval, CheckTimeout: 5 * interval,
	}
	c := &chaotic{scene: stage(t, sys, setup), t: t, promises: promises, late: map[int]bool{}}
	_, c.ours = sys.(lab.Failover)
	if c.ours {
		c.linked(t, setup)
	}
	for _, n := range c.Directors() {
		must(t, c.pair.Unit(n).Start(within(t, 60*time.Second)))
		must(t, c.pair.WaitHolder(within(t, 60*time.Second), c.LB1))
	}
	c.settled(t)
	c.master = c.LB1
	c.topUp()
	c.stream = c.Client.Stream(lab.StreamSpec{URL: "http://" + lab.Service + "/", Every: every, Limit: 3 * time.Hour})
	t.Cleanup(func() { c.stream.Stop() })
	must(t, c.whole(60*time.Second))
	old := time.Now().Add(chaos.HeldAge)
	eventually(t, 2*chaos.HeldAge, "the held connections are old", func() (bool, error) { return time.Now().After(old), nil })
	c.watch = newWatch(t, c.scene, 2*time.Second+10*interval)
	c.watch.expect("at the start", onlyHolder(c.master))
	return c
}

// play plays the steps and returns what came of each.
func (c *chaotic) play(steps []chaos.Step) []chaos.Outcome {
	t := c.t
	var list []string
	defer func() {
		if t.Failed() {
			t.Logf("the steps, to be played again by the same FAILOVER_CHAOS_SEED and FAILOVER_CHAOS_STEPS:\n%s", strings.Join(list, "\n"))
		}
	}()
	for _, s := range steps {
		spec, ok := chaos.SpecOf(s.Kind)
		if !ok || spec.Ours && !c.ours || s.Kind == chaos.ClockStep && !ownClock() {
			continue
		}
		list = append(list, s.String())
		c.step(s)
		last := c.played[len(c.played)-1]
		t.Logf("%v: at %s, %.1f s", s, last.From.Format("15:04:05.000"), last.To.Sub(last.From).Seconds())
		if t.Failed() && c.ours {
			break // what comes now would be judged by a pair that is not whole
		}
	}
	c.watch.stop()
	requests := c.stream.Stop()
	outcomes := chaos.Judge(c.played, spans(requests), c.lives())
	for _, o := range outcomes {
		if c.ours && (o.FailedExcess > 0 || o.BrokenExcess > 0) {
			t.Errorf("step %v: %d requests failed (promise: %s), %d held connections broke (promise: %s)",
				o.Step, o.Failed, o.Promise.Requests, o.Broken, o.Promise.Held)
			c.about(o.Played, requests)
		}
	}
	c.report(outcomes)
	if c.ours && !t.Failed() {
		// The same once more in the operator's words.
		for _, n := range c.Directors() {
			c.insync(t, n)
			c.plans(t, n, 0)
		}
		c.identical(t)
	}
	if t.Failed() {
		t.Log(requests)
	}
	return outcomes
}

// about logs what failed during a step, and what the directors said meanwhile.
func (c *chaotic) about(p chaos.Played, requests lab.Requests) {
	c.t.Helper()
	for _, r := range requests {
		if r.Err != nil && !r.Start.Before(p.From) && r.Start.Before(p.To) {
			c.t.Logf("began at %s, took %v: %v", r.Start.Format("15:04:05.000"), r.Took.Round(time.Millisecond), r.Err)
		}
	}
	for _, n := range c.Directors() {
		for line := range strings.Lines(c.pair.Unit(n).LogTail(5000)) {
			word, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
			if at, err := time.Parse(time.RFC3339, word); err == nil && at.After(p.From.Add(-time.Second)) && at.Before(p.To.Add(time.Second)) {
				c.t.Logf("%s: %s", n.Name, strings.TrimSpace(line))
			}
		}
	}
}

// step does one thing, lets it last, mends it and waits until the pair is whole.
func (c *chaotic) step(s chaos.Step) {
	c.t.Helper()
	p := chaos.Played{Step: s, Promise: chaos.For(c.promises, s), From: time.Now()}
	it := c.master
	if s.Hit == chaos.Backup {
		it = c.Other(c.master)
	}
	// How long the doing itself takes, and the mending, is the machine's affair: until it
	// is done the addresses may be where they were as well as where they should be then.
	want := c.expected(p.Promise.Addresses, it)
	c.watch.expect(s.String(), either(want, anyHolder))
	mend, err := faults[s.Kind](c, it, s)
	if err == nil {
		c.watch.expect(s.String(), want)
		if late := c.watch.await(c.t); late != nil && c.ours {
			c.t.Error(late)
		}
		lasts := time.Now().Add(s.Lasts)
		eventually(c.t, s.Lasts+10*time.Second, s.String(), func() (bool, error) { return !time.Now().Before(lasts), nil })
		if mend != nil {
			c.watch.expect(s.String()+", being mended", either(want, anyHolder))
			err = mend()
		}
		c.watch.expect(s.String()+", mended", anyHolder)
	}
	if err != nil {
		c.t.Fatalf("step %v: %v", s, err)
	}
	if err := c.whole(wholeAgain); err != nil {
		c.late[s.Number] = true
		c.t.Logf("step %v: not whole again: %v", s, err)
		if c.ours {
			c.t.Errorf("step %v: not whole again within %v", s, wholeAgain)
		} else {
			c.help()
		}
	}
	c.watch.expect(s.String()+", over", onlyHolder(c.master))
	c.topUp()
	p.To = time.Now()
	c.played = append(c.played, p)
	for _, bad := range c.watch.violations() {
		if c.ours {
			c.t.Errorf("%s", bad)
		}
	}
}

// help stops and starts a pair that does not become whole by itself.
func (c *chaotic) help() {
	c.t.Helper()
	for _, n := range c.Directors() {
		_ = c.pair.Unit(n).Stop(within(c.t, 30*time.Second)) // it may be dead
	}
	for _, n := range c.Directors() {
		must(c.t, c.pair.Unit(n).Start(within(c.t, 60*time.Second)))
	}
	must(c.t, c.whole(60*time.Second))
}

// topUp opens held connections until there are as many as there should be.
func (c *chaotic) topUp() {
	c.t.Helper()
	const want = 20
	alive := 0
	for _, h := range c.held {
		conns := h.Conns()
		alive += len(conns) - conns.Broken()
	}
	if alive == want {
		return
	}
	more, err := c.Client.Hold(within(c.t, 30*time.Second), lab.HeldSpec{Address: lab.Service, Count: want - alive, Every: 400 * time.Millisecond})
	if err != nil && !c.ours {
		c.t.Logf("hold connections: %v", err)
		return
	}
	must(c.t, err)
	c.held = append(c.held, more)
}

// lives are the histories of all connections that were ever held.
func (c *chaotic) lives() (list []chaos.Conn) {
	for _, h := range c.held {
		for _, conn := range h.Stop() {
			last := conn.Last
			if last.Before(conn.Opened) {
				last = conn.Opened
			}
			list = append(list, chaos.Conn{Server: conn.Server, Opened: conn.Opened, LastUse: last, Broken: conn.Err != nil, Broke: conn.Broke})
			if conn.Err != nil {
				c.t.Logf("held connection to %s broke at %s: %v", conn.Server, conn.Broke.Format("15:04:05.000"), conn.Err)
			}
		}
	}
	return list
}

func spans(requests lab.Requests) []chaos.Span {
	list := make([]chaos.Span, len(requests))
	for i, r := range requests {
		list[i] = chaos.Span{From: r.Start, To: r.Start.Add(r.Took), Failed: r.Err != nil}
	}
	return list
}

// report prints the sums by kind of step.
func (c *chaotic) report(outcomes []chaos.Outcome) {
	c.t.Helper()
	var rows []compare.Row
	for _, o := range outcomes {
		rows = append(rows, o.Row(chaos.Leg(0, c.pair.System.Name(), c.pair.Setup.AdvertInterval), c.late[o.Number]))
	}
	var text strings.Builder
	must(c.t, chaos.Print(&text, rows))
	c.t.Logf("what clients saw:\n%s", text.String())
}

// TestChaosKinds: every kind of step has its way of being done.
func TestChaosKinds(t *testing.T) {
	for _, spec := range chaos.Kinds {
		if faults[spec.Kind] == nil {
			t.Errorf("nothing does %q", spec.Kind)
		}
	}
	if len(faults) != len(chaos.Kinds) {
		t.Errorf("%d faults for %d kinds", len(faults), len(chaos.Kinds))
	}
}

// expected is who has to have the addresses, by a word of the table.
func (c *chaotic) expected(word chaos.Holders, it *lab.Node) holdersWanted {
	other := c.Other(it)
	switch word {
	case chaos.Same:
		return onlyHolder(c.master)
	case chaos.It:
		return onlyHolder(it)
	case chaos.Other:
		return onlyHolder(other)
	case chaos.Each:
		return func(have holdings) bool { return have.all(it) && have.all(other) }
	case chaos.Lease:
		return func(have holdings) bool { return have.all(other) }
	case chaos.Again:
		return either(anyHolder, func(have holdings) bool { return have.all(other) })
	case chaos.One:
	}
	return anyHolder
}

// ownClock tells whether the machine's clock is ours alone to set: the guest's is.
func ownClock() bool { return slices.Contains(os.Environ(), "FAILOVER_IN_LAB=1") }
