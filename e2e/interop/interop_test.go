package interop

import (
	"fmt"
	"os"
	"sync"
	"testing"

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
	// The group returns when its parallel trials have ended.
	t.Run("pair", func(t *testing.T) {
		for i, c := range all {
			version := from[i].versions[c.Peer]
			rows[i] = c.row(version, nil)
			t.Run(fmt.Sprintf("Debian %d %s", from[i].debian, c.Name), func(t *testing.T) {
				t.Parallel()
				defer gates.enter(c)()
				remarks := c.run(t, from[i], gates)
				rows[i], done[i] = c.row(version, remarks), !t.Failed()
			})
		}
	})
	document(t, rows, done, full)
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
		running:  map[int]chan struct{}{2: make(chan struct{}, 16), 3: make(chan struct{}, 10)},
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
