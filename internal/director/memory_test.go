package director

import (
	"runtime/metrics"
	"testing"
	"testing/synctest"
	"time"
)

// TestCollector: it is lenient while a file is read and what comes of it is done, no
// longer.
func TestCollector(t *testing.T) {
	percent := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	usual := percent()
	synctest.Test(t, func(t *testing.T) {
		d := &Director{much: make(chan struct{}, 1)}
		d.takesMuch()
		go d.giveBack(t.Context())
		for range 3 {
			time.Sleep(restAfter / 2)
			d.takesMuch()
			d.tookMuch()
			if got := percent(); got != lenient {
				t.Errorf("%d while much is taken, want %d", got, lenient)
			}
			synctest.Wait()
		}
		time.Sleep(restAfter + time.Second)
		if got := percent(); got != usual {
			t.Errorf("%d afterwards, want %d", got, usual)
		}
	})
}

// TestGiveBack: once after the start and once after every file that was read, not
// for ever.
func TestGiveBack(t *testing.T) {
	forced := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/cycles/forced:gc-cycles"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	synctest.Test(t, func(t *testing.T) {
		d := &Director{much: make(chan struct{}, 1)}
		go d.giveBack(t.Context())
		for _, what := range []string{"the start", "a file"} {
			before := forced()
			time.Sleep(restAfter + time.Second)
			if forced() == before {
				t.Errorf("nothing is given back after %s", what)
			}
			before = forced()
			time.Sleep(time.Hour)
			if n := forced() - before; n > 0 {
				t.Errorf("%d times in an hour after %s", n, what)
			}
			d.tookMuch()
		}
	})
}
