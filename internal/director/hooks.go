package director

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/hook"
	"failover/vrrp"
)

// hookPatience is how long the hooks may go on once the engine has gone. The
// engine waits for the director a little longer.
const hookPatience = 1500 * time.Millisecond

// catchUpPause is how long the engine has to tell the states that a director of
// before may have missed, until it is asked again.
const catchUpPause = time.Second

// closeHooks lets the hooks come to their end, all within their patience.
func (d *Director) closeHooks() {
	var both sync.WaitGroup
	both.Go(func() { d.hooks.Close(hookPatience) })
	both.Go(func() { d.serverHooks.Close(hookPatience) })
	both.Wait()
}

// plans are the hooks of every group, in the order of the file; a group without
// any has an empty plan.
func plans(node conf.Node) []hook.Plan {
	list := make([]hook.Plan, len(node.Groups))
	for i, g := range node.Groups {
		list[i] = hook.Plan{Group: g.Name, User: node.Daemon.ScriptUser}
		for _, h := range node.Hooks {
			if h.Group != g.Name {
				continue
			}
			if len(h.Notify) > 0 {
				list[i].Notify = append(list[i].Notify, hook.Call{Router: h.Router, Argv: h.Notify})
			}
			if t := h.TakeOver; t != nil {
				list[i].TakeOver = append(list[i].TakeOver, hook.Step{
					Call: hook.Call{Router: h.Router, Argv: t.Argv}, Timeout: t.Timeout, Retries: t.Retries,
				})
			}
		}
	}
	return list
}

// tellHooks passes a change of a group on.
func (d *Director) tellHooks(t vrrp.Transition) {
	d.hooks.Hear(t.Group, hook.Change{
		At: t.At, To: t.To, Priority: t.Priority, Reason: CauseText(t.Group, t.Cause), Adopted: t.Cause.Kind == vrrp.CauseAdopted,
	})
}

// lastWords passes on what the engine said just before it went.
func (d *Director) lastWords(b batch) {
	for _, m := range b.engine {
		if m.Transition != nil {
			d.tellHooks(*m.Transition)
		}
	}
}

// catchUp tells the hooks, and the loop, how the groups stand now: what happened
// while there was no director was told to nobody.
func (d *Director) catchUp(ctx context.Context) {
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, catchUpPause)
		s := d.engine.ask(asking)
		if s == nil {
			<-asking.Done() // the line may have refused at once
			cancel()
			continue
		}
		cancel()
		for _, r := range s.Routers {
			t := vrrp.Transition{At: r.Since, Group: r.Group, To: r.State, Priority: r.EffectivePriority, Cause: r.Cause}
			d.tellHooks(t)
			d.box.role(t)
		}
		return
	}
}

// failedSteps are the groups whose take-over step has failed, and how.
func failedSteps(all map[string]hook.Status) map[string]string {
	failed := map[string]string{}
	for name, s := range all {
		if s.Step == hook.StepFailed {
			failed[name] = s.Detail
		}
	}
	return failed
}

// hookStatus puts into a router's status what its group's hooks are about. Until
// the take-over step has succeeded the router is not reported as master.
func hookStatus(f facts, g vrrp.GroupConfig, v *api.VirtualRouter) {
	s, ok := f.hooks[g.Name]
	if !ok {
		return
	}
	for _, h := range f.world.Node.Hooks {
		if h.Router != v.Name {
			continue
		}
		if len(h.Notify) > 0 {
			run := s.Runs[h.Router]
			v.Notify = &api.Notify{
				Told: cmp.Or(string(run.State), string(s.Told)), Running: run.Running, OK: run.OK, Detail: run.Detail, Dropped: s.Dropped,
				At: run.At.UTC().Truncate(time.Millisecond),
			}
		}
		if h.TakeOver != nil {
			v.TakeOver = &api.TakeOver{
				State: string(s.Step), Attempt: s.Attempt, Detail: s.Detail, Since: s.Since.UTC().Truncate(time.Millisecond),
			}
		}
	}
	if s.Held && v.State == string(vrrp.Master) {
		v.State, v.TakingOver = cmp.Or(string(s.Told), string(vrrp.Init)), true
		v.Cause = "taking over: " + v.Cause
	}
}

// hookProblems names the steps and notifications that failed. A step is of the
// whole group.
func hookProblems(f facts) []string {
	var ps []string
	for _, g := range f.world.Node.Groups {
		s := f.hooks[g.Name]
		if s.Step == hook.StepFailed {
			ps = append(ps, fmt.Sprintf("%s: take-over step failed: %s", g.Name, s.Detail))
		}
		for _, h := range f.world.Node.Hooks {
			if run, ran := s.Runs[h.Router]; h.Group == g.Name && ran && !run.OK && !run.Running && len(h.Notify) > 0 {
				ps = append(ps, fmt.Sprintf("%s: notify %s %s: %s", h.Router, h.Notify[0], run.State, run.Detail))
			}
		}
	}
	return ps
}
