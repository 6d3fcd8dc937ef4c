package lvs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

const (
	// dumpTimeout is the deadline of a dump, dumpEach what a service adds to it: one of
	// 1 000 services of 10 servers takes some hundred milliseconds on a slow machine, and
	// ten times as long on one that is busy.
	dumpTimeout = 30 * time.Second
	dumpEach    = 10 * time.Millisecond
	// rounds is how often one pass reads the table and acts on the difference.
	rounds = 3
	// yieldAfter is how long a pass goes on once something newer is wanted: it may
	// stop after any operation, but it must get somewhere. So it takes at least as long
	// for operations as for reading the table.
	yieldAfter = 200 * time.Millisecond
	// hangs is how many operations may run into their deadline in one pass.
	hangs = 3
)

// DumpLimit is how long reading a table of so many services may take.
func DumpLimit(services int) time.Duration { return dumpTimeout + time.Duration(services)*dumpEach }

// pass brings the kernel's table to the newest wanted one as far as it can,
// reports the result, and tells whether nothing is left to do. What failed in the
// last pass is tried again only if again is set.
func (r *Reconciler) pass(ctx context.Context, again bool) bool {
	want, generation := r.newest()
	p := &pass{r: r, want: want, again: again, failed: map[Key]bool{}, foreign: map[string]bool{}}
	p.result.Generation = generation
	p.result.Err = p.run(ctx)
	if ctx.Err() != nil {
		return false // the end of Run is no result
	}
	if r.left != nil {
		p.result.Table, p.result.Digest = *r.left, r.digest
	}
	r.log(ctx, p.result)
	r.refused = make(map[string]error, len(p.result.Errors))
	for _, e := range p.result.Errors {
		r.refused[e.Op.String()] = e.Err
	}
	r.cfg.OnResult(p.result)
	return p.result.Converged && p.result.Err == nil
}

// pass is the work of one pass.
type pass struct {
	r       *Reconciler
	want    Table
	again   bool
	start   time.Time // of the operations
	result  Result
	failed  map[Key]bool    // services that could not be added
	foreign map[string]bool // operations that somebody else calls for
	live    live            // who takes connections, as the operations go on
	hung    int
}

func (p *pass) run(ctx context.Context) error {
	// An owned set that cannot be read or saved costs tidiness at the end, not
	// service now: the pass goes on and says so.
	owned, unread := p.r.Owned(ctx)
	p.r.weights.began(owned)
	before := p.r.left
	var unsaved error
	trusted := false // the round before went by memory
	for round := range rounds + 1 {
		actual, remembered, err := p.read(ctx, round == 0)
		if err != nil {
			return errors.Join(err, unread, unsaved)
		}
		ops := Diff(actual, p.want, owned)
		p.result.Converged = len(ops) == 0
		switch {
		case trusted && len(p.result.Errors) == 0:
			p.blame(ops, nil) // what we had to do is done
		case round == 0 && before != nil && !remembered:
			p.blame(ops, Diff(*before, p.want, owned))
		}
		trusted = remembered
		if len(ops) == 0 || round == rounds || len(p.result.Errors) > 0 || p.superseded() {
			break
		}
		// What we are about to make is ours before it is there: a process killed in
		// between must not leave entries that nobody will ever remove.
		owned = owned.With(p.want)
		unsaved = p.own(ctx, owned)
		p.live = newLive(actual, p.want, ops)
		p.do(ctx, ops)
	}
	if p.result.Converged {
		unsaved = p.own(ctx, owned.With(p.want).Shrink(p.want, *p.r.left))
	}
	return errors.Join(unread, unsaved)
}

// read returns the table as it is. What the last pass has left, and the looks since
// have found unchanged, is known; what has changed since the last of them, the pass
// finds when it reads the table after its operations.
func (p *pass) read(ctx context.Context, first bool) (table Table, remembered bool, err error) {
	if first && p.again && p.r.left != nil && len(p.r.refused) == 0 {
		return *p.r.left, true, nil
	}
	table, err = p.dump(ctx)
	return table, false, err
}

// dump reads the table. The kernel does not lock it from beginning to end: a
// change meanwhile can hide an entry or show it twice. So a dump counts only if
// the cheap look gave the same before and after; else it is taken again.
func (p *pass) dump(ctx context.Context) (Table, error) {
	services := len(p.want.Services)
	if p.r.left != nil {
		services = max(services, len(p.r.left.Services))
	}
	ctx, cancel := context.WithTimeout(ctx, DumpLimit(services))
	defer cancel()
	start := time.Now()
	defer func() { p.r.dumped, p.r.fresh = time.Since(start), true }()
	hash, err := p.r.cfg.Kernel.Changed(ctx)
	if err != nil {
		return Table{}, err
	}
	for range rounds {
		table, err := p.r.cfg.Kernel.Dump(ctx)
		if err != nil {
			return Table{}, err
		}
		after, err := p.r.cfg.Kernel.Changed(ctx)
		if err != nil {
			return Table{}, err
		}
		p.r.weights.learn(&table)
		p.r.left, p.r.digest, p.r.hash = &table, Digest(table), hash
		if after == hash {
			break
		}
		hash = after
	}
	return *p.r.left, nil
}

