package compare

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// figure is one column of the table.
type figure struct {
	name string
	unit string
	of   func(Row) float64
}

// slack is by how much the other program's median may be passed without calling
// it worse, as a share: where a check runs once a second, what is lost until it
// runs is chance. Where the other loses nothing there is none.
const slack = 0.25

var figures = []figure{
	{"gap", "s", func(r Row) float64 { return r.Gap }},
	{"requests failed", "", func(r Row) float64 { return float64(r.Failed) }},
	{"held broken", "", func(r Row) float64 { return float64(r.Broken) }},
	{"stall", "s", func(r Row) float64 { return r.Stall }},
	{"out of tables", "s", func(r Row) float64 { return r.Out }},
}

// blink is a difference in seconds that no client notices and the lab does not
// resolve.
const blink = 0.25

// Cell is one figure of one event on one system.
type Cell struct {
	Median, Max float64
	N           int
}

// Line is one event at one advert interval, with the figures of both systems in
// the order of the columns.
type Line struct {
	Event      string
	IntervalMS int64
	Ours       []Cell
	Theirs     []Cell
}

// Lines sums the rows up, in the order in which the events were first measured.
func Lines(rows []Row, ours string) []Line {
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
			case r.System == ours:
				mine = append(mine, r)
			default:
				other = append(other, r)
			}
		}
		for _, f := range figures {
			l.Ours, l.Theirs = append(l.Ours, cell(mine, f)), append(l.Theirs, cell(other, f))
		}
	}
	return lines
}

func cell(rows []Row, f figure) Cell {
	var values []float64
	for _, r := range rows {
		values = append(values, f.of(r))
	}
	if len(values) == 0 {
		return Cell{}
	}
	slices.Sort(values)
	n := len(values)
	return Cell{Median: (values[(n-1)/2] + values[n/2]) / 2, Max: values[n-1], N: n}
}

// Worse lists where our median is behind theirs by more than the measurement
// resolves.
func Worse(lines []Line) []string {
	var list []string
	for _, l := range lines {
		for i, f := range figures {
			limit := l.Theirs[i].Median * (1 + slack)
			if f.unit == "s" {
				limit = max(limit, l.Theirs[i].Median+blink)
			}
			if l.Theirs[i].N > 0 && l.Ours[i].Median > limit {
				list = append(list, fmt.Sprintf("%s, adverts every %s: %s %s, theirs %s",
					l.Event, interval(l), f.name, l.Ours[i].text(f), l.Theirs[i].text(f)))
			}
		}
	}
	return list
}

func interval(l Line) string { return (time.Duration(l.IntervalMS) * time.Millisecond).String() }

// text is median / maximum.
func (c Cell) text(f figure) string {
	switch {
	case c.N == 0 || f.name == "out of tables" && c.Max == 0:
		return "–"
	case f.unit == "s":
		return fmt.Sprintf("%.2f / %.2f", c.Median, c.Max)
	}
	return fmt.Sprintf("%g / %g", c.Median, c.Max)
}

// Markdown writes the table, two lines an event.
func Markdown(w io.Writer, lines []Line, ours, theirs string) error {
	out := &sticky{w: w}
	out.printf("| event | adverts | program | n |")
	for _, f := range figures {
		out.printf(" %s |", heading(f))
	}
	out.printf("\n|---|---|---|---|")
	for range figures {
		out.printf("---|")
	}
	out.printf("\n")
	for _, l := range lines {
		for _, side := range []struct {
			name  string
			cells []Cell
		}{{ours, l.Ours}, {theirs, l.Theirs}} {
			out.printf("| %s | %s | %s | %d |", l.Event, interval(l), side.name, side.cells[0].N)
			for i, f := range figures {
				out.printf(" %s |", side.cells[i].text(f))
			}
			out.printf("\n")
		}
	}
	return out.err
}

// Text writes the table for a terminal.
func Text(w io.Writer, lines []Line, ours, theirs string) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	out := &sticky{w: tab}
	out.printf("event\tadverts\tprogram\tn")
	for _, f := range figures {
		out.printf("\t%s", heading(f))
	}
	out.printf("\n")
	for _, l := range lines {
		for _, side := range []struct {
			name  string
			cells []Cell
		}{{ours, l.Ours}, {theirs, l.Theirs}} {
			out.printf("%s\t%s\t%s\t%d", l.Event, interval(l), side.name, side.cells[0].N)
			for i, f := range figures {
				out.printf("\t%s", side.cells[i].text(f))
			}
			out.printf("\n")
		}
	}
	if out.err != nil {
		return out.err
	}
	return tab.Flush()
}

func heading(f figure) string {
	if f.unit == "" {
		return f.name
	}
	return f.name + ", " + f.unit
}

// sticky keeps the first error of many writes.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) printf(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format, args...)
	}
}
