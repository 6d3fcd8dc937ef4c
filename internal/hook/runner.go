package hook

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"failover/internal/program"
)

// Call is one program of a virtual router.
type Call struct {
	Router string
	Argv   []string // NAME OLD NEW PRIORITY REASON are appended
}

// Plan is the hooks of one group, in the order they run.
type Plan struct {
	Group  string
	User   string // who runs them
	Notify []Call
	// TakeOver are the steps that must succeed before a master is reported.
	TakeOver []Step
}

// Step is a program that must succeed.
type Step struct {
	Call
	Timeout time.Duration // of one attempt
	Retries int           // attempts after the first
}

// Store keeps what the hooks were told.
type Store interface {
	Load() (map[string]Told, error)
	Save(map[string]Told) error
}

// Config is what a [Runner] needs from its surroundings.
type Config struct {
	// Run runs one program; its context carries the deadline.
	Run   func(context.Context, program.Program) (line string, err error)
	Store Store
	// Changed is called, from any goroutine, when [Runner.Status] says something
	// else. It must not wait.
	Changed func()
	Log     *slog.Logger
}

// Runner runs the hooks of all groups. Its methods may be called from any
// goroutine.
type Runner struct {
	c       Config
	running sync.WaitGroup
	quit    chan struct{} // closed: finish what is waiting
	ctx     context.Context
	kill    context.CancelFunc

	mu      sync.Mutex
	told    map[string]Told
	version uint64 // of told
	groups  map[string]*group

	saving chan struct{} // who is in it saves; entered before mu is taken
	saved  uint64        // the version that the store has, or was offered
}

// New returns a runner that has no hooks yet. Close ends it.
func New(c Config) *Runner {
	r := &Runner{c: c, quit: make(chan struct{}), saving: make(chan struct{}, 1), groups: map[string]*group{}}
	r.ctx, r.kill = context.WithCancel(context.Background())
	var err error
	if r.told, err = c.Store.Load(); err != nil {
		c.Log.Warn("what the hooks were told last is not known; they will be told the current states", "error", err)
	}
	if r.told == nil {
		r.told = map[string]Told{}
	}
	return r
}

// Set makes plans the whole of the hooks; there is one for every group, with hooks
// or without. A program that is new hears of the next change. The hooks of a group
// that is gone are told when it has let go.
func (r *Runner) Set(plans []Plan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := map[string]bool{}
	for _, p := range plans {
		wanted[p.Group] = true
		g := r.groups[p.Group]
		if g == nil {
			g = newGroup(r, r.told[p.Group])
			r.groups[p.Group] = g
			r.running.Go(g.serve)
		}
		g.replan(p)
	}
	for name, g := range r.groups {
		g.retire(!wanted[name])
	}
}

// Hear tells of a change of a group. One that is not newer than the newest is
// ignored.
func (r *Runner) Hear(name string, c Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.groups[name]; g != nil {
		g.hear(c)
	}
}

// Status tells how the hooks of each group stand.
func (r *Runner) Status() map[string]Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]Status, len(r.groups))
	for name, g := range r.groups {
		all[name] = g.status()
	}
	return all
}

// Close lets what is running and waiting come to its end for at most patience,
// then kills it. It returns when nothing of the runner runs any more.
func (r *Runner) Close(patience time.Duration) {
	close(r.quit)
	defer time.AfterFunc(patience, r.kill).Stop()
	r.running.Wait()
	r.kill()
}

// remember keeps what a group was told, and returns when the store has it. Groups
// that have to wait for one another are saved together, and nobody else waits for
// the store.
func (r *Runner) remember(name string, t Told) {
	r.mu.Lock()
	r.told[name] = t
	r.version++
	mine := r.version
	r.mu.Unlock()
	r.saving <- struct{}{}
	defer func() { <-r.saving }()
	if r.saved >= mine {
		return
	}
	r.mu.Lock()
	now, told := r.version, maps.Clone(r.told)
	r.mu.Unlock()
	if err := r.c.Store.Save(told); err != nil {
		r.c.Log.Warn("a restart may tell the hooks again what they know", "error", err)
	}
	r.saved = now
}
