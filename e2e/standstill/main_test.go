package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestTwice: only a failure is repeated, only after a standstill, only once, and
// only what failed.
func TestTwice(t *testing.T) {
	bad := errors.New("bad")
	for _, c := range []struct {
		name    string
		still   time.Duration
		tests   []string
		results []error
		runs    int
		again   string
		want    error
	}{
		{"it passes", time.Second, nil, []error{nil}, 1, "", nil},
		{"it fails on a machine that had its time", lab.Excuse, nil, []error{bad, nil}, 1, "", bad},
		{"it fails on one that stood still", lab.Excuse + 1, nil, []error{bad, nil}, 2, "", nil},
		{"a test fails on one that stood still", time.Second, []string{"TestA"}, []error{bad, nil}, 2, "-parallel 1 -run ^(TestA)$", nil},
		{"two do", time.Second, []string{"TestA", "TestB"}, []error{bad, nil}, 2, "-parallel 1 -run ^(TestA|TestB)$", nil},
		{"it fails again", time.Second, []string{"TestA"}, []error{bad, bad, nil}, 2, "-parallel 1 -run ^(TestA)$", bad},
	} {
		runs, again := 0, ""
		err := twice(io.Discard, lab.Excuse, func(more ...string) (outcome, error) {
			runs++
			again = strings.Join(more, " ")
			return outcome{c.still, c.tests}, c.results[runs-1]
		})
		if err != c.want || runs != c.runs || again != c.again {
			t.Errorf("%s: %v after %d runs, the last one with %q", c.name, err, runs, again)
		}
	}
}

func TestFailed(t *testing.T) {
	for _, c := range []struct {
		name, output string
		want         []string
	}{
		{"all passed", "--- PASS: TestA (0.00s)\nok  \tfailover/lvs\t1s\n", nil},
		{"one of two packages", "ok  \tfailover/lvs\t1s\n--- FAIL: TestB (0.10s)\n    --- FAIL: TestB/sub (0.00s)\nFAIL\nFAIL\tfailover/vrrp\t1s\nFAIL\n", []string{"TestB"}},
		{"both", "--- FAIL: TestB (0.10s)\nFAIL\tfailover/vrrp\t1s\n--- FAIL: TestA (0.10s)\nFAIL\tfailover/lvs\t1s\nFAIL\n", []string{"TestA", "TestB"}},
		{"one does not build", "--- FAIL: TestB (0.10s)\nFAIL\tfailover/vrrp\t1s\nFAIL\tfailover/lvs [build failed]\nFAIL\n", nil},
		{"its time is over", "--- FAIL: TestB (0.10s)\npanic: test timed out after 1s\nFAIL\tfailover/vrrp\t1s\n", nil},
		{"no end of line", "--- FAIL: TestB (0.10s)", []string{"TestB"}},
	} {
		got, err := failed(strings.NewReader(c.output))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestRun(t *testing.T) {
	if _, err := run(io.Discard, []string{"true"}); err != nil {
		t.Error(err)
	}
	if _, err := run(io.Discard, []string{"false"}); err == nil {
		t.Error("a command that fails was taken for one that does not")
	}
	var out strings.Builder
	o, err := run(&out, []string{"sh", "-c", "echo '--- FAIL: TestA (0.00s)'; exit 1"})
	if err == nil || !slices.Equal(o.tests, []string{"TestA"}) || out.String() != "--- FAIL: TestA (0.00s)\n" {
		t.Errorf("%v, %v, output %q", o, err, out.String())
	}
}
