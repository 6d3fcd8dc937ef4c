package interop

import (
	"fmt"
	"time"
)

// bounds are what the difference of two counters, received less sent, must be
// in: the receiver is asked before and after the sender.
type bounds struct{ low, high int64 }

// tally is what both say of each virtual router at about one moment.
type tally struct {
	sender, receiver map[string]view
	offset           map[string]bounds
}

func (d *duel) tally(master party) (tally, error) {
	backup := d.other(master)
	before, err := backup.views(d.Context())
	if err != nil {
		return tally{}, err
	}
	sender, err := master.views(d.Context())
	if err != nil {
		return tally{}, err
	}
	after, err := backup.views(d.Context())
	if err != nil {
		return tally{}, err
	}
	t := tally{sender, after, map[string]bounds{}}
	for name, s := range sender {
		t.offset[name] = bounds{
			int64(before[name].Received) - int64(s.Sent),
			// One may be counted as sent after it is received.
			int64(after[name].Received) - int64(s.Sent),
		}
	}
	return t, nil
}

// hears waits until a party has received that many more adverts on each network.
func (d *duel) hears(p party, more uint64) {
	d.Helper()
	begin, err := p.views(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	every := d.other(p).side().Interval * time.Duration(more) / 2
	d.says(p, 15*time.Second, every, fmt.Sprintf("hears %d more adverts", more), func(now map[string]view) bool {
		for name, v := range now {
			if v.Received < begin[name].Received+more {
				return false
			}
		}
		return true
	})
}

// quiet sees some more adverts come in on every network, while neither side
// changes its mind, holds another priority than it should, or loses one.
func (d *duel) quiet(master party) {
	d.Helper()
	// A switch forwards some time after its port has a carrier again.
	d.hears(d.other(master), 1)
	first, err := d.tally(master)
	if err != nil {
		d.Fatal(err)
	}
	d.hears(d.other(master), d.trial.calm())
	last, err := d.tally(master)
	if err != nil {
		d.Fatal(err)
	}
	for _, n := range networks(d.trial.Family) {
		if err := d.steady(master, n.router, first, last); err != nil {
			d.Errorf("%s: %v", n.router, err)
		}
	}
	if have, err := d.held(master); err != nil || have != len(d.addresses()) {
		d.Errorf("after more adverts the master %s holds %d addresses, %v", master.name(), have, err)
	}
	if have, err := d.held(d.other(master)); err != nil || have != 0 {
		d.Errorf("after more adverts the backup %s holds %d addresses, %v", d.other(master).name(), have, err)
	}
}

func (d *duel) steady(master party, router string, first, last tally) error {
	s0, s1, r0, r1 := first.sender[router], last.sender[router], first.receiver[router], last.receiver[router]
	backup := d.other(master)
	switch {
	case s0.Transitions != s1.Transitions || r0.Transitions != r1.Transitions:
		return fmt.Errorf("flapping: transitions of %s %d then %d, of %s %d then %d",
			master.name(), s0.Transitions, s1.Transitions, backup.name(), r0.Transitions, r1.Transitions)
	case s1.Priority != master.side().Priority || r1.Priority != backup.side().Priority:
		return fmt.Errorf("priorities %d of %s, %d of %s", s1.Priority, master.name(), r1.Priority, backup.name())
	case r1.Interval != master.side().Interval:
		return fmt.Errorf("%s has learned an interval of %v, the master's is %v", backup.name(), r1.Interval, master.side().Interval)
	case s0.Sent >= s1.Sent:
		return fmt.Errorf("%s has counted no advert: %d then %d", master.name(), s0.Sent, s1.Sent)
	case r0.Sent != r1.Sent:
		return fmt.Errorf("the backup %s has sent %d adverts", backup.name(), r1.Sent-r0.Sent)
	case r1.Rejected != r0.Rejected || s1.Rejected != s0.Rejected:
		return fmt.Errorf("adverts rejected: %d by %s, %d by %s", s1.Rejected-s0.Rejected, master.name(), r1.Rejected-r0.Rejected, backup.name())
	}
	// What both counted must differ by the same number at both moments, give or
	// take the one that is on its way.
	a, b := first.offset[router], last.offset[router]
	if a.low > b.high+1 || b.low > a.high+1 {
		return fmt.Errorf("counters disagree: received less sent was %d to %d, then %d to %d", a.low, a.high, b.low, b.high)
	}
	return nil
}

// nothingRejected sees that neither side has rejected an advert since it was
// started last.
func (d *duel) nothingRejected() {
	d.Helper()
	for _, p := range []party{d.ours, d.peer} {
		views, err := p.views(d.Context())
		if err != nil {
			d.Fatal(err)
		}
		for name, v := range views {
			if v.Rejected != 0 {
				d.Errorf("%s: %s has rejected %d adverts", name, p.name(), v.Rejected)
			}
		}
	}
}
