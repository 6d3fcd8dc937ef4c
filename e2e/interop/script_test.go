package interop

import (
	"sync"
	"time"
)

// event is one way to lose a master, and its undoing.
type event struct {
	name string
	do   func(*duel, party) error
	undo func(*duel, party) error
	// after is the protocol's time until the other one is master.
	after func(version, priority int, interval time.Duration) time.Duration
	// gone: the party says nothing afterwards.
	gone bool
}

func start(d *duel, p party) error { return p.start(d.within(20 * time.Second)) }

// events are the ways to lose a master.
func events() []event {
	return []event{
		{"stop", func(d *duel, p party) error { return p.stop(d.within(40 * time.Second)) }, start, skew, true},
		{"cut", func(d *duel, p party) error { return d.lab.Cut(p.node()) },
			func(d *duel, p party) error { return d.lab.Restore(p.node()) }, masterDown, false},
		{"kill", func(_ *duel, p party) error { return p.kill() }, start, masterDown, true},
	}
}

// takeOvers loses the master in every way and has it come back, to its
// mastership where it preempts, else to be the other's backup.
func takeOvers(d *duel) {
	d.start()
	master := d.better()
	d.settled(master)
	for _, e := range events() {
		d.Logf("%s %s", e.name, master.name())
		successor := d.other(master)
		d.lose(e, master)
		if err := e.undo(d, master); err != nil {
			d.Fatal(err)
		}
		if master.side().NoPreempt {
			master = successor
		}
		d.settled(master)
	}
	d.nothingRejected()
}

// lose lets an event happen to the master and sees the other one take over in
// the protocol's time.
func (d *duel) lose(e event, master party) {
	d.Helper()
	successor := d.other(master)
	limit := e.after(successor.side().Version, successor.side().Priority, master.side().Interval)
	var wait sync.WaitGroup
	var failed error
	begin := time.Now()
	// A stop returns late: keepalived lingers.
	wait.Go(func() { failed = e.do(d, master) })
	d.holds(10*time.Second, successor, false)
	wait.Wait()
	if failed != nil {
		d.Fatal(failed)
	}
	d.losses = append(d.losses, loss{
		event: e.name, begin: begin, master: master, successor: successor, limit: limit,
		still: standstills.Longest(begin),
	})
	d.is(successor, "master")
	d.leaves(e, master)
}

// leaves sees that a lost master has no address any more. Those of a neighbour
// that was killed stay; so do FRR's when it is stopped.
func (d *duel) leaves(e event, lost party) {
	d.Helper()
	if e.gone && !lost.yields() {
		have, err := d.held(lost)
		if err != nil {
			d.Fatal(err)
		}
		if have > 0 {
			d.remark("after %s its addresses stay until it is started again", map[string]string{"kill": "kill -9", "stop": "a stop"}[e.name])
			return
		}
	}
	limit := 10 * time.Second
	if e.name == "kill" {
		limit = lease + lease/2
	}
	d.await(limit, lost.name()+" has no address any more", func() (bool, error) {
		have, err := d.held(lost)
		return have == 0, err
	})
}

// partition parts the two, which makes two masters, and joins them again: the
// higher priority wins, and of equals the higher address (RFC 9568 section 6.4.3).
func partition(d *duel) {
	d.start()
	winner := d.better()
	if d.trial.Ours.Priority == d.trial.Theirs.Priority {
		// Who was first is master until there is a tie to decide.
		d.await(15*time.Second, "there is a master", func() (bool, error) {
			mine, err := d.held(d.ours)
			if err != nil {
				return false, err
			}
			its, err := d.held(d.peer)
			return mine+its == len(d.addresses()), err
		})
		if d.trial.OursOn == "lb1" {
			winner = d.peer
		}
	} else {
		d.settled(winner)
	}
	for range 2 {
		if err := d.lab.Isolate(d.ours.node()); err != nil {
			d.Fatal(err)
		}
		d.holds(10*time.Second, d.ours, false)
		d.holds(10*time.Second, d.peer, false)
		d.is(d.ours, "master")
		d.is(d.peer, "master")
		if err := d.lab.Restore(d.ours.node()); err != nil {
			d.Fatal(err)
		}
		d.settled(winner)
	}
	d.nothingRejected()
}

// oneLink cuts one of the master's two links: where both sides have groups both
// routers move.
func oneLink(d *duel) {
	d.start()
	master := d.better()
	d.settled(master)
	for _, name := range []string{"outside", "inside"} {
		if err := d.lab.Cut(master.node(), name); err != nil {
			d.Fatal(err)
		}
		d.holds(10*time.Second, d.other(master), true)
		d.is(d.other(master), "master")
		if err := d.lab.Restore(master.node(), name); err != nil {
			d.Fatal(err)
		}
		d.settled(master)
	}
	d.nothingRejected()
}
