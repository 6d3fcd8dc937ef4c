package vrrp

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// simulationText is docs/simulation.md.
func simulationText(done []episode) string {
	var all tally
	var cpu time.Duration
	intervals, violations := map[string]time.Duration{}, []string{}
	for _, e := range done {
		all.add(&e.Tally)
		cpu += e.CPU
		for unit, d := range e.Units {
			intervals[unit] += d
		}
		if e.Violated != "" {
			violations = append(violations, fmt.Sprintf("seed %d: %s", e.To, e.Violated))
		}
	}
	last := done[len(done)-1]
	var b strings.Builder
	b.WriteString(simulationIntroduction)
	fmt.Fprintf(&b, "- date: %s\n- commit: %s\n- machine: %s, one of %d processors\n- processor time: %v\n", last.At.Format(time.DateOnly),
		last.Commit, processorName(), runtime.NumCPU(), cpu.Round(time.Second))
	fmt.Fprintf(&b, "\n| | |\n|---|---|\n")
	row := func(what string, n any) { fmt.Fprintf(&b, "| %s | %v |\n", what, n) }
	row("**router-hours**", fmt.Sprintf("**%s**", grouped(all.routed().Hours())))
	row("seeds (worlds)", grouped(last.To))
	row("**promises broken**", fmt.Sprintf("**%d**", len(violations)))
	row("faults and changes made", grouped(all.Faults))
	row("changes of role", grouped(all.Moves))
	row("of them elections of a master", grouped(all.Elections))
	row("adverts sent", grouped(all.Sent))
	row("adverts that reached a router", grouped(all.Heard))
	row("of them of an incompatible neighbour, discarded", grouped(all.Discarded))
	row("adverts lost by chance", grouped(all.Lost))
	row("adverts of a second master, answered", grouped(all.Contested))
	for _, v := range violations {
		fmt.Fprintf(&b, "\n- %s\n", v)
	}
	b.WriteString("\nThe hours by the shortest advert interval of a world:\n\n| interval | router-hours |\n|---|---|\n")
	for _, unit := range slices.Compact(slices.Sorted(slices.Values(units))) {
		row(unit.String(), grouped(intervals[unit.String()].Hours()))
	}
	b.WriteString("\nAnd by what the world was going through:\n\n| | router-hours |\n|---|---|\n")
	for i, d := range all.Stages {
		row(stageNames[i], grouped(d.Hours()))
	}
	b.WriteString("\nFaults and changes by kind:\n\n| | |\n|---|---|\n")
	for _, kind := range slices.Sorted(maps.Keys(all.Kinds)) {
		row(kind, grouped(all.Kinds[kind]))
	}
	return b.String()
}

const simulationIntroduction = `# The election, simulated for long

Machines with one to three groups of virtual routers on one to three segments, in
virtual time: the real state machine and the real codec, every advert as bytes,
every timer, nothing skipped. What happens follows from a seed. A world begins
with twenty to forty faults close upon each other, of the network, of processes,
machines and configurations; then the faults end, and the groups owe what they
promise. After that one thing happens at a time, with calm between, and more is
promised of each:

- there is a master within Master_Down_Interval plus one advert of the end of the
  faults, and always from then on;
- once settled, a group has one master among the routers that hear each other, the
  one that priority, health and preempt name, and nobody else holds the addresses;
- of equal priority the highest address of the group's first router wins, and
  nothing flaps: while nothing happens, nobody changes role;
- a stop, a switch back, an adopting restart, a reload, a failing track or a lost
  director leaves no moment in which nobody holds the addresses, as long as there
  is somebody to take them;
- two lost adverts, duplicates, disorder and late timers below an interval, a stall
  of less than two intervals and a restart in place are not noticed;
- a master is never silent: its next advert is never further away than an interval.
  After a stall or a partition two masters are one within an advert. Who wakes up
  outranked reads that before it says a word, and who could not hear it (the whole
  machine was paused) is told at once. A backup that wakes up takes over from nobody
  who is alive;
- at boot each becomes master once at most, and keeps whom it finds for
  preempt_delay.

Which of these hold where one router speaks what the others cannot take (another
version, password or interval of version 2) is told by who hears whom: each side
has a master of its own.

A router is a machine; its hours count while it is up. Made by ` + "`scripts/sim-long`" + `;
` + "`go test ./vrrp -run '^TestSimulationLong$' -seed=N -v`" + ` shows world N.

`

// grouped is a number with its thousands apart.
func grouped[N uint64 | float64](n N) string {
	digits := fmt.Sprintf("%.0f", float64(n))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}

func processorName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
