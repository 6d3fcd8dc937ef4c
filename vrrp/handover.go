package vrrp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrHandedOver is what [Engine.Run] returns after [Engine.HandOver]: another
// engine goes on, and everything is where it was.
var ErrHandedOver = errors.New("vrrp: another engine goes on")

const (
	// handOverLook is how often an engine that is to hand over looks whether it can.
	handOverLook = time.Millisecond
	// quietFor is how long nothing shall be due when it does, so that nothing is late
	// on the other side; half the shortest interval where that is less.
	quietFor = 50 * time.Millisecond
	// quietWait is how long it waits for such a moment: among hundreds of groups there
	// may be none.
	quietWait = 100 * time.Millisecond
)

// handing is a hand-over that was asked for.
type handing struct {
	ctx    context.Context
	take   func(EngineState) error
	result chan error
	asked  Instant
	look   Instant // when it is looked again
}

// HandOver gives the state of this engine to another one of the same machine. It
// stops the loop between two events, just after adverts were sent where it can, and
// calls take in it: nothing is sent or decided meanwhile, and what is received
// waits. Where take returns nil the other engine goes on: Run returns
// [ErrHandedOver], and addresses, routes and devices stay. Otherwise this one goes
// on as after a short stall. The error is take's, or says why there was no moment
// to hand over in until ctx ended; take is not called after HandOver has returned.
func (e *Engine) HandOver(ctx context.Context, take func(EngineState) error) error {
	h := &handing{ctx: ctx, take: take, result: make(chan error, 1)}
	e.do(func() {
		if e.handing != nil {
			h.result <- errors.New("vrrp: hand over: it is being done already")
			return
		}
		h.asked = e.now
		e.handing = h
	})
	select {
	case err := <-h.result:
		return err
	case <-e.done:
	}
	select {
	case err := <-h.result:
		return err
	default:
		return ErrStopped
	}
}

// handOver does what was asked for, where this is a moment for it, and tells
// whether another engine goes on.
func (e *Engine) handOver() bool {
	h := e.handing
	var err error
	switch why := e.unsettled(); {
	case e.stopping:
		err = ErrStopped
	case h.ctx.Err() != nil && why != "":
		err = fmt.Errorf("vrrp: hand over: %s: %w", why, h.ctx.Err())
	case h.ctx.Err() != nil:
		err = fmt.Errorf("vrrp: hand over: %w", h.ctx.Err())
	case why != "" || !e.quiet() && e.now.Sub(h.asked) < quietWait:
		h.look = e.now.Add(handOverLook)
		return false
	default:
		err = h.take(e.state())
	}
	e.handing = nil
	h.result <- err
	return err == nil
}

// unsettled says what is under way that only this engine can bring to its end;
// empty: nothing. The executors come first: what they have reported is in the
// queue before they rest.
func (e *Engine) unsettled() string {
	for name, el := range e.groups {
		if el.retired {
			return "group " + name + " is on its way out"
		}
		if !el.exec.idle() {
			return "the addresses of group " + name + " are being changed"
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) > 0 {
		return "it is busy"
	}
	return ""
}

// quiet tells whether nothing is due for a while.
func (e *Engine) quiet() bool {
	room := quietFor
	for _, el := range e.groups {
		room = min(room, el.group.shortest()/2)
	}
	return e.due().Sub(e.now) >= room
}
