package compare

import (
	"strings"
	"testing"
	"time"
)

func rows() []Row {
	var list []Row
	for i, gap := range []float64{3, 1, 2} {
		list = append(list,
			Row{Round: i, System: "failover", Event: "stop", IntervalMS: 1000, Gap: gap},
			Row{Round: i, System: "keepalived", Event: "stop", IntervalMS: 1000, Gap: gap + 1, Broken: 19},
			Row{Round: i, System: "keepalived", Event: "stop", IntervalMS: 100, Failed: i})
	}
	return list
}

func TestLines(t *testing.T) {
	lines := Lines(rows(), "failover")
	if len(lines) != 2 || lines[0].IntervalMS != 1000 {
		t.Fatalf("lines %+v", lines)
	}
	if got, want := lines[0].Ours[0], (Cell{Median: 2, Max: 3, N: 3}); got != want {
		t.Errorf("our gap %+v, want %+v", got, want)
	}
	if got, want := lines[0].Theirs[2], (Cell{Median: 19, Max: 19, N: 3}); got != want {
		t.Errorf("their broken %+v, want %+v", got, want)
	}
	if got := lines[1].Ours[0].N; got != 0 {
		t.Errorf("%d of ours at 100 ms, want none", got)
	}
}

func TestWorse(t *testing.T) {
	for _, c := range []struct {
		name         string
		ours, theirs Row
		want         string
	}{
		{"equal", Row{Gap: 3}, Row{Gap: 3}, ""},
		{"a blink", Row{Gap: 0.2}, Row{Gap: 0.05}, ""},
		{"a quarter", Row{Gap: 3.7}, Row{Gap: 3}, ""},
		{"more", Row{Gap: 3.8}, Row{Gap: 3}, "gap 3.80 / 3.80, theirs 3.00 / 3.00"},
		{"one request", Row{Failed: 1}, Row{}, "requests failed 1 / 1, theirs 0 / 0"},
		{"better", Row{}, Row{Failed: 3, Broken: 20, Gap: 4, Stall: 4}, ""},
	} {
		c.ours.System, c.theirs.System = "failover", "other"
		got := strings.Join(Worse(Lines([]Row{c.ours, c.theirs}, "failover")), "\n")
		if (got == "") != (c.want == "") || !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestResultsGoOn(t *testing.T) {
	dir := t.TempDir()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add([]Row{{Round: 1, System: "failover", IntervalMS: 100, Event: "stop", Gap: 0.5}}); err != nil {
		t.Fatal(err)
	}
	if r, err = Open(dir); err != nil || len(r.Rows) != 1 || r.Rows[0].Gap != 0.5 {
		t.Fatalf("read back %+v, %v", r, err)
	}
	if !r.Has(1, "failover", 100*time.Millisecond) || r.Has(2, "failover", 100*time.Millisecond) {
		t.Error("does not know what is done")
	}
}

func TestTables(t *testing.T) {
	var md, text strings.Builder
	lines := Lines(rows(), "failover")
	if err := Markdown(&md, lines, "failover", "keepalived"); err != nil {
		t.Fatal(err)
	}
	if want := "| stop | 1s | keepalived | 3 | 3.00 / 4.00 | 0 / 0 | 19 / 19 | 0.00 / 0.00 | – |\n"; !strings.Contains(md.String(), want) {
		t.Errorf("no line %q in\n%s", want, md.String())
	}
	if err := Text(&text, lines, "failover", "keepalived"); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "\n"); n != 5 {
		t.Errorf("%d lines, want 5:\n%s", n, text.String())
	}
}
