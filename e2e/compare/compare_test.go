package compare

import (
	"path/filepath"
	"strings"
	"testing"
)

// row is one row of the pair's table.
func row(round int, system, event string, intervalMS int64, values map[string]float64) Row {
	all := map[string]float64{Gap: 0, Failed: 0, Broken: 0, Stall: 0}
	for name, v := range values {
		all[name] = v
	}
	return Row{Leg: Leg{Round: round, System: system, IntervalMS: intervalMS}, Event: event, Values: all}
}

func rows() []Row {
	var list []Row
	for i, gap := range []float64{3, 1, 2} {
		list = append(list,
			row(i, "failover", "stop", 1000, map[string]float64{Gap: gap}),
			row(i, "keepalived", "stop", 1000, map[string]float64{Gap: gap + 1, Broken: 19}),
			row(i, "keepalived", "stop", 100, map[string]float64{Failed: float64(i)}))
	}
	return list
}

func TestLines(t *testing.T) {
	lines := Pair().Lines(rows())
	if len(lines) != 2 || lines[0].IntervalMS != 1000 {
		t.Fatalf("lines %+v", lines)
	}
	if got, want := lines[0].Ours[0], (Cell{Median: 2, P99: 3, Max: 3, N: 3}); got != want {
		t.Errorf("our gap %+v, want %+v", got, want)
	}
	if got, want := lines[0].Theirs[2], (Cell{Median: 19, P99: 19, Max: 19, N: 3}); got != want {
		t.Errorf("their broken %+v, want %+v", got, want)
	}
	if got := lines[1].Ours[0].N; got != 0 {
		t.Errorf("%d of ours at 100 ms, want none", got)
	}
	if got := lines[0].Ours[4].N; got != 0 {
		t.Errorf("%d measured of what no row has, want none", got)
	}
}

func TestPercentile(t *testing.T) {
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(i+1))
	}
	for _, c := range []struct {
		values []float64
		p      float64
		want   float64
	}{
		{nil, 99, 0}, {[]float64{7}, 99, 7}, {[]float64{7}, 0, 7}, {hundred, 50, 50}, {hundred, 99, 99},
		{hundred, 99.9, 100}, {hundred[:20], 99, 20}, {hundred, 100, 100},
	} {
		if got := Percentile(c.values, c.p); got != c.want {
			t.Errorf("%g %% of %d values: %g, want %g", c.p, len(c.values), got, c.want)
		}
	}
}

func TestWorse(t *testing.T) {
	for _, c := range []struct {
		name         string
		ours, theirs map[string]float64
		want         string
	}{
		{"equal", map[string]float64{Gap: 3}, map[string]float64{Gap: 3}, ""},
		{"a blink", map[string]float64{Gap: 0.2}, map[string]float64{Gap: 0.05}, ""},
		{"a quarter", map[string]float64{Gap: 3.7}, map[string]float64{Gap: 3}, ""},
		{"more", map[string]float64{Gap: 3.8}, map[string]float64{Gap: 3}, "gap 3.80, theirs 3.00"},
		{"one request", map[string]float64{Failed: 1}, nil, "requests failed 1, theirs 0"},
		{"better", nil, map[string]float64{Failed: 3, Broken: 20, Gap: 4, Stall: 4}, ""},
	} {
		table := Pair()
		lines := table.Lines([]Row{row(0, "failover", "e", 1, c.ours), row(0, "keepalived", "e", 1, c.theirs)})
		got := strings.Join(table.Worse(lines), "\n")
		if (got == "") != (c.want == "") || !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestResultsGoOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by Open")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add([]Row{row(1, "failover", "stop", 100, map[string]float64{Gap: 0.5})}); err != nil {
		t.Fatal(err)
	}
	if r, err = Open(dir); err != nil || len(r.Rows) != 1 || r.Rows[0].Values[Gap] != 0.5 {
		t.Fatalf("read back %+v, %v", r, err)
	}
	if r.Rows[0].Kernel == "" || r.Rows[0].Time.IsZero() {
		t.Errorf("not said where and when: %+v", r.Rows[0])
	}
	leg := Leg{Round: 1, System: "failover", IntervalMS: 100}
	if !r.Has(leg) {
		t.Error("does not know what is done")
	}
	leg.Part = "another"
	if r.Has(leg) || len(r.Part("another")) != 0 || len(r.Part("")) != 1 {
		t.Error("takes one part for another")
	}
}

func TestTables(t *testing.T) {
	var md, text strings.Builder
	table := Pair()
	lines := table.Lines(rows())
	if err := table.Markdown(&md, lines); err != nil {
		t.Fatal(err)
	}
	if want := "| stop | 1s | keepalived | 3 | 3.00 / 4.00 | 0 / 0 | 19 / 19 | 0.00 / 0.00 | – |\n"; !strings.Contains(md.String(), want) {
		t.Errorf("no line %q in\n%s", want, md.String())
	}
	if err := table.Print(&text, lines); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "\n"); n != 5 {
		t.Errorf("%d lines, want 5:\n%s", n, text.String())
	}
	table.Percentile = true
	if got, want := table.Text(lines[0].Theirs[0], table.Figures[0]), "3.00 / 4.00 / 4.00"; got != want {
		t.Errorf("with the percentile %q, want %q", got, want)
	}
}
