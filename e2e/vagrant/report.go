package vagrant

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"failover/e2e/compare"
)

// Row is what clients saw while one thing happened.
type Row struct {
	Event    string          `json:"event"`
	Services map[string]Sums `json:"services"` // by name
	// Program is the version of the program that was installed, Kernel that of the
	// machines, Virt what they run on, in the words of systemd-detect-virt.
	Program string    `json:"program"`
	Kernel  string    `json:"kernel"`
	Virt    string    `json:"virt"`
	Time    time.Time `json:"time"`
}

// Sums are the figures of one service. Gap is the longest time without an answered
// request, Stall the longest exchange on a connection that was held, in seconds.
type Sums struct {
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	Held     int     `json:"held"`
	Broken   int     `json:"broken"`
	Gap      float64 `json:"gap"`
	Stall    float64 `json:"stall"`
}

// Sums are the figures of an outcome.
func (o Outcome) Sums() Sums {
	return Sums{
		Requests: len(o.Requests), Failed: len(o.Requests.Failed()),
		Held: len(o.Held), Broken: o.Held.Broken(),
		Gap: o.Requests.Gap().Seconds(), Stall: o.Held.Stall().Seconds(),
	}
}

// All are the sums of all services; of times, the longest.
func (r Row) All() (all Sums) {
	for _, s := range r.Services {
		all.Requests += s.Requests
		all.Failed += s.Failed
		all.Held += s.Held
		all.Broken += s.Broken
		all.Gap, all.Stall = max(all.Gap, s.Gap), max(all.Stall, s.Stall)
	}
	return all
}

// Results are rows in a file, a line each. What is run again is added again; the
// newest counts.
type Results struct{ path string }

// OpenResults names the file in a folder, and makes the folder where there is none.
func OpenResults(dir string) (Results, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Results{}, fmt.Errorf("vagrant: results: %w", err)
	}
	return Results{filepath.Join(dir, "vagrant.jsonl")}, nil
}

// Add appends a row.
func (r Results) Add(row Row) error {
	line, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("vagrant: results: %w", err)
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("vagrant: results: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// Of returns the newest row of each event, measured with this version of the program,
// in this order, and which events have none.
func (r Results) Of(program string, events []string) (rows []Row, missing []string, err error) {
	text, err := os.ReadFile(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, events, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("vagrant: results: %w", err)
	}
	newest := map[string]Row{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var row Row
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, nil, fmt.Errorf("vagrant: results: %s: %w", r.path, err)
		}
		if row.Program == program {
			newest[row.Event] = row
		}
	}
	for _, e := range events {
		if row, ok := newest[e]; ok {
			rows = append(rows, row)
		} else {
			missing = append(missing, e)
		}
	}
	return rows, missing, nil
}

// The lines of docs/vagrant.md between which the results stand.
const (
	resultsBegin = "<!-- results: scripts/test --vagrant writes what follows -->"
	resultsEnd   = "<!-- end of results -->"
)

// Write puts rows into the text of docs/vagrant.md and leaves the rest as it is.
// Circumstances are lines of a list that stand above the table; services are its
// columns, in their order.
func Write(page []byte, rows []Row, services []Service, circumstances ...string) ([]byte, error) {
	before, _, after, err := compare.Cut(string(page), resultsBegin, resultsEnd)
	switch {
	case err != nil:
		return nil, fmt.Errorf("vagrant: %w", err)
	case len(rows) == 0:
		return nil, errors.New("vagrant: there are no results")
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n", before)
	last := rows[len(rows)-1]
	circumstances = append([]string{
		"date: " + last.Time.Format(time.DateOnly),
		"program: " + last.Program,
	}, circumstances...)
	circumstances = append(circumstances, fmt.Sprintf("machines: Linux %s, %s", last.Kernel, virtualization(last.Virt)))
	for _, c := range circumstances {
		fmt.Fprintf(&out, "- %s\n", c)
	}
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = s.Name
	}
	fmt.Fprintf(&out, "\n| what | requests | failed | held | broken | stall | gap: %s |\n|%s\n",
		strings.Join(names, " | "), strings.Repeat("---|", 6+len(names)))
	for _, row := range rows {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(row.cells(names), " | "))
	}
	fmt.Fprintf(&out, "\n%s", after)
	return out.Bytes(), nil
}

// cells are those of a row's line.
func (r Row) cells(names []string) []string {
	all := r.All()
	cells := []string{
		r.Event, strconv.Itoa(all.Requests), r.count(names, all.Failed, func(s Sums) int { return s.Failed }),
		strconv.Itoa(all.Held), r.count(names, all.Broken, func(s Sums) int { return s.Broken }), seconds(all.Stall),
	}
	for _, name := range names {
		cells = append(cells, seconds(r.Services[name].Gap))
	}
	return cells
}

// count is a number with where it comes from.
func (r Row) count(names []string, all int, of func(Sums) int) string {
	if all == 0 {
		return "0"
	}
	var from []string
	for _, name := range names {
		if n := of(r.Services[name]); n > 0 {
			from = append(from, fmt.Sprintf("%s %d", name, n))
		}
	}
	return fmt.Sprintf("%d (%s)", all, strings.Join(from, ", "))
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 1, 64) + " s" }

// virtualization says in words what systemd-detect-virt says.
func virtualization(word string) string {
	switch {
	case word == "qemu":
		return "emulated by qemu (10–20 times slower than a real machine)"
	case slices.Contains([]string{"", "none"}, word):
		return "unknown virtualization"
	}
	return word
}
