package director

import (
	"context"
	"runtime/debug"
	"time"
)

// restAfter is how long after a file was read its remains are given back: when
// table and engine have what they need of it.
const restAfter = 2 * time.Second

// giveBack returns to the system what reading a file took: many times what is
// kept of it, and the collector alone would hold on to it for minutes.
func (d *Director) giveBack(ctx context.Context) {
	rest := time.NewTimer(restAfter) // the start has read one
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.read:
			rest.Reset(restAfter)
		case <-rest.C:
			debug.FreeOSMemory()
		}
	}
}
