package lvs

import (
	"testing"
	"time"
)

// TestLooks: one look that waited for a processor does not put the next one off;
// several long ones do.
func TestLooks(t *testing.T) {
	r := New(Config{Resync: time.Second})
	for i, step := range []struct{ took, after time.Duration }{
		{10 * time.Millisecond, 500 * time.Millisecond},
		{time.Second, 500 * time.Millisecond},
		{time.Second, 500 * time.Millisecond},
		{2 * time.Second, 500 * time.Millisecond},
		{time.Second, 20 * time.Second}, // the short one is four looks ago
		{30 * time.Millisecond, 600 * time.Millisecond},
	} {
		r.took.add(step.took)
		if after := r.lookAfter(); after != step.after {
			t.Errorf("step %d: after a look of %v the next is due after %v, want %v", i, step.took, after, step.after)
		}
	}
}
