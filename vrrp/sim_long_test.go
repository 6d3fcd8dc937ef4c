package vrrp

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"
)

var (
	longHours   = flag.Float64("sim.hours", 20, "how many router-hours TestSimulationLong simulates, those in -sim.results included")
	longResults = flag.String("sim.results", "", "`file` that TestSimulationLong goes on with")
	longCommit  = flag.String("sim.commit", "", "what is simulated, for -sim.results")
	longWrite   = flag.String("sim.write", "", "`file` for the report of TestSimulationLong")
)

// longRecord is the processor time between two lines of results.
const longRecord = 10 * time.Second

// episode is one line of results: some worlds, seeds From to To.
type episode struct {
	Commit   string
	At       time.Time
	From, To uint64
	CPU      time.Duration
	Units    map[string]time.Duration // router time by the shortest interval
	Tally    tally
	Violated string `json:",omitempty"`
}

// TestSimulationLong runs worlds for long: after the many faults come years of
// ordinary ones, with hours of calm between. With -sim.results it goes on where it
// was stopped; scripts/sim-long runs it.
func TestSimulationLong(t *testing.T) {
	if *simSeed != 0 {
		seeds(t, years)
		return
	}
	done, err := readEpisodes(*longResults)
	if err != nil {
		t.Fatal(err)
	}
	seed, hours := uint64(1), 0.0
	for _, e := range done {
		seed, hours = e.To+1, hours+e.Tally.routed().Hours()
	}
	for wanted := *longHours / raceFactor; hours < wanted; {
		e := longEpisode(seed, wanted-hours)
		seed, hours = e.To+1, hours+e.Tally.routed().Hours()
		if err := appendEpisode(*longResults, e); err != nil {
			t.Fatal(err)
		}
		done = append(done, e)
		if *longResults != "" {
			t.Logf("%.0f router-hours, %d seeds", hours, e.To)
		}
		if e.Violated != "" {
			report(t, e.To, e.Violated, years)
		}
	}
	if *longWrite != "" {
		if err := os.WriteFile(*longWrite, []byte(simulationText(done)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// years is a long life.
func years(w *world) {
	w.chaos()
	w.heal()
	w.promises()
	for w.tally.events() < yearsOf(w.unit) {
		w.calm = []time.Duration{10, 100, 1000, 5000}[w.rng.IntN(4)] * w.slowest()
		w.life(1)
	}
}

// yearsOf is how many events there are in a world of an interval: a good part of
// the hours shall be those of the default, 1 s.
func yearsOf(unit time.Duration) uint64 {
	switch {
	case unit < time.Second:
		return 300_000
	case unit == time.Second:
		return 1_500_000
	default:
		return 700_000
	}
}

// longEpisode runs worlds for a while, or for hours.
func longEpisode(seed uint64, hours float64) episode {
	e := episode{Commit: *longCommit, From: seed, Units: map[string]time.Duration{}}
	begin := processorTime()
	for ; ; seed++ {
		w, failure := simulate(seed, false, years)
		e.To, e.Violated = seed, failure
		e.Units[w.unit.String()] += w.tally.routed()
		e.Tally.add(&w.tally)
		if e.CPU = processorTime() - begin; failure != "" || e.CPU > longRecord || e.Tally.routed().Hours() >= hours {
			e.At = time.Now().UTC().Truncate(time.Second)
			return e
		}
	}
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // RUSAGE_SELF and a good pointer: it cannot
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func readEpisodes(file string) (list []episode, err error) {
	f, err := os.Open(file)
	if file == "" || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e episode
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			break // cut off in the middle: those seeds run again
		}
		list = append(list, e)
	}
	return list, nil
}

func appendEpisode(file string, e episode) error {
	if file == "" {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}
