package main

import (
	"errors"
	"io"
	"testing"
	"time"
)

// TestTwice: only a failure is repeated, only after a standstill, and only once.
func TestTwice(t *testing.T) {
	bad := errors.New("bad")
	for _, c := range []struct {
		name    string
		still   time.Duration
		results []error
		runs    int
		want    error
	}{
		{"it passes", time.Second, []error{nil}, 1, nil},
		{"it fails on a machine that had its time", excuse, []error{bad, nil}, 1, bad},
		{"it fails on one that stood still", excuse + 1, []error{bad, nil}, 2, nil},
		{"it fails again", time.Second, []error{bad, bad, nil}, 2, bad},
	} {
		runs := 0
		err := twice(io.Discard, excuse, func() (time.Duration, error) {
			runs++
			return c.still, c.results[runs-1]
		})
		if err != c.want || runs != c.runs {
			t.Errorf("%s: %v after %d runs, want %v after %d", c.name, err, runs, c.want, c.runs)
		}
	}
}

func TestRun(t *testing.T) {
	if _, err := run([]string{"true"}); err != nil {
		t.Error(err)
	}
	if _, err := run([]string{"false"}); err == nil {
		t.Error("a command that fails was taken for one that does not")
	}
}
