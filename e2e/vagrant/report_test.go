package vagrant

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestResults(t *testing.T) {
	r, err := OpenResults(t.TempDir() + "/results")
	if err != nil {
		t.Fatal(err)
	}
	events := []string{"switchover", "power cut"}
	if rows, missing, err := r.Of("v1", events); len(rows) != 0 || !slices.Equal(missing, events) || err != nil {
		t.Errorf("no results: %v, missing %v, %v", rows, missing, err)
	}
	for _, row := range []Row{
		{Event: "power cut", Program: "v1", Services: map[string]Sums{"nat": {Failed: 1}}},
		{Event: "power cut", Program: "v1", Services: map[string]Sums{"nat": {Failed: 2}}},
		{Event: "power cut", Program: "v2", Services: map[string]Sums{"nat": {Failed: 3}}},
	} {
		if err := r.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	rows, missing, err := r.Of("v1", events)
	if err != nil || len(rows) != 1 || rows[0].All().Failed != 2 || !slices.Equal(missing, []string{"switchover"}) {
		t.Errorf("rows %v, missing %v, %v: want the newest of v1", rows, missing, err)
	}
}

func TestWrite(t *testing.T) {
	rows := []Row{{
		Event: "power cut", Program: "v1", Kernel: "6.1.0", Virt: "kvm", Time: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		Services: map[string]Sums{
			"nat": {Requests: 100, Failed: 1, Held: 3, Gap: 3.61, Stall: 4},
			"dr":  {Requests: 50, Held: 3, Broken: 2, Gap: 3.5, Stall: 3.9},
		},
	}}
	services := []Service{{Name: "nat"}, {Name: "dr"}}
	page := "# Page\n\n" + resultsBegin + "\nold\n" + resultsEnd + "\n\nrest\n"
	out, err := Write([]byte(page), rows, services, "machine: mine")
	if err != nil {
		t.Fatal(err)
	}
	want := `# Page

<!-- results: scripts/test --vagrant writes what follows -->

- date: 2026-11-23
- program: v1
- machine: mine
- machines: Linux 6.1.0, kvm

| what | requests | failed | held | broken | stall | gap: nat | dr |
|---|---|---|---|---|---|---|---|
| power cut | 150 | 1 (nat 1) | 6 | 2 (dr 2) | 4.0 s | 3.6 s | 3.5 s |

<!-- end of results -->

rest
`
	if string(out) != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if again, err := Write(out, rows, services, "machine: mine"); err != nil || string(again) != want {
		t.Errorf("written again: %v\n%s", err, again)
	}
	if _, err := Write([]byte("# Page\n"), rows, services); err == nil || !strings.Contains(err.Error(), "no lines") {
		t.Errorf("a page without a place: %v", err)
	}
}
