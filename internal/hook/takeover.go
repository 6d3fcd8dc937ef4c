package hook

import (
	"context"
	"fmt"
	"time"

	"failover/internal/pause"
	"failover/vrrp"
)

// takeOver runs the steps of a new master, one after the other, until all have
// succeeded. false: the mastership was over before, or one has failed for good;
// then nobody is told.
func (g *group) takeOver(plan Plan, c Change, old vrrp.State) bool {
	if len(plan.TakeOver) == 0 {
		return true
	}
	ctx, cancel := context.WithCancel(g.r.ctx)
	defer cancel()
	if !g.begin(c, cancel) {
		return false
	}
	done := true
	for _, step := range plan.TakeOver {
		if done = g.attempts(ctx, plan, step, c, old); !done {
			break
		}
	}
	g.end(ctx, c, done)
	g.r.c.Changed()
	return done
}

// begin takes note that steps run, which cancel ends; false: there is something
// newer to do.
func (g *group) begin(c Change, cancel context.CancelFunc) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.queue.newest.At != c.At {
		g.queue.abandon()
	}
	if g.queue.waiting {
		return false
	}
	// One that failed is failing until it succeeds: the mastership shall not come
	// back in between.
	if g.step != StepFailed {
		g.step = StepRunning
	}
	g.cancel, g.since = cancel, time.Now()
	return true
}

// end takes note of what became of the steps for c.
func (g *group) end(ctx context.Context, c Change, done bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cancel = nil
	switch {
	case done:
		g.step = StepDone
	case ctx.Err() == nil:
		g.step, g.owed = StepFailed, true
	default:
		if g.step == StepRunning {
			g.step = StepNone
		}
		if g.queue.newest.At != c.At {
			g.queue.abandon() // else a new plan has it done again
		}
	}
}

// attempts runs one step until it succeeds, its retries are used up, or ctx ends.
func (g *group) attempts(ctx context.Context, plan Plan, step Step, c Change, old vrrp.State) bool {
	for n := 1; n <= step.Retries+1; n++ {
		if n > 1 && pause.For(ctx, retryPause) != nil {
			return false
		}
		g.mu.Lock()
		g.attempt = n
		g.mu.Unlock()
		g.r.c.Changed()
		limited, stop := context.WithTimeout(ctx, step.Timeout)
		detail, err := g.run(limited, plan.User, step.Call, c, old, step.Timeout)
		stop()
		if ctx.Err() != nil {
			return false
		}
		g.mu.Lock()
		g.detail = fmt.Sprintf("%s: %s", step.Argv[0], detail)
		g.mu.Unlock()
		if err == nil {
			g.r.c.Log.Info("take-over step done", "virtual_router", step.Router, "program", step.Argv[0], "attempt", n)
			return true
		}
		g.r.c.Log.Warn("take-over step failed", "virtual_router", step.Router, "program", step.Argv[0], "result", detail,
			"attempt", n, "of", step.Retries+1)
	}
	return false
}
