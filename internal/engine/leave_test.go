package engine

import (
	"testing"
)

// TestDirectorTakesItsPartAlong: asked to, a director ends by itself and no other
// follows; what it still says is heard.
func TestDirectorTakesItsPartAlong(t *testing.T) {
	t.Parallel()
	b := newBench("leaves", false)
	asked := false
	err := b.until(t, func() bool {
		if !asked {
			asked = b.leave()
		}
		return false // run has to end by itself
	})
	if err != nil || !asked || b.count() != 1 {
		t.Errorf("ended with %v; asked %v, %d directors", err, asked, b.count())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.received) != 1 || !b.received[0].Ready {
		t.Errorf("heard %+v", b.received)
	}
}

// TestNobodyToAsk: without a director there is nothing to wait for.
func TestNobodyToAsk(t *testing.T) {
	if (&supervisor{}).leave() {
		t.Error("nobody was asked, and is waited for")
	}
}
