package lab

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Pair is a system at work on both directors of a lab.
type Pair struct {
	Lab    *Lab
	System System
	Setup  Setup

	units map[*Node]*Unit
}

// NewPair prepares and configures both directors; nothing is started.
func NewPair(l *Lab, sys System, setup Setup) (*Pair, error) {
	p := &Pair{Lab: l, System: sys, units: map[*Node]*Unit{}}
	for _, n := range l.Directors() {
		if err := sys.Prepare(n); err != nil {
			return nil, fmt.Errorf("lab: prepare %s on %s: %w", sys.Name(), n.Name, err)
		}
		u, err := n.Supervise(sys.Unit(n))
		if err != nil {
			return nil, err
		}
		p.units[n] = u
	}
	return p, p.Configure(setup)
}

// Configure writes a new configuration on both directors. Reload makes it count.
func (p *Pair) Configure(setup Setup) error {
	p.Setup = setup.withDefaults()
	for _, n := range p.Lab.Directors() {
		if err := p.System.Configure(n, p.Setup); err != nil {
			return fmt.Errorf("lab: configure %s on %s: %w", p.System.Name(), n.Name, err)
		}
	}
	return nil
}

// Unit is the service on a director.
func (p *Pair) Unit(n *Node) *Unit { return p.units[n] }

// Start starts both directors and waits until lb1 is the only holder and, where
// there is a virtual server, its table is full.
func (p *Pair) Start(ctx context.Context) error {
	for _, n := range p.Lab.Directors() {
		if err := p.units[n].Start(ctx); err != nil {
			return err
		}
	}
	if err := p.WaitHolder(ctx, p.Lab.LB1); err != nil {
		return err
	}
	if p.Setup.RoutersOnly {
		return nil
	}
	for _, n := range p.Lab.Directors() {
		if err := p.WaitServers(ctx, n, len(p.Setup.Servers)); err != nil {
			return err
		}
	}
	return nil
}

// Reload makes both directors read their configuration again.
func (p *Pair) Reload() error {
	for _, n := range p.Lab.Directors() {
		if err := p.units[n].Reload(); err != nil {
			return err
		}
	}
	return nil
}

// Holders are the directors that have an address, or any of the virtual ones.
func (p *Pair) Holders(addresses ...netip.Addr) ([]*Node, error) {
	if len(addresses) == 0 {
		addresses = p.Setup.virtual()
	}
	var list []*Node
	for _, n := range p.Lab.Directors() {
		have, err := n.Addresses()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(addresses, func(a netip.Addr) bool { return have[a] }) {
			list = append(list, n)
		}
	}
	return list, nil
}

// WaitHolder waits until n has every virtual address and nobody else has any.
func (p *Pair) WaitHolder(ctx context.Context, n *Node) error {
	what := n.Name + " is the only holder of the virtual addresses"
	virtual := p.Setup.virtual()
	err := Eventually(ctx, what, func() (bool, error) {
		for _, d := range p.Lab.Directors() {
			have, err := d.Addresses()
			if err != nil {
				return false, err
			}
			if slices.ContainsFunc(virtual, func(a netip.Addr) bool { return have[a] != (d == n) }) {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}

// Table is the IPVS table of a director, as `ipvsadm -Sn` prints it, sorted.
func (p *Pair) Table(ctx context.Context, n *Node) ([]string, error) {
	out, err := n.Run(ctx, "ipvsadm", "-Sn")
	if err != nil {
		return nil, err
	}
	lines := strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	slices.Sort(lines)
	return lines, nil
}

// WaitServers waits until the table of a director has that many real servers.
func (p *Pair) WaitServers(ctx context.Context, n *Node, count int) error {
	what := fmt.Sprintf("%s has %d real servers in its table", n.Name, count)
	return p.WaitTable(ctx, n, what, func(table []string) bool {
		have := 0
		for _, line := range table {
			if strings.HasPrefix(line, "-a ") {
				have++
			}
		}
		return have == count
	})
}

// WaitTable waits until the table of a director is as ok wants it.
func (p *Pair) WaitTable(ctx context.Context, n *Node, what string, ok func([]string) bool) error {
	var table []string
	err := Eventually(ctx, what, func() (bool, error) {
		var err error
		table, err = p.Table(ctx, n)
		return err == nil && ok(table), err
	})
	if err != nil {
		return fmt.Errorf("lab: %w; the table is %q", err, table)
	}
	return nil
}

// WaitService waits until requests are answered, with one at a time.
func (p *Pair) WaitService(ctx context.Context) error {
	return Eventually(ctx, "the service answers", func() (bool, error) {
		rctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return p.Lab.Client.Get(rctx, "http://"+Service+"/").Err == nil, nil
	})
}
