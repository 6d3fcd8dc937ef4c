package interop

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"failover/e2e/lab"
)

// asked is what keepalived logs each time the test looks.
var asked = regexp.MustCompile(`(?m)^.*(Printing VRRP as json|ending gratuitous ARP on).*\n`)

// duel is a trial under way.
type duel struct {
	testing.TB
	trial trial
	from  *release // of the peer
	lab   *lab.Lab
	// started lets the next trial start.
	started func()
	ours    *ours
	peer    party
	wires   []*lab.Capture // of both directors

	links   map[*lab.Node]*netlink.Handle
	losses  []loss
	remarks []string // for docs/interop.md
}

// run builds the network, configures both sides and carries out the script.
func (c trial) run(t testing.TB, from *release, g *gates) (remarks []string) {
	started := g.start()
	defer started()
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	d := &duel{TB: t, trial: c, from: from, started: started, lab: l, links: map[*lab.Node]*netlink.Handle{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs:\n%s", asked.ReplaceAllString(l.Logs(500), ""))
		}
		if err := l.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	for _, n := range l.Directors() {
		// A socket belongs to the namespace of the thread that makes it.
		if err := n.Do(func() (err error) { d.links[n], err = netlink.NewHandle(); return err }); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.links[n].Close() })
	}
	d.install()
	for _, n := range networks(c.Family) {
		for _, at := range l.Directors() {
			w, err := at.Capture(d.within(20*time.Second), n.link, "ip proto 112 or ip6 proto 112")
			if err != nil {
				t.Fatal(err)
			}
			d.wires = append(d.wires, w)
		}
	}
	c.Script(d)
	d.dissect()
	d.formed()
	return d.remarks
}

// install gives both directors their programs, and everybody addresses of the
// trial's family.
func (d *duel) install() {
	d.Helper()
	ctx, c := d.within(20*time.Second), d.trial
	mine, its := d.lab.LB1, d.lab.LB2
	if c.OursOn == "lb2" {
		mine, its = its, mine
	}
	if c.Family == 6 {
		d.addresses6(ctx)
	}
	err := d.from.mount(ctx, its)
	if err != nil {
		d.Fatal(err)
	}
	if d.ours, err = newOurs(mine, c); err != nil {
		d.Fatal(err)
	}
	switch c.Peer {
	case "keepalived":
		d.peer, err = newKeepalived(ctx, its, c, d.from)
	case "frr":
		d.peer, err = newFRR(ctx, its, c, d.from)
	}
	if err != nil {
		d.Fatal(err)
	}
}

// remark notes something for docs/interop.md, once.
func (d *duel) remark(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, r := range d.remarks {
		if r == text {
			return
		}
	}
	d.remarks = append(d.remarks, text)
}

func (d *duel) within(limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(d.Context(), limit)
	d.Cleanup(cancel)
	return ctx
}

// await waits until something is so and returns how long that took.
func (d *duel) await(limit time.Duration, what string, so func() (bool, error)) time.Duration {
	d.Helper()
	begin := time.Now()
	if err := lab.Eventually(d.within(limit), what, so); err != nil {
		d.Fatal(err)
	}
	return time.Since(begin)
}

// other is the party that p is not.
func (d *duel) other(p party) party {
	if p == d.peer {
		return d.ours
	}
	return d.peer
}

// better is the party of the higher priority, ours where they are equal.
func (d *duel) better() party {
	if d.trial.Theirs.Priority > d.trial.Ours.Priority {
		return d.peer
	}
	return d.ours
}

// start starts both.
func (d *duel) start() {
	d.Helper()
	for _, p := range []party{d.ours, d.peer} {
		if err := p.start(d.within(20 * time.Second)); err != nil {
			d.Fatal(err)
		}
	}
	d.started()
}

// addresses are the virtual addresses that both sides have.
func (d *duel) addresses() (all []netip.Addr) {
	for _, n := range networks(d.trial.Family) {
		for _, p := range n.virtual {
			all = append(all, p.Addr())
		}
	}
	return all
}

// held counts the virtual addresses that are on a running interface of a
// director. FRR leaves those of a backup on an interface without carrier.
func (d *duel) held(p party) (count int, err error) {
	h := d.links[p.node()]
	links, err := dump(h.LinkList)
	if err != nil {
		return 0, err
	}
	running := map[int]bool{}
	for _, l := range links {
		state := l.Attrs().OperState
		running[l.Attrs().Index] = state != netlink.OperDown && state != netlink.OperLowerLayerDown
	}
	list, err := dump(func() ([]netlink.Addr, error) { return h.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return 0, err
	}
	for _, a := range list {
		ip, _ := netip.AddrFromSlice(a.IP)
		for _, v := range d.addresses() {
			if running[a.LinkIndex] && ip.Unmap() == v {
				count++
			}
		}
	}
	return count, nil
}

// dump asks the kernel again when something changed under the answer.
func dump[T any](ask func() ([]T, error)) (list []T, err error) {
	for range 10 {
		if list, err = ask(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return list, err
}

// holds waits until a party has every address; where alone is set, until the
// other one has none as well.
func (d *duel) holds(limit time.Duration, p party, alone bool) time.Duration {
	d.Helper()
	want := len(d.addresses())
	return d.await(limit, p.name()+" holds the addresses", func() (bool, error) {
		have, err := d.held(p)
		if err != nil || have != want || !alone {
			return err == nil && have == want, err
		}
		rest, err := d.held(d.other(p))
		return rest == 0, err
	})
}

// is waits until a party says a state of all its routers.
func (d *duel) is(p party, state string) {
	d.Helper()
	d.says(p, 15*time.Second, p.side().Interval/2, "says "+state, func(said map[string]view) bool {
		for _, n := range networks(d.trial.Family) {
			if said[n.router].State != state {
				return false
			}
		}
		return true
	})
}

// says asks a party until what it says is so, and no more often than it needs,
// because asking takes its time too.
func (d *duel) says(p party, limit, every time.Duration, what string, so func(map[string]view) bool) map[string]view {
	d.Helper()
	ctx := d.within(limit)
	var said map[string]view
	d.poll(ctx, every, func() (ok bool, err error) {
		if said, err = p.views(ctx); err != nil {
			return false, err
		}
		return so(said), nil
	}, func(err error) { d.Fatalf("%s %s: %v: %+v", p.name(), what, err, said) })
	return said
}

// poll asks until the answer is yes; else it fails.
func (d *duel) poll(ctx context.Context, every time.Duration, ask func() (bool, error), fail func(error)) {
	d.Helper()
	again := time.NewTicker(every)
	defer again.Stop()
	for {
		ok, err := ask()
		switch {
		case err != nil:
			fail(err)
			return
		case ok:
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			fail(fmt.Errorf("not yet: %w", ctx.Err()))
			return
		}
	}
}

// settled waits until one is master, alone and in the words of both, and sees
// that it stays so.
func (d *duel) settled(master party) {
	d.Helper()
	d.holds(15*time.Second, master, true)
	d.is(master, "master")
	d.is(d.other(master), "backup")
	d.quiet(master)
	d.answered(master)
}
