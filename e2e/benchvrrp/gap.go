package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"failover/e2e/compare"
	"failover/e2e/lab"
)

const (
	partGap = "gap"
	// every is the time between two datagrams of the client.
	every = 500 * time.Microsecond
	// calm is how long every datagram must be answered before something is done, and
	// after.
	calm = 200 * time.Millisecond
	// patience bounds the wait for a system to do what is expected of it.
	patience = 40 * time.Second
	// cycles is how often the events go through one lab.
	cycles = 5
)

// The columns of the table of the gaps.
const (
	figureGap   = "gap"
	figureLost  = "datagrams lost"
	figurePause = "client's own pause"
)

// Events, by what they are called in the table.
const (
	eventCut     = "link cut"
	eventBack    = "link back, switches back"
	eventStop    = "daemon stopped"
	eventStart   = "started again, switches back"
	eventKill    = "kill -9, started again after 0.2 s"
	eventCrash   = "kill -9, started again at once"
	eventRestart = "restarted by the service manager"
)

// gapIntervals are the advert intervals of the gaps.
var gapIntervals = []time.Duration{time.Second, 100 * time.Millisecond, 10 * time.Millisecond}

func gapTable() compare.Table {
	return compare.Table{
		Ours: "failover", Theirs: "keepalived", Percentile: true,
		Figures: []compare.Figure{{Name: figureGap, Unit: "ms", Digits: 1}, {Name: figureLost}, {Name: figurePause, Unit: "ms", Digits: 1}},
	}
}

// gaps does every event n times to both systems, in alternation.
func (b *bench) gaps(ctx context.Context) error {
	var errs []error
	for _, interval := range gapIntervals {
		errs = append(errs, b.gapsAt(ctx, interval))
	}
	return errors.Join(errs...)
}

func (b *bench) gapsAt(ctx context.Context, interval time.Duration) error {
	for {
		l := compare.Leg{Part: partGap, IntervalMS: interval.Milliseconds()}
		sys, have := b.behind(l)
		if have >= b.n {
			return nil
		}
		for l.System = sys.Name(); b.rows.Has(l); {
			l.Round++
		}
		err := b.leg(ctx, l, func(ctx context.Context) ([]compare.Row, error) {
			return gapLeg(ctx, sys, interval, min(cycles, b.n-have), events())
		})
		if err != nil {
			return err
		}
	}
}

// behind is the system that has been through the events of a leg less often, and
// how often it has.
func (b *bench) behind(l compare.Leg) (sys lab.System, have int) {
	count := func(s lab.System) (n int) {
		for _, r := range b.rows.Part(l.Part) {
			if r.System == s.Name() && r.IntervalMS == l.IntervalMS && r.Event == eventCut {
				n++
			}
		}
		return n
	}
	sys, other := b.systems[0], b.systems[1]
	if count(other) < count(sys) {
		sys = other
	}
	return sys, count(sys)
}

// stage is a pair at work with a client that sends datagrams.
type stage struct {
	*lab.Lab
	pair   *lab.Pair
	client *lab.Datagrams
}

// event is something that is done to the pair; do returns when the pair has dealt
// with it. It finds lb1 master, or lb1 away and lb2 master.
type event struct {
	name string
	away bool
	do   func(context.Context, *stage) error
}

// lb2 is the address on the outside that the adverts of the other one come from.
var lb2 = netip.MustParseAddr("172.20.10.6")

// lb1 are the addresses that the adverts of lb1 come from.
var lb1 = []netip.Addr{netip.MustParseAddr("172.20.10.5"), netip.MustParseAddr("192.168.33.91")}

// speaks waits for an advert of lb1: it is master again.
func (s *stage) speaks(ctx context.Context) error {
	if err := s.LB2.HearAdvert(ctx, lb1...); err != nil {
		return err
	}
	return s.pair.WaitHolder(ctx, s.LB1)
}

