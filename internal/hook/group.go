package hook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"time"

	"failover/internal/program"
	"failover/vrrp"
)

const (
	// NotifyTimeout is how long a notification may take.
	NotifyTimeout = 10 * time.Second
	// retryPause is between two attempts of a step.
	retryPause = time.Second
	// againAfter is when a step that has failed is tried once more, from its first
	// attempt, while the group is still master.
	againAfter = 30 * time.Second
)

// group is the hooks of one group. One goroutine runs them.
type group struct {
	r    *Runner
	wake chan struct{}

	mu      sync.Mutex
	queue   queue
	plan    Plan
	retired bool
	owed    bool               // the newest change is a mastership whose step has failed
	cancel  context.CancelFunc // of the step that is running; nil: none is
	step    StepState
	attempt int
	detail  string // of the newest attempt
	since   time.Time
	runs    map[string]Run
}

func newGroup(r *Runner, t Told) *group {
	return &group{r: r, wake: make(chan struct{}, 1), queue: newQueue(t), runs: map[string]Run{}}
}

func (g *group) poke() {
	select {
	case g.wake <- struct{}{}:
	default: // it has been called already
	}
}

// replan takes a plan over; another step starts afresh.
func (g *group) replan(p Plan) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !reflect.DeepEqual(p.TakeOver, g.plan.TakeOver) {
		if g.cancel != nil {
			g.cancel()
		}
		if g.owed || g.cancel != nil {
			g.queue.again()
		}
		g.owed, g.step, g.attempt, g.detail = false, StepNone, 0, ""
		g.poke()
	}
	g.plan = p
}

func (g *group) retire(gone bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.retired = gone
	g.poke()
}

func (g *group) hear(c Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.queue.hear(c) {
		return
	}
	if g.cancel != nil {
		g.cancel() // a mastership that is over needs no step
	}
	if g.owed {
		g.owed = false
		g.queue.abandon()
	}
	g.poke()
}

// serve runs the hooks until the runner is closed, or the group is gone and its
// hooks know.
func (g *group) serve() {
	again := time.NewTimer(againAfter)
	defer again.Stop()
	for open := true; open; {
		select {
		case <-g.r.quit:
			open = false
		case <-again.C:
			g.repeat()
		case <-g.wake:
		}
		for g.tell() {
		}
		again.Reset(againAfter)
		if g.gone() {
			return
		}
	}
}

// repeat takes a step that has failed up again.
func (g *group) repeat() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.owed {
		g.owed = false
		g.queue.again()
	}
}

// gone takes a retired group that has nothing left to tell out of the runner.
func (g *group) gone() bool {
	g.r.mu.Lock()
	defer g.r.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.retired || g.queue.waiting || g.queue.told.State != vrrp.Init {
		return false
	}
	if g.r.groups[g.plan.Group] == g {
		delete(g.r.groups, g.plan.Group)
	}
	return true
}

// tell carries out one change; false when there is none.
func (g *group) tell() bool {
	g.mu.Lock()
	c, ok := g.queue.take()
	plan, old, known := g.plan, g.queue.told.State, g.queue.knows(c)
	g.mu.Unlock()
	if !ok {
		return false
	}
	if !known {
		if c.To == vrrp.Master && !g.takeOver(plan, c, old) {
			return true
		}
		for _, call := range plan.Notify {
			g.notify(plan, call, c, old)
		}
		if g.r.ctx.Err() != nil {
			return false // it may have been killed: whoever comes after us tells again
		}
	}
	g.mu.Lock()
	g.queue.done(c)
	told := g.queue.told
	g.mu.Unlock()
	g.r.remember(plan.Group, told)
	g.r.c.Changed()
	return true
}

func (g *group) notify(plan Plan, call Call, c Change, old vrrp.State) {
	run := Run{State: c.To, At: time.Now(), Running: true}
	g.ran(call.Router, run)
	ctx, stop := context.WithTimeout(g.r.ctx, NotifyTimeout)
	defer stop()
	detail, err := g.run(ctx, plan.User, call, c, old, NotifyTimeout)
	run.Running, run.OK, run.Detail = false, err == nil, detail
	g.ran(call.Router, run)
	log := g.r.c.Log.Info
	if err != nil {
		log = g.r.c.Log.Warn
	}
	log("notified", "virtual_router", call.Router, "from", string(old), "to", string(c.To), "program", call.Argv[0],
		"result", detail, "took", time.Since(run.At).Round(time.Millisecond))
}

func (g *group) ran(router string, run Run) {
	g.mu.Lock()
	g.runs[router] = run
	g.mu.Unlock()
	g.r.c.Changed()
}

// run runs one program and says in a line how it ended.
func (g *group) run(ctx context.Context, user string, call Call, c Change, old vrrp.State, limit time.Duration) (string, error) {
	argv := append(call.Argv[:len(call.Argv):len(call.Argv)],
		call.Router, string(old), string(c.To), fmt.Sprint(c.Priority), c.Reason)
	return runProgram(ctx, g.r.c.Run, user, argv, limit)
}

// runProgram runs one program and says in a line how it ended; limit is the time
// that ctx gives it.
func runProgram(ctx context.Context, run func(context.Context, program.Program) (string, error), user string, argv []string, limit time.Duration) (string, error) {
	line, err := run(ctx, program.Program{Argv: argv, User: user, Env: program.Environ(user)})
	said := ""
	if line != "" {
		said = ": " + line
	}
	switch {
	case err == nil:
		return "exit status 0" + said, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("timeout after %s", limit)
	case ctx.Err() != nil:
		err = errors.New("cancelled")
	}
	return err.Error() + said, err
}

func (g *group) status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := &g.queue
	s := Status{
		Told: q.told.State, Dropped: q.dropped, Step: g.step, Attempt: g.attempt, Detail: g.detail, Since: g.since,
		Runs: maps.Clone(g.runs),
	}
	if len(g.plan.TakeOver) > 0 && q.newest.To == vrrp.Master && !q.knows(q.newest) {
		s.Held = q.waiting || g.step == StepRunning || g.step == StepFailed
	}
	return s
}
