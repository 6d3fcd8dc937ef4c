package compare

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Figure is one column of a table.
type Figure struct {
	Name   string // as in [Row.Values]
	Unit   string // empty: a count
	Digits int    // shown after the point; of a count none are
}

// Table is how rows become a table of two systems.
type Table struct {
	Ours, Theirs string
	Figures      []Figure
	// Percentile also shows the 99th percentile, between median and maximum.
	Percentile bool
	// Slack is by how much the other program's median may be passed without calling
	// it worse, as a share; where the other's is 0 there is none. Blink is the same
	// in the unit of a column: a difference that no client notices or the lab does
	// not resolve.
	Slack, Blink float64
}

// Cell is one figure of one event on one system.
type Cell struct {
	Median, P99, Max float64
	N                int // how often it was measured
}

// Line is one event at one advert interval, with the figures of both systems in
// the order of the columns.
type Line struct {
	Event      string
	IntervalMS int64
	N          [2]int // rows of ours and theirs
	Ours       []Cell
	Theirs     []Cell
}

// Lines sums the rows up, in the order in which the events were first measured.
func (t Table) Lines(rows []Row) []Line {
	var lines []Line
	for _, r := range rows {
		if !slices.ContainsFunc(lines, func(l Line) bool { return l.Event == r.Event && l.IntervalMS == r.IntervalMS }) {
			lines = append(lines, Line{Event: r.Event, IntervalMS: r.IntervalMS})
		}
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(b.IntervalMS, a.IntervalMS) })
	for i := range lines {
		l := &lines[i]
		var mine, other []Row
		for _, r := range rows {
			switch {
			case r.Event != l.Event || r.IntervalMS != l.IntervalMS:
			case r.System == t.Ours:
				mine = append(mine, r)
			default:
				other = append(other, r)
			}
		}
		l.N = [2]int{len(mine), len(other)}
		for _, f := range t.Figures {
			l.Ours, l.Theirs = append(l.Ours, cell(mine, f)), append(l.Theirs, cell(other, f))
		}
	}
	return lines
}

func cell(rows []Row, f Figure) Cell {
	var values []float64
	for _, r := range rows {
		if v, measured := r.Values[f.Name]; measured {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return Cell{}
	}
	slices.Sort(values)
	n := len(values)
	return Cell{Median: (values[(n-1)/2] + values[n/2]) / 2, P99: Percentile(values, 99), Max: values[n-1], N: n}
}

// Percentile is the smallest of the sorted values that at least p percent of them
// do not exceed; 0 where there are none.
func Percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Worse lists where our median is behind theirs by more than the measurement
// resolves.
func (t Table) Worse(lines []Line) []string {
	var list []string
	for _, l := range lines {
		for i, f := range t.Figures {
			limit := l.Theirs[i].Median * (1 + t.Slack)
			if f.Unit != "" {
				limit = max(limit, l.Theirs[i].Median+t.Blink)
			}
			if l.Theirs[i].N > 0 && l.Ours[i].Median > limit {
				list = append(list, fmt.Sprintf("%s, adverts every %s: %s %s, theirs %s",
					l.Event, l.Interval(), f.Name, t.Text(l.Ours[i], f), t.Text(l.Theirs[i], f)))
			}
		}
	}
	return list
}

// Interval is the advert interval.
func (l Line) Interval() time.Duration { return time.Duration(l.IntervalMS) * time.Millisecond }

// Text is median / maximum of a cell, with the 99th percentile between them where
// the table has it; of a figure that was measured once, that.
func (t Table) Text(c Cell, f Figure) string {
	digits := -1
	if f.Unit != "" {
		digits = f.Digits
	}
	show := []float64{c.Median, c.Max}
	switch {
	case c.N == 0:
		return "–"
	case c.N == 1:
		show = show[:1]
	case t.Percentile:
		show = []float64{c.Median, c.P99, c.Max}
	}
	var words []string
	for _, v := range show {
		words = append(words, strconv.FormatFloat(v, 'f', digits, 64))
	}
	return strings.Join(words, " / ")
}

// cells are the table, line by line, the heading first.
func (t Table) cells(lines []Line) [][]string {
	head := []string{"event", "adverts", "program", "n"}
	for _, f := range t.Figures {
		if f.Unit != "" {
			head = append(head, f.Name+", "+f.Unit)
		} else {
			head = append(head, f.Name)
		}
	}
	all := [][]string{head}
	for _, l := range lines {
		for i, side := range [][]Cell{l.Ours, l.Theirs} {
			row := []string{l.Event, l.Interval().String(), []string{t.Ours, t.Theirs}[i], strconv.Itoa(l.N[i])}
			for j, f := range t.Figures {
				row = append(row, t.Text(side[j], f))
			}
			all = append(all, row)
		}
	}
	return all
}

// Markdown writes the table, two lines an event.
func (t Table) Markdown(w io.Writer, lines []Line) error {
	for i, row := range t.cells(lines) {
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | ")); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(row))); err != nil {
			return err
		}
	}
	return nil
}

// Print writes the table for a terminal.
func (t Table) Print(w io.Writer, lines []Line) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range t.cells(lines) {
		if _, err := fmt.Fprintln(tab, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return tab.Flush()
}
