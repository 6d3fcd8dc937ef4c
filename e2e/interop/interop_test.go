package interop

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/internal/testenv"
)

// TestInterop runs every row of the matrix and compares the outcome with
// docs/interop.md: against the routers that are installed, and with FAILOVER_FULL=1
// every row also against those of Debian 13.
func TestInterop(t *testing.T) {
	testenv.Need(t, "netns", lab.Usable())
	needTools(t, "keepalived", "vtysh", zebra, vrrpd, "tshark")
	full := os.Getenv("FAILOVER_FULL") == "1"
	installed, err := newRelease(12, "")
	if err != nil {
		t.Fatal(err)
	}
	releases := []*release{installed}
	if full {
		next, err := debian13(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, next)
	}
	var (
		all  []trial
		from []*release
	)
	for _, r := range releases {
		for _, c := range cases(r.debian) {
			if full || !c.Full {
				all, from = append(all, c), append(from, r)
			}
		}
	}
	rows, done := make([]row, len(all)), make([]bool, len(all))
	gates := newGates()
	var excused excused
	name := func(i int) string { return fmt.Sprintf("Debian %d %s", from[i].debian, all[i].Name) }
	once := func(t testing.TB, i int) {
		remarks := all[i].run(t, from[i], gates)
		rows[i], done[i] = all[i].row(from[i].versions[all[i].Peer], remarks), !t.Failed()
	}
	// The group returns when its parallel trials have ended.
	t.Run("pair", func(t *testing.T) {
		for i, c := range all {
			rows[i] = c.row(from[i].versions[c.Peer], nil)
			t.Run(name(i), func(t *testing.T) {
				t.Parallel()
				defer gates.enter(c)()
				begin := time.Now()
				if testenv.Attempt(t, func(tb testing.TB) { once(tb, i) }) {
					return
				}
				still, excuse := standstills.Longest(begin), min(c.ours().Interval, c.theirs().Interval, lab.Excuse)
				if still <= excuse {
					t.FailNow()
				}
				t.Logf("failed while the machine stood still for %v, more than %v: once more, alone", still, excuse)
				excused.add(i)
			})
		}
	})
	for _, i := range excused.list {
		t.Run("alone/"+name(i), func(t *testing.T) { once(t, i) })
	}
	document(t, rows, done, full)
}

// excused are the trials that failed when the machine was not there for them.
type excused struct {
	mu   sync.Mutex
	list []int
}

func (e *excused) add(i int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, i)
}

// gates bound how many trials run beside each other.
type gates struct {
	running  map[int]chan struct{} // by version
	starting chan struct{}         // what starts needs the processor, what runs waits
}

// newGates lets more of version 2 in, which counts whole seconds and waits for
// them.
func newGates() *gates {
	return &gates{
		running:  map[int]chan struct{}{2: make(chan struct{}, 16), 3: make(chan struct{}, 6)},
		starting: make(chan struct{}, 4),
	}
}

// enter waits until a trial may begin; what it returns lets the next one in.
func (g *gates) enter(c trial) (leave func()) {
	g.running[c.Version] <- struct{}{}
	return func() { <-g.running[c.Version] }
}

// start is enter for the time until both sides run.
func (g *gates) start() (started func()) {
	g.starting <- struct{}{}
	return sync.OnceFunc(func() { <-g.starting })
}
