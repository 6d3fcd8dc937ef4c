package check

import (
	"context"
	"log/slog"
	"sync"
)

// Work is what is to be checked of one real server.
type Work struct {
	// Specs must all pass. None: the server is up.
	Specs []Spec
	// Adopted says that the kernel's table had the server at work when we came: it
	// is up until Fall failures. It counts only when the server is new to the pool.
	Adopted bool
	// Before is what the pool of the process before this one knew of the server; it
	// counts likewise, and before Adopted. nil: nothing is known.
	Before *Standing
}

// Config is what a [Pool] needs from its surroundings.
type Config struct {
	// Probe asks once. It ends when the context does, which carries the total
	// deadline, Spec.Timeout. A panic in it is a failed result.
	Probe func(context.Context, Spec) Result
	// Report takes verdicts, several at once, newest only: where it is slow, an
	// older verdict on the same server is replaced by the newer one. One call at a
	// time; probes never wait for it. It must not call Close.
	Report func([]Verdict)
	// Log gets what is wrong with the program itself, never a probe's result.
	Log *slog.Logger
	// InFlight is the largest number of network probes at the same time; what is
	// due beyond it waits in order. 0: 2048.
	InFlight int
	// ExecInFlight is the same for programs. 0: 64.
	ExecInFlight int
}

// The limits when [Config] names none. The first keeps 10 000 checks from
// starting in one instant, and is twice what 10 000 checks every ten seconds
// need when every single one runs into a timeout of a second.
const (
	defaultInFlight     = 2048
	defaultExecInFlight = 64
)

// Pool runs the checks of all real servers. Equal specs are probed once,
// whichever servers they stand for.
type Pool struct {
	sets chan setting
	rush chan func(Spec) bool
	asks chan chan map[ID]Standing
	quit chan struct{}
	once sync.Once
	gone chan struct{} // closed when everything has ended
}

// setting is a whole set of work on its way to the loop.
type setting struct {
	work    map[ID]Work
	applied chan struct{}
}

// NewPool starts a pool that checks nothing yet. Close ends it.
func NewPool(c Config) *Pool {
	if c.InFlight <= 0 {
		c.InFlight = defaultInFlight
	}
	if c.ExecInFlight <= 0 {
		c.ExecInFlight = defaultExecInFlight
	}
	p := &Pool{
		sets: make(chan setting),
		rush: make(chan func(Spec) bool),
		asks: make(chan chan map[ID]Standing),
		quit: make(chan struct{}),
		gone: make(chan struct{}),
	}
	box := newMailbox()
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		box.deliver(c.Report)
	}()
	go func() {
		defer close(p.gone)
		newLoop(c, box).run(p)
		box.close()
		<-delivered
	}()
	return p
}

// Set makes work the whole of what is checked. A server whose spec is equal to
// before keeps its tally and its timing; a server that is not in work is
// forgotten; one whose specs changed keeps its standing until the first result
// of the new check. Every server that is new is reported once at its start,
// unknown or, when adopted, up, or as it stood before. Set returns when this is done, without waiting
// for a probe. After Close it does nothing.
func (p *Pool) Set(work map[ID]Work) {
	s := setting{work: work, applied: make(chan struct{})}
	select {
	case p.sets <- s:
		<-s.applied
	case <-p.gone:
	}
}

// Hurry makes the checks that which chooses due now, because something happened
// to what they look at. One whose probe is running is asked again when it ends.
// After Close it does nothing.
func (p *Pool) Hurry(which func(Spec) bool) {
	select {
	case p.rush <- which:
	case <-p.gone:
	}
}

// Close ends every probe and returns when nothing of the pool runs any more;
// there is no report after it.
func (p *Pool) Close() {
	p.once.Do(func() { close(p.quit) })
	<-p.gone
}
