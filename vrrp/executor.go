package vrrp

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// executor does what one group wants of the machine, in order and outside the
// loop. Its mailbox never grows: the newest wish replaces an older one, and
// rounds of announcements that pile up become one. Wishes come before rounds,
// which wait for their pace.
type executor struct {
	host   Host
	group  string
	pace   *pacer
	log    *slog.Logger
	report func(result)
	wake   chan struct{}
	mute   bool // announcing fails, and that was logged

	mu       sync.Mutex
	pending  bool
	working  bool // a Set is under way
	wish     Owned
	version  uint64
	rounds   []OwnedAddress
	finished bool
}

func newExecutor(e *Engine, el *elector, group string) *executor {
	return &executor{
		host: e.host, group: group, pace: &e.pace, log: e.log.With("group", group), wake: make(chan struct{}, 1),
		report: func(r result) { e.do(func() { e.settle(el, r) }) },
	}
}

// set asks for the addresses of o. What it does not have is not announced.
func (x *executor) set(o Owned, version uint64) {
	x.mu.Lock()
	if version != x.version {
		x.rounds = slices.DeleteFunc(x.rounds, func(a OwnedAddress) bool { return !slices.Contains(o.Addresses, a) })
	}
	x.pending, x.wish, x.version = true, o, version
	x.mu.Unlock()
	x.poke()
}

// announce asks for one round of the addresses of one router.
func (x *executor) announce(o Owned, router string) {
	x.mu.Lock()
	for _, a := range o.Addresses {
		if a.Router == router && !slices.Contains(x.rounds, a) {
			x.rounds = append(x.rounds, a)
		}
	}
	x.mu.Unlock()
	x.poke()
}

// hush drops the rounds that were not begun.
func (x *executor) hush() {
	x.mu.Lock()
	x.rounds = nil
	x.mu.Unlock()
}

// idle tells that the newest wish was brought to its end, and reported.
func (x *executor) idle() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.pending && !x.working
}

// waiting are the announcements that were not begun.
func (x *executor) waiting() []OwnedAddress {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.rounds)
}

// resume goes on after the executor of another engine.
func (x *executor) resume(version uint64, rounds []OwnedAddress) {
	x.mu.Lock()
	x.version, x.rounds = version, rounds
	x.mu.Unlock()
	x.poke()
}

// close ends run after what it is doing.
func (x *executor) close() {
	x.mu.Lock()
	x.finished = true
	x.mu.Unlock()
	x.poke()
}

func (x *executor) poke() {
	select {
	case x.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (x *executor) run(ctx context.Context) {
	trouble := ""
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		x.mu.Lock()
		pending, wish, version, finished := x.pending, x.wish, x.version, x.finished
		x.pending, x.working = false, pending
		x.mu.Unlock()
		if finished {
			return
		}
		if pending {
			trouble = x.hold(ctx, wish, version, trouble)
			x.mu.Lock()
			x.working = false
			x.mu.Unlock()
			continue
		}
		now, later := x.due(time.Now())
		if len(now) > 0 {
			x.speak(ctx, Owned{Group: x.group, Addresses: now})
			continue
		}
		var ready <-chan time.Time
		if later > 0 {
			timer.Reset(later)
			ready = timer.C
		}
		select {
		case <-ctx.Done():
		case <-x.wake:
		case <-ready:
		}
	}
}

// due takes what may be announced now, and tells when there is more; 0: there is
// none.
func (x *executor) due(at time.Time) (now []OwnedAddress, later time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	rest := x.rounds[:0]
	full := make(map[string]bool)
	for _, a := range x.rounds {
		if full[a.Interface] {
			rest = append(rest, a)
			continue
		}
		d := x.pace.wait(a.Interface, at)
		if d == 0 {
			now = append(now, a)
			continue
		}
		full[a.Interface] = true
		rest = append(rest, a)
		if later == 0 || d < later {
			later = d
		}
	}
	x.rounds = rest
	return now, later
}

// hold makes one Set and reports it. An error is logged when it is new, and so is
// its end.
func (x *executor) hold(ctx context.Context, wish Owned, version uint64, trouble string) string {
	added, err := x.host.Set(ctx, wish)
	now := ""
	if err != nil {
		now = err.Error()
	}
	if now != trouble && ctx.Err() == nil {
		if err != nil {
			x.log.Warn(wish.what()+" are not as wanted", "want", wish.count(), "error", err)
		} else {
			x.log.Info(wish.what()+" are as wanted again", "want", wish.count())
		}
	}
	x.report(result{version: version, added: added, err: err})
	return now
}

func (x *executor) speak(ctx context.Context, o Owned) {
	err := x.host.Announce(ctx, o)
	if err != nil && ctx.Err() == nil && !x.mute {
		x.log.Warn("addresses could not be announced", "error", err)
	}
	x.mute = err != nil // until some are again
}
