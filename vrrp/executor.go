package vrrp

import (
	"context"
	"log/slog"
	"slices"
	"sync"
)

// executor does what one group wants of the machine, in order and outside the
// loop. Its mailbox never grows: the newest wish replaces an older one, and
// rounds of announcements that pile up become one.
type executor struct {
	host   Host
	log    *slog.Logger
	report func(result)
	wake   chan struct{}

	mu       sync.Mutex
	pending  bool
	wish     Owned
	version  uint64
	rounds   []OwnedAddress
	finished bool
}

func newExecutor(e *Engine, el *elector, group string) *executor {
	return &executor{
		host: e.host, log: e.log.With("group", group), wake: make(chan struct{}, 1),
		report: func(r result) { e.do(func() { e.settle(el, r) }) },
	}
}

// set asks for the addresses of o.
func (x *executor) set(o Owned, version uint64) {
	x.mu.Lock()
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
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.wake:
		}
		for {
			x.mu.Lock()
			pending, wish, version, rounds, finished := x.pending, x.wish, x.version, x.rounds, x.finished
			x.pending, x.rounds = false, nil
			x.mu.Unlock()
			if finished {
				return
			}
			if !pending && len(rounds) == 0 {
				break
			}
			if pending {
				trouble = x.hold(ctx, wish, version, trouble)
			}
			if len(rounds) > 0 {
				x.speak(ctx, Owned{Group: wish.Group, Addresses: rounds})
			}
		}
	}
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
	if err := x.host.Announce(ctx, o); err != nil && ctx.Err() == nil {
		x.log.Warn("addresses could not be announced", "error", err)
	}
}
