package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"failover/e2e/compare"
	"failover/e2e/lab"
	"failover/internal/pause"
)

const (
	partLoad     = "load"
	loadInterval = 100 * time.Millisecond
	segments     = 4
	vrids        = 255
	// loadPatience bounds the wait for all routers to be where they belong.
	loadPatience = 3 * time.Minute
	// loadSettled is how long the start and its announcements are left alone.
	loadSettled = 10 * time.Second
)

// The columns of the table of many routers.
const (
	figureCPU      = "processor"
	figureResident = "resident"
	figureReady    = "all addresses up after"
	figureSent     = "adverts sent"
)

func loadTable() compare.Table {
	return compare.Table{
		Ours: "failover", Theirs: "keepalived",
		Figures: []compare.Figure{
			{Name: figureCPU, Unit: "s/min", Digits: 2}, {Name: figureResident, Unit: "MB", Digits: 1},
			{Name: figureReady, Unit: "s", Digits: 2}, {Name: figureSent, Unit: "1/s"},
		},
	}
}

// load measures what 1 020 virtual routers cost on either side.
func (b *bench) load(ctx context.Context) error {
	for _, sys := range b.systems {
		length := b.duration(5)
		l := compare.Leg{Part: partLoad, System: sys.Name(), IntervalMS: loadInterval.Milliseconds(), Round: int(length.Seconds())}
		if b.rows.Has(l) {
			continue
		}
		err := b.leg(ctx, l, func(ctx context.Context) ([]compare.Row, error) { return loadLeg(ctx, sys, length) })
		if err != nil {
			return err
		}
	}
	return nil
}

// manyRouters are 255 routers on each of four segments, each on its own.
func manyRouters() (list []lab.Router) {
	for segment := range segments {
		for vrid := 1; vrid <= vrids; vrid++ {
			list = append(list, lab.Router{
				Name: fmt.Sprintf("r%d-%d", segment, vrid), Link: fmt.Sprintf("wide%d", segment), VRID: vrid,
				Address: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 90, byte(segment), byte(vrid)}), 32),
			})
		}
	}
	return list
}

func loadLeg(ctx context.Context, sys lab.System, length time.Duration) (rows []compare.Row, err error) {
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
	for i := range segments {
		own := func(host int) string { return fmt.Sprintf("10.91.%d.%d/24", i, host) }
		if err := l.AddSegment(fmt.Sprintf("segment%d", i), fmt.Sprintf("wide%d", i), own(1), own(2)); err != nil {
			return nil, err
		}
	}
	starting, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	begin := time.Now()
	p, err := pair(starting, l, sys, lab.Setup{AdvertInterval: loadInterval, Routers: manyRouters()})
	if err != nil {
		return nil, err
	}
	ready := time.Since(begin)
	if err := pause.For(ctx, loadSettled); err != nil {
		return nil, err
	}
	heard, err := record(l.LB2, "wide0")
	if err != nil {
		return nil, err
	}
	from := time.Now()
	used, err := cost(ctx, p, length)
	if err != nil {
		return nil, err
	}
	if err := p.WaitHolder(starting, l.LB1); err != nil {
		return nil, err
	}
	sent := float64(len(heard.from(netip.MustParseAddr("10.91.0.1"), from, from.Add(length)))) * segments / length.Seconds()
	for i, n := range l.Directors() {
		row := compare.Row{Event: "1 020 routers, " + []string{"master", "backup"}[i], Values: used[n]}
		if n == l.LB1 {
			row.Values[figureReady], row.Values[figureSent] = ready.Seconds(), sent
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// cost is what the services use in a time, extrapolated to a minute.
func cost(ctx context.Context, p *lab.Pair, length time.Duration) (map[*lab.Node]map[string]float64, error) {
	before := map[*lab.Node]lab.Usage{}
	out := map[*lab.Node]map[string]float64{}
	for _, n := range p.Lab.Directors() {
		var err error
		if before[n], err = p.Unit(n).Usage(); err != nil {
			return nil, err
		}
	}
	if err := pause.For(ctx, length); err != nil {
		return nil, err
	}
	for _, n := range p.Lab.Directors() {
		after, err := p.Unit(n).Usage()
		if err != nil {
			return nil, err
		}
		out[n] = map[string]float64{
			figureCPU:      (after.CPU - before[n].CPU).Seconds() * time.Minute.Seconds() / length.Seconds(),
			figureResident: float64(after.Resident) / (1 << 20),
		}
	}
	return out, nil
}
