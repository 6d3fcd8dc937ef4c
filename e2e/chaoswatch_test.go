package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/internal/api"
	"failover/internal/control"
)

// holdings are which of the virtual addresses each director has.
type holdings map[*lab.Node][]netip.Addr

func (h holdings) all(n *lab.Node) bool  { return len(h[n]) == len(virtual()) }
func (h holdings) none(n *lab.Node) bool { return len(h[n]) == 0 }

func (h holdings) String() string {
	var words []string
	for n, list := range h {
		words = append(words, fmt.Sprintf("%s has %v", n.Name, list))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

type holdersWanted func(holdings) bool

// onlyHolder wants one director to have all addresses and nobody else any.
func onlyHolder(n *lab.Node) holdersWanted {
	return func(have holdings) bool {
		for d := range have {
			if d != n && !have.none(d) {
				return false
			}
		}
		return have.all(n)
	}
}

// anyHolder wants exactly one director to have all addresses, and nobody else any.
func anyHolder(have holdings) bool {
	for n := range have {
		if onlyHolder(n)(have) {
			return true
		}
	}
	return false
}

// either wants one of the two.
func either(a, b holdersWanted) holdersWanted {
	return func(have holdings) bool { return a(have) || b(have) }
}

// watch looks at the addresses all the time and notes where they are elsewhere than
// they should be for longer than settle.
type watch struct {
	s      *scene
	settle time.Duration
	stop   func()

	look sync.Mutex // held while the directors are looked at

	mu    sync.Mutex
	what  string
	want  holdersWanted
	wrong time.Time // since when it is otherwise; zero: it is not
	told  bool
	bad   []string
}

func newWatch(t *testing.T, s *scene, settle time.Duration) *watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{s: s, settle: settle, want: func(holdings) bool { return true }}
	var all sync.WaitGroup
	all.Go(func() { w.run(ctx) })
	w.stop = func() { cancel(); all.Wait() }
	t.Cleanup(w.stop)
	return w
}

func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.look.Lock()
		have, err := w.s.holdings()
		w.look.Unlock()
		if err == nil {
			w.note(have, time.Now())
		}
	}
}

func (w *watch) note(have holdings, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.want(have):
		w.wrong, w.told = time.Time{}, false
	case w.wrong.IsZero():
		w.wrong = now
	case !w.told && now.Sub(w.wrong) > w.settle:
		w.told = true
		w.bad = append(w.bad, fmt.Sprintf("step %s: for %.1f s at %s: %v", w.what, now.Sub(w.wrong).Seconds(), now.Format("15:04:05.000"), have))
	}
}

// expect says who has to have the addresses from now on, after the time to settle.
func (w *watch) expect(what string, want holdersWanted) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.what, w.want, w.wrong, w.told = what, want, time.Time{}, false
}

// await waits until the addresses are where they should be, for the time to settle.
func (w *watch) await(t *testing.T) error {
	t.Helper()
	var have holdings
	err := lab.Eventually(within(t, w.settle), "the addresses are where they should be", func() (bool, error) {
		var err error
		have, err = w.s.holdings()
		w.mu.Lock()
		defer w.mu.Unlock()
		return err == nil && w.want(have), err
	})
	if err != nil {
		return fmt.Errorf("step %s: %w: %v", w.what, err, have)
	}
	return nil
}

// violations are what was seen since they were asked for last.
func (w *watch) violations() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	bad := w.bad
	w.bad = nil
	return bad
}

// aside does something while nobody looks at the directors.
func (w *watch) aside(f func() error) error {
	w.look.Lock()
	defer w.look.Unlock()
	return f()
}

func (s *scene) holdings() (holdings, error) {
	have := holdings{}
	for _, n := range s.Directors() {
		list, err := n.Addresses()
		if err != nil {
			return nil, err
		}
		have[n] = nil
		for _, a := range virtual() {
			if list[a] {
				have[n] = append(have[n], a)
			}
		}
	}
	return have, nil
}

