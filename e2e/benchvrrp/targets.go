package main

import (
	"fmt"
	"strings"

	"failover/e2e/compare"
)

// resolution is what the gaps are told apart by, in ms: two datagrams.
const resolution = 1

// target is something that failover is to achieve, and whether it did.
type target struct {
	name string
	met  bool
	// missed says by what it was missed, or that it was not measured.
	missed []string
	why    string // where it was missed
}

// Why a target can be missed by no fault of the program, as far as that is known.
const (
	whyGap  = `Compare the client's own pause: on a machine that is denied its processor the gap is that pause.`
	whyKill = `A restart adopts the mastership within two advert intervals of the last advert; 0.2 s are more than that at 100 ms and at
10 ms. The neighbour takes over as it should, and what is lost is the time from the removal of the addresses, which might be his by
then, to his.`
	whyBusy = `Compare the bare thread: where it is as late, the machine (a virtual one, whose processors are taken away for tens of
milliseconds) denies every program its time.`
	whyCost = `Of the engine's time a tenth is the Go runtime's watching thread (sysmon), which wakes with every wait that ends; a master spends
a fifth on renewing the lease of every address once a second, which keepalived's have not; a backup most of the rest on receiving adverts one by
one, which is two system calls' worth in Go. A system that sends fewer adverts than it should costs less: compare those.`
)

// targets judges the results.
func targets(r *compare.Results) []target {
	gap, busy, load := gapTable(), busyTable(), loadTable()
	gaps := gap.Lines(r.Part(partGap))
	return []target{
		verdict("gap: median at most keepalived's", whyGap, gaps, shorter(func(c compare.Cell) float64 { return c.Median })),
		verdict("gap: 99th percentile at most keepalived's", whyGap, gaps, shorter(func(c compare.Cell) float64 { return c.P99 })),
		verdict("stopped, and switched back: nothing lost", whyGap, of(gaps, eventStop, eventBack, eventStart), nothingLost),
		verdict("restarted: nothing lost", whyKill, of(gaps, eventRestart, eventCrash, eventKill), nothingLost),
		verdict("no false take-over", whyBusy, busy.Lines(r.Part(partFalse)), atMost(busy, figureTakeOvers, 0)),
		verdict("late by at most 2 ms at the 99.9th percentile", whyBusy, busy.Lines(r.Part(partLate)), atMost(busy, figureLate999, 2)),
		verdict("1 020 routers: processor at most keepalived's", whyCost, load.Lines(r.Part(partLoad)), func(l compare.Line) string {
			i := column(load, figureCPU)
			if l.Ours[i].Median <= l.Theirs[i].Median {
				return ""
			}
			return fmt.Sprintf("%s s/min, keepalived %s", load.Text(l.Ours[i], load.Figures[i]), load.Text(l.Theirs[i], load.Figures[i]))
		}),
	}
}

// verdict asks of each line what is missing in it.
func verdict(name, why string, lines []compare.Line, missing func(compare.Line) string) target {
	t := target{name: name, why: strings.ReplaceAll(why, "\n", " ")}
	if len(lines) == 0 {
		t.missed = append(t.missed, "not measured")
	}
	for _, l := range lines {
		what := missing(l)
		if l.N[0] == 0 || l.N[1] == 0 {
			what = "not measured on both"
		}
		if what != "" {
			t.missed = append(t.missed, fmt.Sprintf("%s, adverts every %s: %s", l.Event, l.Interval(), what))
		}
	}
	t.met = len(t.missed) == 0
	return t
}

// of are the lines of some events.
func of(lines []compare.Line, events ...string) (list []compare.Line) {
	for _, l := range lines {
		for _, e := range events {
			if l.Event == e {
				list = append(list, l)
			}
		}
	}
	return list
}

// shorter compares the gaps by one of their statistics.
func shorter(statistic func(compare.Cell) float64) func(compare.Line) string {
	return func(l compare.Line) string {
		i := column(gapTable(), figureGap)
		ours, theirs := statistic(l.Ours[i]), statistic(l.Theirs[i])
		if ours <= theirs+resolution {
			return ""
		}
		return fmt.Sprintf("%.1f ms, keepalived %.1f ms", ours, theirs)
	}
}

func nothingLost(l compare.Line) string {
	c := l.Ours[column(gapTable(), figureLost)]
	if c.Max == 0 {
		return ""
	}
	return fmt.Sprintf("%g lost at the median, %g at most", c.Median, c.Max)
}

// atMost bounds a figure of ours.
func atMost(t compare.Table, figure string, limit float64) func(compare.Line) string {
	return func(l compare.Line) string {
		i := column(t, figure)
		if l.Ours[i].Max <= limit {
			return ""
		}
		return fmt.Sprintf("%s, keepalived %s", t.Text(l.Ours[i], t.Figures[i]), t.Text(l.Theirs[i], t.Figures[i]))
	}
}

// column is the place of a figure in a table.
func column(t compare.Table, figure string) int {
	for i, f := range t.Figures {
		if f.Name == figure {
			return i
		}
	}
	panic("benchvrrp: no such figure: " + figure)
}
