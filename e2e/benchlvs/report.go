package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"failover/e2e/compare"
	"failover/e2e/lab"
)

// cell is what was measured of one event on one system.
type cell struct{ median, most float64 }

func (c *cell) text() string {
	if c == nil {
		return "–"
	}
	return fmt.Sprintf("%.3g / %.3g", c.median, c.most)
}

func find(r *compare.Results, part, system, event string) *cell {
	var values []float64
	for _, row := range r.Rows {
		if row.Part == part && row.System == system && row.Event == event {
			values = append(values, row.Values[figure])
		}
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	n := len(values)
	return &cell{(values[(n-1)/2] + values[n/2]) / 2, values[n-1]}
}

// target is what failover is to achieve.
type target struct {
	name  string
	ours  *cell
	other *cell   // what it is a share of
	limit float64 // of ours, or of the share
	share bool
	why   string // where it is missed
}

// Why a target may be missed, as far as that is known.
const (
	whyStart  = `Before the first operation the program is executed three times (the stage that takes real-time priority, the engine, the director), in an emulated machine some tenths of a second each because every page of code is translated first, and the file is read, which is TOML; keepalived is executed once and its format is a list of words.`
	whyDecide = `Nothing is dumped before the operation, and of the file only what has changed is read. What is left goes over every real server three times: the director's part of the file, the table that is wanted, the difference.`
	whyParse  = `End to end is parsing, most of it: see the row.`
)

func targets(r *compare.Results) []target {
	small, big := shape{services: normal}.String(), shape{services: large}.String()
	us, them := lab.Failover{}.Name(), lab.Keepalived{}.Name()
	start := find(r, small, us, eventStart)
	return []target{
		{"from empty at most 0.8 of keepalived's time", start, find(r, small, them, eventStart), 0.8, true, whyStart},
		{"one weight, from the parsed file to the kernel: at most 0.05 of keepalived's reload", find(r, small, us, eventDecide), find(r, small, them, eventWeight), 0.05, true, whyDecide},
		{"one weight, end to end: at most 0.6 of keepalived's reload", find(r, small, us, eventWeight), find(r, small, them, eventWeight), 0.6, true, whyParse},
		{"a start on the right table does nothing", find(r, small, us, eventAgain), nil, 0, false, ""},
		{"dump and difference at most 1.5 of `ipvsadm -Sn`", find(r, small, us, eventRight), find(r, small, toolName, eventRight), 1.5, true, ""},
		{"ten times the table in at most 11 times the time", find(r, big, us, eventStart), start, 11, true, ""},
		{"resident memory of both processes at most 48 MB, shared pages counted once", find(r, small, us, eventMemory), nil, 48, false, ""},
	}
}

// verdict says whether the target was met, and by what.
func (t target) verdict() (met bool, text string) {
	switch {
	case t.ours == nil || t.share && t.other == nil:
		return false, "not measured"
	case !t.share:
		return t.ours.median <= t.limit, fmt.Sprintf("%.3g", t.ours.median)
	}
	share := t.ours.median / t.other.median
	return share <= t.limit, fmt.Sprintf("%.2g (%.3g against %.3g)", share, t.ours.median, t.other.median)
}

func report(r *compare.Results, file string) error {
	if len(r.Rows) == 0 {
		return fmt.Errorf("no results")
	}
	var page bytes.Buffer
	if err := document(&page, r); err != nil {
		return err
	}
	if _, err := os.Stdout.Write(page.Bytes()); err != nil || file == "" {
		return err
	}
	return os.WriteFile(file, page.Bytes(), 0o644)
}

// document is the whole file.
func document(w io.Writer, r *compare.Results) error {
	fmt.Fprintf(w, "# Large tables beside keepalived and ipvsadm\n\n")
	fmt.Fprintf(w, "A table of virtual servers with ten real servers each (dr, wlc, no checks, no\nvirtual router), programmed and changed by failover, by the installed keepalived\nand by ipvsadm, in one run on the same kernel. Made by `scripts/bench-lvs`.\n\n")
	if err := compare.Circumstances(w, r.Rows, "lab on "); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n## Targets\n\n")
	for _, t := range targets(r) {
		met, text := t.verdict()
		word := "missed"
		if met {
			word = "met"
		}
		fmt.Fprintf(w, "- **%s**: %s: %s\n", word, t.name, text)
		if !met && t.why != "" {
			fmt.Fprintf(w, "\n  %s\n", t.why)
		}
	}
	fmt.Fprintf(w, "\n## Figures\n\nMedian / maximum; seconds, operations, MB. Resident memory is the sum over the\nprocesses of a program, which are one binary: once with the pages that several map\ndivided among them (PSS), which is what they take of the machine, and once with\nthose counted in each (RSS). For ipvsadm, from empty is `ipvsadm -R`,\ndump and difference is `ipvsadm -Sn` into nothing, its start included. An emulated\nmachine is 10–20 times slower than a real one: compare, do not quote.\n\n")
	return figures(w, r)
}

func figures(w io.Writer, r *compare.Results) error {
	systems := []string{lab.Failover{}.Name(), lab.Keepalived{}.Name(), toolName}
	fmt.Fprintf(w, "| table | what | %s |\n|---|---|%s\n", strings.Join(systems, " | "), strings.Repeat("---|", len(systems)))
	type line struct{ part, event string }
	var lines []line
	for _, row := range r.Rows {
		if l := (line{row.Part, row.Event}); !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(len(a.part), len(b.part)) })
	for _, l := range lines {
		var words []string
		for _, s := range systems {
			words = append(words, find(r, l.part, s, l.event).text())
		}
		if _, err := fmt.Fprintf(w, "| %s | %s | %s |\n", l.part, l.event, strings.Join(words, " | ")); err != nil {
			return err
		}
	}
	return nil
}