// whole waits until nothing is wrong: one holder, which is the preferred director, the
// tables as the setup says on both, and of failover the pair in sync and healthy,
// nothing to plan, and two processes on each director. The error says what is missing.
func (c *chaotic) whole(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	var missing error
	var since time.Time // when it became whole
	err := lab.Eventually(ctx, "the pair is whole", seldom(100*time.Millisecond, func() (bool, error) {
		if missing = c.missing(ctx); missing != nil {
			since = time.Time{}
			return false, nil
		}
		if since.IsZero() {
			since = time.Now()
		}
		// Another program does not tell when it has finished: what stays as it is for a
		// while is taken for the end.
		return c.ours || time.Since(since) > 500*time.Millisecond, nil
	}))
	if err != nil {
		return errors.Join(missing, err)
	}
	return nil
}

func (c *chaotic) missing(ctx context.Context) error {
	have, err := c.holdings()
	if err != nil {
		return err
	}
	if !onlyHolder(c.master)(have) {
		return fmt.Errorf("%v, want %s alone", have, c.master.Name)
	}
	want := c.wantTable()
	for _, n := range c.Directors() {
		table, err := procTable(n)
		if err != nil {
			return err
		}
		if table = withoutHeading(table); table != want {
			return fmt.Errorf("%s has the table\n%s\nwant\n%s", n.Name, table, want)
		}
		if !c.ours {
			continue
		}
		if pids := c.pair.Unit(n).PIDs(); len(pids) != 2 {
			return fmt.Errorf("%s has the processes %v, want two", n.Name, pids)
		}
		if err := c.atEase(ctx, n); err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
	}
	return nil
}

// withoutHeading is what [procTable] shows but for the three lines above the table.
func withoutHeading(table string) string {
	lines := slices.DeleteFunc(strings.Split(table, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "IP Virtual Server") || strings.HasPrefix(line, "Prot ") || strings.HasPrefix(line, "-> RemoteAddress")
	})
	return strings.Join(lines, "\n")
}

// wantTable is the table of the setup as [procTable] shows one.
func (c *chaotic) wantTable() string {
	lines := []string{"TCP AC140A04:0050 rr"}
	for _, rs := range c.pair.Setup.Servers {
		at := netip.MustParseAddrPort(rs.Address)
		lines = append(lines, fmt.Sprintf("-> %X:%04X Masq %d", at.Addr().As4(), at.Port(), rs.Weight))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// atEase tells what a director itself finds wrong, or would change.
func (c *chaotic) atEase(ctx context.Context, n *lab.Node) error {
	// The daemon's own root leads to its socket, from any mount namespace.
	client := control.NewClient(fmt.Sprintf("/proc/%d/root/run/failover/failover.sock", c.pair.Unit(n).MainPID()))
	st, err := client.Status(ctx)
	switch {
	case err != nil:
		return err
	case st.InSync == nil || !*st.InSync || !st.Healthy:
		return fmt.Errorf("status: in sync %v, problems %q", st.InSync != nil && *st.InSync, st.Problems)
	}
	for _, d := range st.Directors {
		if err := roles(d, d.Name == c.master.Name); err != nil {
			return err
		}
	}
	plan, err := client.Plan(ctx)
	if err == nil && len(plan.Changes) > 0 {
		err = fmt.Errorf("a reload would change %+v", plan.Changes)
	}
	return err
}

// roles tells which router of a director is not what it has to be.
func roles(d api.Director, master bool) error {
	want := "backup"
	if master {
		want = "master"
	}
	if len(d.VirtualRouters) != len(virtual()) {
		return fmt.Errorf("%s shows %d virtual routers", d.Name, len(d.VirtualRouters))
	}
	for _, r := range d.VirtualRouters {
		if r.State != want {
			return fmt.Errorf("%s is %s in %s, want %s", d.Name, r.State, r.Name, want)
		}
	}
	return nil
}
