package hook

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"failover/internal/program"
)

// atOnce is how many programs of virtual servers run at the same time: servers may
// go down by the thousand.
const atOnce = 16

// ServerPlan is the hook of one virtual server.
type ServerPlan struct {
	Name string
	User string   // who runs it
	Argv []string // NAME OLD NEW WEIGHT REASON are appended
}

// ServerStore keeps what the hooks were told, by name of what they were told of.
type ServerStore interface {
	Load() (map[string]string, error)
	Save(map[string]string) error
}

// ServersConfig is what [Servers] need from their surroundings.
type ServersConfig struct {
	// Run runs one program; its context carries the deadline.
	Run   func(context.Context, program.Program) (line string, err error)
	Store ServerStore
	Log   *slog.Logger
}

// Servers runs the hooks of virtual servers, those of one in order and one at a
// time. Its methods may be called from any goroutine.
type Servers struct {
	c       ServersConfig
	ctx     context.Context
	kill    context.CancelFunc
	quit    chan struct{}
	slots   chan struct{}
	running sync.WaitGroup

	mu   sync.Mutex
	told map[string]string // by name, of all virtual servers
	all  map[string]*serverHook

	saving sync.Mutex // entered before mu
}

// serverHook is the hook of one virtual server. Its plan and changes are guarded by
// the mutex of Servers.
type serverHook struct {
	plan    ServerPlan
	changes changes
	run     Run // the newest
	of      string
	wake    chan struct{}
	retired chan struct{}
}

// NewServers returns a runner that has no hooks yet. Close ends it.
func NewServers(c ServersConfig) *Servers {
	s := &Servers{c: c, quit: make(chan struct{}), slots: make(chan struct{}, atOnce), all: map[string]*serverHook{}}
	s.ctx, s.kill = context.WithCancel(context.Background())
	var err error
	if s.told, err = c.Store.Load(); err != nil {
		c.Log.Warn("what the hooks of virtual servers were told last is not known; they will be told the current states", "error", err)
	}
	if s.told == nil {
		s.told = map[string]string{}
	}
	return s
}

// Set makes plans the whole of the hooks. One that is new is told how everything
// stands that it has not been told of before.
func (s *Servers) Set(plans []ServerPlan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[string]bool{}
	for _, p := range plans {
		wanted[p.Name] = true
		if h := s.all[p.Name]; h != nil {
			h.plan = p
			continue
		}
		h := &serverHook{plan: p, changes: newChanges(ofServer(s.told, p.Name)), wake: make(chan struct{}, 1), retired: make(chan struct{})}
		s.all[p.Name] = h
		s.running.Go(func() { s.serve(h) })
	}
	for name, h := range s.all {
		if !wanted[name] {
			close(h.retired)
			delete(s.all, name)
		}
	}
}

// Hear tells how a virtual server and its real servers stand, all of them.
func (s *Servers) Hear(name string, now []Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.all[name]
	if h == nil || !h.changes.hear(now) {
		return
	}
	select {
	case h.wake <- struct{}{}:
	default: // it has been called already
	}
}

// serve tells until there is nothing left to tell and the hook is gone, or the
// runner is closed.
func (s *Servers) serve(h *serverHook) {
	for open := true; open; {
		select {
		case <-s.quit:
			open = false
		case <-h.retired:
			open = false
		case <-h.wake:
		}
		for s.tell(h) {
		}
	}
}

// tell carries out one change; false when there is none.
func (s *Servers) tell(h *serverHook) bool {
	s.mu.Lock()
	now, old, ok := h.changes.take()
	plan := h.plan
	s.mu.Unlock()
	if !ok {
		return false
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-s.ctx.Done():
		return false
	}
	run := Run{At: time.Now(), Running: true}
	s.ran(h, now, run)
	ctx, stop := context.WithTimeout(s.ctx, NotifyTimeout)
	defer stop()
	argv := append(slices.Clip(plan.Argv), now.Name, old, now.State, strconv.Itoa(now.Weight), now.Reason)
	detail, err := runProgram(ctx, s.c.Run, plan.User, argv, NotifyTimeout)
	if s.ctx.Err() != nil {
		return false // it may have been killed: whoever comes after us tells again
	}
	run.Running, run.OK, run.Detail = false, err == nil, detail
	log := s.c.Log.Info
	if err != nil {
		log = s.c.Log.Warn
	}
	log("notified", "of", now.Name, "from", old, "to", now.State, "program", plan.Argv[0],
		"result", detail, "took", time.Since(run.At).Round(time.Millisecond))
	s.mu.Lock()
	h.changes.done(now)
	for name := range ofServer(s.told, plan.Name) {
		delete(s.told, name)
	}
	maps.Copy(s.told, h.changes.told)
	s.mu.Unlock()
	s.ran(h, now, run)
	s.save()
	return true
}

func (s *Servers) ran(h *serverHook, of Standing, run Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.run, h.of = run, of.Name+" "+of.State
}

// save keeps what was told. Those who wait for one another save the same twice,
// which is harmless.
func (s *Servers) save() {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	told := maps.Clone(s.told)
	s.mu.Unlock()
	if err := s.c.Store.Save(told); err != nil {
		s.c.Log.Warn("a restart may tell the hooks of virtual servers again what they know", "error", err)
	}
}

// ofServer are the entries of one virtual server and its real servers.
func ofServer(told map[string]string, server string) map[string]string {
	own := map[string]string{}
	for name, state := range told {
		if name == server || len(name) > len(server) && name[:len(server)+1] == server+"/" {
			own[name] = state
		}
	}
	return own
}

// ServerStatus is what became of the hook of a virtual server.
type ServerStatus struct {
	Of      string // the newest change that it was told: "web/web1 down"
	Run     Run
	Dropped uint64 // states that were over before it had time for them
}

// Status tells what became of the hooks, by virtual server.
func (s *Servers) Status() map[string]ServerStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]ServerStatus, len(s.all))
	for name, h := range s.all {
		all[name] = ServerStatus{Of: h.of, Run: h.run, Dropped: h.changes.dropped}
	}
	return all
}

// Close lets what is running and waiting come to its end for at most patience,
// then kills it.
func (s *Servers) Close(patience time.Duration) {
	close(s.quit)
	defer time.AfterFunc(patience, s.kill).Stop()
	s.running.Wait()
	s.kill()
}