// events go through a lab in this order.
func events() []event {
	return []event{
		// Just after an advert, the longest there can be: when it is within the interval
		// would be chance.
		{eventCut, false, func(ctx context.Context, s *stage) error {
			if err := s.LB2.HearAdvert(ctx); err != nil {
				return err
			}
			return errors.Join(s.Cut(s.LB1), s.pair.WaitHolder(ctx, s.LB2))
		}},
		{eventBack, true, func(ctx context.Context, s *stage) error {
			return errors.Join(s.Restore(s.LB1), s.speaks(ctx))
		}},
		{eventStop, false, func(ctx context.Context, s *stage) error {
			return errors.Join(s.pair.Unit(s.LB1).Stop(ctx), s.pair.WaitHolder(ctx, s.LB2))
		}},
		{eventStart, true, func(ctx context.Context, s *stage) error {
			return errors.Join(s.pair.Unit(s.LB1).Start(ctx), s.speaks(ctx))
		}},
		{eventKill, false, crash(200 * time.Millisecond)},
		{eventCrash, false, crash(0)},
		{eventRestart, false, func(ctx context.Context, s *stage) error {
			unit := s.pair.Unit(s.LB1)
			return errors.Join(unit.Stop(ctx), unit.Start(ctx), s.speaks(ctx))
		}},
	}
}

// crash kills every process of the master; its service manager waits before it
// starts it again.
func crash(wait time.Duration) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error {
		unit := s.pair.Unit(s.LB1)
		unit.RestartAfter(wait)
		return errors.Join(unit.Kill9(true), s.speaks(ctx), unit.WaitReady(ctx))
	}
}

// gapLeg takes one system through the events, n times.
func gapLeg(ctx context.Context, sys lab.System, interval time.Duration, n int, events []event) (rows []compare.Row, err error) {
	l, err := lab.New()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, l.Logs(15))
		}
		err = errors.Join(err, l.Close())
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := newStage(ctx, l, sys, interval)
	if err != nil {
		return nil, err
	}
	for range n {
		for _, e := range events {
			o, err := s.undergo(ctx, e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", e.name, err)
			}
			rows = append(rows, compare.Row{Event: e.name, Values: map[string]float64{
				figureGap: milliseconds(o.Gap), figureLost: float64(o.Lost), figurePause: milliseconds(o.Pause),
			}})
		}
	}
	return rows, nil
}

func newStage(ctx context.Context, l *lab.Lab, sys lab.System, interval time.Duration) (*stage, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := pair(ctx, l, sys, lab.Setup{AdvertInterval: interval})
	if err != nil {
		return nil, err
	}
	for _, n := range l.Directors() {
		if err := n.Echo(echoPort); err != nil {
			return nil, err
		}
	}
	client, err := l.Client.Datagrams(netip.AddrPortFrom(lab.VirtualOutside.Addr(), echoPort).String(), every)
	if err != nil {
		return nil, err
	}
	return &stage{Lab: l, pair: p, client: client}, nil
}

// echoPort is that of the echo service (RFC 862).
const echoPort = 7

// undergo does one event to a pair at rest.
func (s *stage) undergo(ctx context.Context, e event) (lab.Outage, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// One holds the addresses, the neighbour has heard who is master, and the client
	// has nothing to complain of.
	master := s.LB1
	if e.away {
		master = s.LB2
	}
	if err := s.pair.WaitHolder(ctx, master); err != nil {
		return lab.Outage{}, err
	}
	if !e.away {
		if err := s.LB2.HearAdvert(ctx, lb1...); err != nil {
			return lab.Outage{}, err
		}
	}
	runtime.GC()
	if err := s.client.Flow(ctx, calm); err != nil {
		return lab.Outage{}, err
	}
	mark := s.client.Mark()
	if err := e.do(ctx, s); err != nil {
		return lab.Outage{}, err
	}
	if err := s.client.Flow(ctx, calm); err != nil {
		return lab.Outage{}, err
	}
	return s.client.Since(mark), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
