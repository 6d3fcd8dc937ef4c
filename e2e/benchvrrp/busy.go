package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"failover/e2e/compare"
	"failover/e2e/lab"
)

const (
	partFalse = "false"
	partLate  = "late"
	// busyInterval is the advert interval on a busy machine: the shortest there is.
	busyInterval = 10 * time.Millisecond
	// reloadEvery is how often both directors are made to read their files again.
	reloadEvery = 100 * time.Millisecond
)

// The columns of the table of a busy machine.
const (
	figureTakeOvers = "take-overs"
	figureAdverts   = "adverts of the master"
	figureLate99    = "late, 99 %"
	figureLate999   = "late, 99.9 %"
	figureLateMax   = "late, most"
	// A bare thread's, which does nothing but wake up, with real-time priority, at the
	// same time: what the machine allows.
	figureBare999 = "bare thread late, 99.9 %"
	figureBareMax = "bare thread late, most"
)

func busyTable() compare.Table {
	return compare.Table{
		Ours: "failover", Theirs: "keepalived",
		Figures: []compare.Figure{
			{Name: figureTakeOvers}, {Name: figureAdverts},
			{Name: figureLate99, Unit: "ms", Digits: 2}, {Name: figureLate999, Unit: "ms", Digits: 2}, {Name: figureLateMax, Unit: "ms", Digits: 2},
			{Name: figureBare999, Unit: "ms", Digits: 2}, {Name: figureBareMax, Unit: "ms", Digits: 2},
		},
	}
}

// falseTakeOvers counts how often a backup becomes master though nothing is wrong
// but that the machine has eight busy processes.
func (b *bench) falseTakeOvers(ctx context.Context) error {
	return b.busy(ctx, partFalse, busyCase{
		event: fmt.Sprintf("%g min beside 8 busy processes", b.minutes), length: b.duration(1), hogs: 8,
	})
}

// lateAdverts measures how late the master's adverts are while it reads its file
// again and again.
func (b *bench) lateAdverts(ctx context.Context) error {
	return b.busy(ctx, partLate, busyCase{
		event: fmt.Sprintf("%g min of reloads beside 4 busy processes", b.minutes/5), length: b.duration(5), hogs: 4, reload: true,
	})
}

// duration is a share of the minutes asked for.
func (b *bench) duration(share float64) time.Duration {
	return time.Duration(b.minutes / share * float64(time.Minute))
}

// busyCase is what goes on while adverts are watched.
type busyCase struct {
	event  string
	length time.Duration
	hogs   int
	reload bool
}

// busy does a case once to each system; for another length it is another one.
func (b *bench) busy(ctx context.Context, name string, c busyCase) error {
	for _, sys := range b.systems {
		l := compare.Leg{Part: name, System: sys.Name(), IntervalMS: busyInterval.Milliseconds(), Round: int(c.length.Seconds())}
		if b.rows.Has(l) {
			continue
		}
		err := b.leg(ctx, l, func(ctx context.Context) ([]compare.Row, error) { return busyLeg(ctx, sys, c) })
		if err != nil {
			return err
		}
	}
	return nil
}

func busyLeg(ctx context.Context, sys lab.System, c busyCase) (rows []compare.Row, err error) {
	l, err := lab.New()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	starting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := pair(starting, l, sys, lab.Setup{AdvertInterval: busyInterval})
	if err != nil {
		return nil, err
	}
	master, err := record(l.LB1, "eth2")
	if err != nil {
		return nil, err
	}
	if err := l.LB2.HearAdvert(starting, lb1...); err != nil {
		return nil, err
	}
	for i := range c.hogs {
		if _, err := l.Client.Start(fmt.Sprintf("busy%d", i), "sh", "-c", "while :; do :; done"); err != nil {
			return nil, err
		}
	}
	bare := l.Metronome(busyInterval)
	begin := time.Now()
	if err := c.pass(ctx, p); err != nil {
		return nil, err
	}
	end := time.Now()
	// What passes the master's interface is all there is to see of either.
	adverts := master.from(lb1[0], begin, end)
	values := late(intervals(adverts, busyInterval), figureLate99, figureLate999, figureLateMax)
	maps.Copy(values, late(bare(), "", figureBare999, figureBareMax))
	values[figureAdverts] = float64(len(adverts))
	values[figureTakeOvers] = float64(takeOvers(master.from(lb2, begin, end)))
	return []compare.Row{{Event: c.event, Values: values}}, nil
}

// pass lets the time of the case go by.
func (c busyCase) pass(ctx context.Context, p *lab.Pair) error {
	over := time.NewTimer(c.length)
	defer over.Stop()
	again := time.NewTicker(reloadEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over.C:
			return nil
		case <-again.C:
			if !c.reload {
				continue
			}
			if err := p.Reload(); err != nil {
				return err
			}
		}
	}
}
