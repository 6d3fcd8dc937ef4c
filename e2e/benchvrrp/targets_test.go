package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failover/e2e/compare"
	"failover/e2e/lab"
)

// results are those of a bench in which failover is as good as it is to be.
func results(t *testing.T, change func(*compare.Row)) *compare.Results {
	t.Helper()
	r, err := compare.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	add := func(part, event string, values map[string]float64) {
		for _, system := range []string{"failover", "keepalived"} {
			row := compare.Row{Leg: compare.Leg{Part: part, System: system, IntervalMS: 10}, Event: event, Values: map[string]float64{}}
			for name, v := range values {
				row.Values[name] = v
			}
			if system == "failover" && change != nil {
				change(&row)
			}
			if err := r.Add([]compare.Row{row}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range events() {
		add(partGap, e.name, map[string]float64{figureGap: 37, figureLost: 0, figurePause: 0.6})
	}
	busy := map[string]float64{figureTakeOvers: 0, figureAdverts: 60000, figureLate99: 0.2, figureLate999: 1, figureLateMax: 3, figureBare999: 0.1, figureBareMax: 2}
	add(partFalse, "10 min", busy)
	add(partLate, "2 min", busy)
	add(partLoad, "1 020 routers, master", map[string]float64{figureCPU: 8, figureResident: 40})
	return r
}

func TestTargets(t *testing.T) {
	missed := func(r *compare.Results) (list []string) {
		for _, t := range targets(r) {
			for _, m := range t.missed {
				list = append(list, t.name+": "+m)
			}
		}
		return list
	}
	if got := missed(results(t, nil)); len(got) > 0 {
		t.Errorf("missed %q", got)
	}
	for _, c := range []struct {
		name, event, figure string
		value               float64
		want                int // targets missed
		text                string
	}{
		{"within what is resolved", eventCut, figureGap, 38, 0, ""},
		{"longer", eventCut, figureGap, 39, 2, "39.0 ms, keepalived 37.0 ms"},
		{"lost with the link", eventCut, figureLost, 70, 0, ""},
		{"lost at a stop", eventStop, figureLost, 1, 1, "1 lost at the median, 1 at most"},
		{"lost at a restart", eventCrash, figureLost, 2, 1, "2 lost"},
		{"a false take-over", "10 min", figureTakeOvers, 1, 1, "1, keepalived 0"},
		{"late", "2 min", figureLate999, 2.5, 1, "2.50, keepalived 1.00"},
		{"dear", "1 020 routers, master", figureCPU, 8.1, 1, "8.10 s/min, keepalived 8.00"},
	} {
		got := missed(results(t, func(r *compare.Row) {
			if r.Event == c.event {
				r.Values[c.figure] = c.value
			}
		}))
		if len(got) != c.want || c.want > 0 && !strings.Contains(got[0], c.text) {
			t.Errorf("%s: missed %q, want %d with %q", c.name, got, c.want, c.text)
		}
	}
	nothing, err := compare.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets(nothing) {
		if target.met {
			t.Errorf("%s: met by nothing", target.name)
		}
	}
}

func TestPage(t *testing.T) {
	b := &bench{rows: results(t, func(r *compare.Row) {
		if r.Event == eventKill {
			r.Values[figureLost] = 64
		}
	})}
	b.write = filepath.Join(t.TempDir(), "page.md")
	if err := b.report(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(b.write)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"- **met**: no false take-over\n", "- **missed**: restarted: nothing lost\n", "64 lost at the median",
		"A restart adopts the mastership", "| link cut | 10ms | failover | 1 | 37.0 | 0 | 0.6 |\n", "- machine: ",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	empty := &bench{rows: &compare.Results{}}
	if err := empty.report(); err == nil {
		t.Error("a page of nothing")
	}
}

func TestManyRouters(t *testing.T) {
	list := manyRouters()
	if len(list) != 1020 {
		t.Errorf("%d routers", len(list))
	}
	seen := map[any]bool{}
	for _, r := range list {
		if seen[r.Name] || seen[r.Address] {
			t.Fatalf("%v twice", r)
		}
		seen[r.Name], seen[r.Address] = true, true
	}
}

func TestBehind(t *testing.T) {
	b := &bench{systems: [2]lab.System{lab.Failover{}, lab.Keepalived{}}, rows: results(t, nil)}
	leg := compare.Leg{Part: partGap, IntervalMS: 10}
	if sys, have := b.behind(leg); sys.Name() != "failover" || have != 1 {
		t.Errorf("%s has %d, want failover with 1", sys.Name(), have)
	}
	if err := b.rows.Add([]compare.Row{{Leg: compare.Leg{Part: partGap, System: "failover", IntervalMS: 10, Round: 1}, Event: eventCut}}); err != nil {
		t.Fatal(err)
	}
	if sys, have := b.behind(leg); sys.Name() != "keepalived" || have != 1 {
		t.Errorf("%s has %d, want keepalived with 1", sys.Name(), have)
	}
}

// within says of a gap that it is the protocol's own and half as much again.
func within(gap float64, interval time.Duration) bool {
	return gap < milliseconds(3*interval+156*interval/256)*1.5
}

var lossless = []string{eventBack, eventStop, eventStart, eventCrash, eventRestart}
