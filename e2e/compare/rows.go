// Package compare keeps the measurements of failover beside another program and
// writes them as a table.
package compare

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Leg is what is measured in one piece: one system, in one lab, at one interval.
type Leg struct {
	// Part is which measurement it is, where there are several.
	Part   string `json:"part,omitempty"`
	Round  int    `json:"round"`
	System string `json:"system"`
	// IntervalMS is the advert interval.
	IntervalMS int64 `json:"interval_ms"`
}

// Row is one event that was done to one system, and what came of it.
type Row struct {
	Leg
	Event string `json:"event"`
	// Values are the figures, by the names of the table's columns. One that is not
	// there was not measured.
	Values map[string]float64 `json:"values"`

	Kernel string    `json:"kernel"`
	Time   time.Time `json:"time"`
}

// Results are rows in a file, a line each. A leg is written when it is complete,
// so that a run that was cut short goes on where it stopped.
type Results struct {
	Rows []Row

	path string
	done map[Leg]bool
}

// Open reads the results in a folder, which may have none. It makes the folder
// where there is none yet: measuring for an hour must not end with nowhere to
// write.
func Open(dir string) (*Results, error) {
	if err := os.MkdirAll(filepath.Clean(dir), 0o755); err != nil {
		return nil, fmt.Errorf("compare: folder %q of the results: %w", dir, err)
	}
	r := &Results{path: filepath.Join(dir, "rows.jsonl"), done: map[Leg]bool{}}
	text, err := os.ReadFile(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var row Row
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("compare: %s: %w", r.path, err)
		}
		r.take(row)
	}
	return r, nil
}

func (r *Results) take(row Row) {
	r.Rows = append(r.Rows, row)
	r.done[row.Leg] = true
}

// Has tells whether a leg has been measured.
func (r *Results) Has(l Leg) bool { return r.done[l] }

// Part are the rows of one part.
func (r *Results) Part(name string) (rows []Row) {
	for _, row := range r.Rows {
		if row.Part == name {
			rows = append(rows, row)
		}
	}
	return rows
}

// Add appends the rows of a complete leg, and says of each when and on which
// kernel it was measured.
func (r *Results) Add(rows []Row) error {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	var text []byte
	for _, row := range rows {
		row.Kernel, row.Time = string(bytes.TrimSpace(release)), time.Now().UTC()
		line, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("compare: %w", err)
		}
		text = append(append(text, line...), '\n')
		r.take(row)
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	return nil
}
