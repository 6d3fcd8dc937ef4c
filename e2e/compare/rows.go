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

// Row is one event that was done to one system, and what clients saw of it.
type Row struct {
	Round  int    `json:"round"`
	System string `json:"system"`
	Event  string `json:"event"`
	// IntervalMS is the advert interval.
	IntervalMS int64 `json:"interval_ms"`
	// Gap is the longest time without an answered request, in seconds.
	Gap      float64 `json:"gap"`
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	// Broken are the held connections that did not survive, Stall the longest
	// exchange on one that did, in seconds.
	Held   int     `json:"held"`
	Broken int     `json:"broken"`
	Stall  float64 `json:"stall"`
	// Out is when a dead server was out of both tables, in seconds; 0 for events that
	// are no such death.
	Out float64 `json:"out,omitempty"`

	Kernel string    `json:"kernel"`
	Time   time.Time `json:"time"`
}

// leg is one lab: one system through all events at one interval.
type leg struct {
	round      int
	system     string
	intervalMS int64
}

// Results are rows in a file, a line each. A leg is written when it is complete,
// so that a run that was cut short goes on where it stopped.
type Results struct {
	Rows []Row

	path string
	done map[leg]bool
}

// Open reads the results in a folder, which may have none.
func Open(dir string) (*Results, error) {
	r := &Results{path: filepath.Join(dir, "compare.jsonl"), done: map[leg]bool{}}
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
	r.done[leg{row.Round, row.System, row.IntervalMS}] = true
}

// Has tells whether a leg has been measured.
func (r *Results) Has(round int, system string, interval time.Duration) bool {
	return r.done[leg{round, system, interval.Milliseconds()}]
}

// Add appends the rows of a complete leg.
func (r *Results) Add(rows []Row) error {
	var text []byte
	for _, row := range rows {
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
