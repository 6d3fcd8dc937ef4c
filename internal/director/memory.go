package director

import (
	"context"
	"runtime/debug"
	"time"
)

const (
	// restAfter is how long after something took much memory its remains are given
	// back: when table and engine have what they need of it.
	restAfter = 2 * time.Second
	// manyOperations on the table are much.
	manyOperations = 100
	// lenient is the collector's percentage (GOGC) until then. A large file takes ten
	// times what is kept of it: at the usual percentage the collector would go through
	// a heap that is small yet half a dozen times while the table waits.
	lenient = 400
)

// takesMuch says that something is about to take much memory, most of which is not
// kept.
func (d *Director) takesMuch() {
	if was := debug.SetGCPercent(lenient); was != lenient {
		d.percent.Store(int64(was))
	}
}

// tookMuch says that something took much memory which is not kept.
func (d *Director) tookMuch() {
	select {
	case d.much <- struct{}{}:
	default:
	}
}

// giveBack returns to the system what reading a file or programming a table took:
// many times what is kept of it, and the collector alone would hold on to it for
// minutes.
func (d *Director) giveBack(ctx context.Context) {
	rest := time.NewTimer(restAfter) // the start has read one
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.much:
			rest.Reset(restAfter)
		case <-rest.C:
			if usual := d.percent.Swap(0); usual != 0 {
				debug.SetGCPercent(int(usual))
			}
			debug.FreeOSMemory()
		}
	}
}
