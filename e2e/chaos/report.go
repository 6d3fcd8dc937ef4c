package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"failover/e2e/compare"
)

// Part is the name of these measurements among others.
const Part = "chaos"

// The figures of a row, by the names in [compare.Row.Values].
const (
	figSteps    = "steps"
	figRequests = "requests"
	figFailed   = "failed"
	figHeld     = "held"
	figBroken   = "broken"
	figGap      = "longest gap"
	figLate     = "not whole in time"
)

// Leg names what is played in one piece: one seed, to one system with adverts at one
// interval.
func Leg(seed uint64, system string, adverts time.Duration) compare.Leg {
	return compare.Leg{Part: Part, Round: int(seed), System: system, IntervalMS: adverts.Milliseconds()}
}

// Row is an outcome as it is kept; late tells that the pair was not whole again in
// time and had to be helped.
func (o Outcome) Row(leg compare.Leg, late bool) compare.Row {
	row := compare.Row{
		Leg:   leg,
		Event: string(o.Kind),
		Values: map[string]float64{
			figSteps: 1, figRequests: float64(o.Requests), figFailed: float64(o.Failed),
			figHeld: float64(o.Held), figBroken: float64(o.Broken), figGap: o.Gap.Seconds(),
		},
	}
	if late {
		row.Values[figLate] = 1
	}
	return row
}

// line is the sum of the rows of one kind of step on one system.
type line struct {
	kind   Kind
	system string
	sums   map[string]float64
}

// lines sums rows up, in the order of [Kinds], of each kind the systems in the order
// in which they come.
func lines(rows []compare.Row) []line {
	var systems []string
	sums := map[string]map[string]float64{} // by kind and system
	for _, r := range rows {
		if known := strings.Join(systems, "\n") + "\n"; !strings.Contains(known, r.System+"\n") {
			systems = append(systems, r.System)
		}
		key := r.Event + "\n" + r.System
		if sums[key] == nil {
			sums[key] = map[string]float64{}
		}
		for name, v := range r.Values {
			if name == figGap {
				sums[key][name] = max(sums[key][name], v)
			} else {
				sums[key][name] += v
			}
		}
	}
	var list []line
	total := map[string]map[string]float64{}
	for _, spec := range Kinds {
		for _, system := range systems {
			l := line{spec.Kind, system, sums[string(spec.Kind)+"\n"+system]}
			list = append(list, l)
			if total[system] == nil {
				total[system] = map[string]float64{}
			}
			for name, v := range l.sums {
				if name == figGap {
					v = max(v-total[system][name], 0)
				}
				total[system][name] += v
			}
		}
	}
	for _, system := range systems {
		list = append(list, line{"all", system, total[system]})
	}
	return list
}

var columns = []string{figSteps, figRequests, figFailed, figHeld, figBroken, figGap, figLate}

func (l line) cells() []string {
	cells := []string{string(l.kind), l.system}
	for _, name := range columns {
		switch v := l.sums[name]; {
		case l.sums[figSteps] == 0:
			cells = append(cells, "–")
		case name == figGap:
			cells = append(cells, strconv.FormatFloat(v, 'f', 2, 64)+" s")
		default:
			cells = append(cells, strconv.FormatFloat(v, 'f', 0, 64))
		}
	}
	return cells
}

// Print writes the sums by kind for a terminal.
func Print(w io.Writer, rows []compare.Row) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, strings.Join(append([]string{"step", "program"}, columns...), "\t"))
	for _, l := range lines(rows) {
		fmt.Fprintln(tab, strings.Join(l.cells(), "\t"))
	}
	return tab.Flush()
}

// The lines of docs/chaos.md between which the results stand.
const (
	resultsBegin = "<!-- results: scripts/chaos writes what follows -->"
	resultsEnd   = "<!-- end of results -->"
)

// Write puts the results into the text of docs/chaos.md and leaves the rest as it is.
func Write(page []byte, rows []compare.Row) ([]byte, error) {
	before, _, after, err := compare.Cut(string(page), resultsBegin, resultsEnd)
	switch {
	case err != nil:
		return nil, fmt.Errorf("chaos: %w", err)
	case len(rows) == 0:
		return nil, errors.New("chaos: there are no results")
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n", before)
	if err := compare.Circumstances(&out, rows, "lab on "); err != nil {
		return nil, err
	}
	last := rows[len(rows)-1]
	fmt.Fprintf(&out, "- adverts: every %v\n- seeds: %s\n\n", time.Duration(last.IntervalMS)*time.Millisecond, strings.Join(seeds(rows), ", "))
	for i, cells := range append([][]string{append([]string{"step", "program"}, columns...)}, cellsOf(rows)...) {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintf(&out, "|%s\n", strings.Repeat("---|", len(cells)))
		}
	}
	fmt.Fprintf(&out, "\n%s", after)
	return out.Bytes(), nil
}

func cellsOf(rows []compare.Row) (all [][]string) {
	for _, l := range lines(rows) {
		all = append(all, l.cells())
	}
	return all
}

// seeds are those of the rows.
func seeds(rows []compare.Row) (list []string) {
	for _, r := range rows {
		if s := strconv.Itoa(r.Round); len(list) == 0 || list[len(list)-1] != s {
			list = append(list, s)
		}
	}
	return list
}