// own makes o the owned set and saves it. A file that could not be read is not
// written over.
func (p *pass) own(ctx context.Context, o Owned) error {
	p.r.mu.Lock()
	p.r.owned = o
	done := !p.r.loaded || p.r.saved.Equal(o)
	p.r.mu.Unlock()
	if done {
		return nil
	}
	if err := p.r.cfg.Store.Save(ctx, o); err != nil {
		return err
	}
	p.r.mu.Lock()
	p.r.saved = o
	p.r.mu.Unlock()
	return nil
}

// superseded tells whether something newer is wanted and this pass has had its
// time.
func (p *pass) superseded() bool {
	_, generation := p.r.newest()
	return generation != p.result.Generation && !p.start.IsZero() && time.Since(p.start) >= max(yieldAfter, p.r.dumped)
}

// do carries the operations out, each with a deadline. One that fails is named,
// what depends on it left out, and the rest goes on; but nothing takes the last
// server away whose successor could not be added.
func (p *pass) do(ctx context.Context, ops []Op) {
	if p.start.IsZero() {
		p.start = time.Now()
	}
	p.result.Done = slices.Grow(p.result.Done, len(ops))
	for len(ops) > 0 {
		if ctx.Err() != nil || p.hung >= hangs || p.superseded() {
			return
		}
		n := together(ops)
		if p.leaveOut(ops[:n]) {
			ops = ops[n:]
			continue
		}
		n = p.along(ops, n)
		batch := ops[:n]
		ops = ops[n:]
		for i, err := range p.some(ctx, batch) {
			if !p.note(ctx, batch[i], err) {
				return
			}
		}
	}
}

// leaveOut tells whether operations that belong together have to wait: for their
// service, for the successor of a server, or for their next try.
func (p *pass) leaveOut(ops []Op) bool {
	if p.failed[ops[0].Service.Key] && ops[0].ofService() || p.live.bares(ops) {
		return true
	}
	if p.again || len(p.r.refused) == 0 {
		return false
	}
	err := p.r.refused[ops[0].String()]
	if err != nil {
		p.fail(ops[0], err)
	}
	return err != nil
}

// note takes what came of one operation into the result, and tells whether to go
// on.
func (p *pass) note(ctx context.Context, op Op, err error) bool {
	switch {
	case err == nil:
		p.live.apply(op)
		p.r.weights.apply(op)
		p.result.Done = append(p.result.Done, op)
		if len(p.foreign) > 0 && p.foreign[op.String()] {
			p.result.Repairs++
		}
	case ctx.Err() != nil:
		return false
	case p.failed[op.Service.Key]:
		// Its service could not be added: that has been named.
	case errors.Is(err, ErrExists) && (op.Kind == AddService || op.Kind == AddServer),
		errors.Is(err, ErrNotFound) && (op.Kind == DelService || op.Kind == DelServer || op.Kind == StopSync):
		// Somebody else was faster. Whether the result is right, the next dump says.
	default:
		p.fail(op, err)
		if errors.Is(err, context.DeadlineExceeded) {
			p.hung++
		}
	}
	return true
}

// fail names an operation that failed, or that waits for its next try.
func (p *pass) fail(op Op, err error) {
	p.result.Errors = append(p.result.Errors, OpError{op, err})
	p.failed[op.Service.Key] = p.failed[op.Service.Key] || op.Kind == AddService
}

// blame notes the operations of now that would not have been needed on the table
// as the last pass left it: what calls for them was done by somebody else.
func (p *pass) blame(now, then []Op) {
	had := make(map[string]bool, len(then))
	for _, op := range then {
		had[op.String()] = true
	}
	for _, op := range now {
		if !had[op.String()] {
			p.foreign[op.String()] = true
		}
	}
}

// log reports a pass that did something: repairs and failures are for the
// operator, our own changes for who looks closely.
func (r *Reconciler) log(ctx context.Context, res Result) {
	log := r.cfg.Log
	if log.Enabled(ctx, slog.LevelDebug) { // there may be a hundred thousand
		for _, op := range res.Done {
			log.Debug("lvs: "+op.String(), "reason", op.Reason)
		}
	}
	if res.Repairs > 0 {
		log.Warn("lvs: foreign change put back", "operations", res.Repairs, "of", len(res.Done), "first", res.Done[0].String(), "reason", res.Done[0].Reason)
	} else if len(res.Done) > 0 {
		log.Info("lvs: table changed", "operations", len(res.Done), "first", res.Done[0].String(), "converged", res.Converged)
	}
	for _, e := range res.Errors {
		if r.refused[e.Op.String()] == e.Err {
			continue // said before, and not tried again
		}
		log.Error("lvs: operation failed, will be tried again", "operation", e.Op.String(), "error", e.Err)
	}
	if res.Err != nil {
		log.Error("lvs: pass failed, will be tried again", "error", res.Err)
	}
}
