package testenv

import (
	"slices"
	"sync"
	"testing"
)

// TestAttempt: an attempt fails as a test does, cleans up as a test does, and
// leaves the test as it was.
func TestAttempt(t *testing.T) {
	for _, c := range []struct {
		name   string
		try    func(testing.TB)
		passed bool
		// after: what comes behind the failure runs.
		after bool
	}{
		{"passes", func(testing.TB) {}, true, true},
		{"Errorf", func(tb testing.TB) { tb.Errorf("on purpose: %d", 1) }, false, true},
		{"Error", func(tb testing.TB) { tb.Error("on purpose") }, false, true},
		{"Fatalf", func(tb testing.TB) { tb.Fatalf("on purpose: %d", 1) }, false, false},
		{"Fatal", func(tb testing.TB) { tb.Fatal("on purpose") }, false, false},
		{"from elsewhere", func(tb testing.TB) {
			var wait sync.WaitGroup
			for range 2 {
				wait.Go(func() {
					tb.Cleanup(func() {})
					tb.Error("on purpose")
				})
			}
			wait.Wait()
		}, false, true},
		{"while cleaning up", func(tb testing.TB) { tb.Cleanup(func() { tb.Fatal("on purpose") }) }, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var after, alive bool
			var cleaned []int
			passed := Attempt(t, func(tb testing.TB) {
				tb.Cleanup(func() {
					cleaned = append(cleaned, 1)
					alive = tb.Context().Err() == nil
				})
				tb.Cleanup(func() { cleaned = append(cleaned, 2) })
				c.try(tb)
				after = true
			})
			if passed != c.passed || after != c.after {
				t.Errorf("passed %t, went on %t", passed, after)
			}
			if !slices.Equal(cleaned, []int{2, 1}) {
				t.Errorf("cleaned up in the order %v", cleaned)
			}
			if alive {
				t.Error("the context is alive while it cleans up")
			}
		})
	}
}
