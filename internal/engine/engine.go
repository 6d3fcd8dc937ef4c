// Package engine is the main process: VRRP sockets, the election, the addresses
// and their announcements, and nothing else. It starts the director and keeps it
// running; when the director dies, table and roles stay.
//
// The process is small on purpose. Configuration, checks and everything that
// allocates live in the director, so that nothing there can make an advert late.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"failover/internal/ipc"
	"failover/internal/state"
	"failover/vrrp"
	"failover/vrrp/linux"
)

// Options are what an engine needs from its surroundings.
type Options struct {
	RuntimeDir string
	Realtime   bool     // this process's threads have their policy already
	Warnings   []string // of the first stage, to be logged
	Log        *slog.Logger
	// Director makes the command of the director process; the line is descriptor 3.
	Director func() *exec.Cmd
	// Self makes the command of another process like this one, of the program that is
	// installed now; for a restart in place.
	Self func() *exec.Cmd
	// Holder is the line to an engine that runs, in whose place this one is to go on;
	// nil: there is none.
	Holder  *ipc.HeirEnd
	Version string // of the program
}

// process is one running engine.
type process struct {
	o        Options
	log      *slog.Logger
	runtime  *Runtime
	page     *state.Page // nil where there can be none
	host     *linux.Host
	gate     *gate
	engine   *vrrp.Engine
	director *supervisor
	orders   <-chan os.Signal
	records  map[string]vrrp.Record // what the process before this one left
	heir     *heir                  // nil: this engine began by itself
	failing  chan struct{}          // closed by fail
	restarts chan struct{}          // a restart in place is asked for
	bequest  chan ipc.ToEngine      // what the director leaves

	mu     sync.Mutex
	resume bool  // the service was up before this process
	failed error // why there is nothing to be elected
	// A restart in place, and what was ordered meanwhile.
	restarting  bool
	stopAsked   bool
	reloadLater bool
	successor   *successor // that goes on
	restarted   ipc.Restarted
	configured  ipc.Configure
	health      map[string]vrrp.Health // as the director last said
	orphaned    bool                   // and the engine was told something lower
	rewatch     chan []string          // the interfaces to watch, newest
}

// Run is the engine process. It returns nil after a hand-over asked for by
// SIGTERM or SIGINT, and a [RefusedError] when a first start cannot succeed.
func Run(ctx context.Context, o Options) error {
	// From here on a signal is an order, not a death: the addresses of a process
	// before this one may be up.
	orders := make(chan os.Signal, 4)
	signal.Notify(orders, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(orders)

	if err := linux.Permitted(); err != nil {
		return err
	}
	rt, err := enterRuntime(o)
	if err != nil {
		return err
	}
	defer rt.Release()
	p, err := open(o, rt)
	if err != nil {
		return err
	}
	p.orders = orders
	defer p.close()
	return p.run(ctx)
}

// enterRuntime takes the runtime directory, or, where another engine has it, looks
// into it.
func enterRuntime(o Options) (*Runtime, error) {
	if o.Holder != nil {
		return attend(o.RuntimeDir)
	}
	rt, err := Claim(o.RuntimeDir)
	if err != nil {
		return nil, err
	}
	// A stop that was cut short ends here: whoever starts us wants us to run.
	if err := rt.ClearStop(); err != nil {
		rt.Release()
		return nil, err
	}
	return rt, nil
}

// open gets everything ready; nothing has been changed yet.
func open(o Options, rt *Runtime) (*process, error) {
	p := &process{
		o: o, log: o.Log, runtime: rt, rewatch: make(chan []string, 1), failing: make(chan struct{}),
		restarts: make(chan struct{}, 1), bequest: make(chan ipc.ToEngine, 1),
	}
	if o.Holder != nil {
		p.heir = &heir{line: o.Holder, prepared: make(chan struct{}, 1), adopted: make(chan struct{})}
	} else {
		p.openPage()
	}
	var err error
	if p.host, err = linux.NewHost(o.Log, rt.Stores()); err != nil {
		return nil, err
	}
	return p, nil
}

// openPage opens the page of roles. Without it, on a file system that is full for
// one, the service goes on; only its successor will have to wait.
func (p *process) openPage() {
	page, err := p.runtime.Page()
	if errors.Is(err, state.ErrCorrupt) {
		p.log.Warn("the roles of the process before are not known", "error", err)
		page, err = p.runtime.Page()
	}
	if err != nil {
		p.log.Warn("a restart will not be able to adopt", "error", err)
		return
	}
	p.page, p.records = page, page.Load()
}

func (p *process) close() {
	err := p.host.Close()
	if p.page != nil {
		err = errors.Join(err, p.page.Close())
	}
	if p.successor != nil {
		err = errors.Join(err, p.successor.line.Close()) // now it is alone
	}
	if err != nil {
		p.log.Debug("close the engine", "error", err)
	}
}

func (p *process) run(ctx context.Context) error {
	conn, err := linux.Listen()
	if err != nil {
		return err
	}
	p.gate = newGate(p.host, func(group string) { p.director.send(ipc.ToDirector{Prepare: group}) })
	p.engine = vrrp.NewEngine(vrrp.EngineConfig{Conn: conn, Host: p.gate, Recorder: p, Log: p.log, OnTransition: p.transition})
	p.director = &supervisor{
		log: p.log, realtime: p.o.Realtime, command: p.o.Director,
		hello: p.hello, receive: p.receive, turned: p.weigh,
	}
	for _, w := range p.o.Warnings {
		p.log.Warn(w)
	}
	if p.o.Realtime {
		if err := linux.LockMemory(); err != nil {
			p.log.Warn("memory not locked", "error", err)
		}
	}
	if p.heir == nil {
		p.goOn()
	}

	err = p.elect(ctx)
	switch failure := p.failure(); {
	case failure != nil:
		err = failure
	case errors.Is(err, vrrp.ErrHandedOver):
		err = nil // everything is another process's now
	case err == nil:
		err = p.runtime.Stopped()
	}
	return errors.Join(err, conn.Shutdown())
}

// Record implements [vrrp.Recorder].
func (p *process) Record(group string, r vrrp.Record) {
	if p.page != nil {
		p.page.Record(group, r)
	}
}

// fail ends the process: there is nothing to be elected, and err says why.
func (p *process) fail(err error) {
	p.mu.Lock()
	if p.failed == nil {
		p.failed = err
		close(p.failing)
	}
	p.mu.Unlock()
	p.engine.Stop()
}

func (p *process) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// elect runs the election with all that goes on beside it, and returns when
// nothing of that is left.
func (p *process) elect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	beside.Go(func() { p.watch(ctx) })
	beside.Go(func() { p.obey(ctx) })
	if p.heir != nil {
		beside.Go(func() { p.succeed(ctx) })
	}
	left := make(chan struct{})
	beside.Go(func() {
		defer close(left)
		if err := p.director.run(ctx); err != nil {
			p.fail(err)
		}
	})
	err := p.engine.Run(ctx)
	if errors.Is(err, vrrp.ErrHandedOver) {
		p.depart(left)
	}
	if err != nil {
		return err
	}
	p.awaitDirector(left)
	return nil
}

// askRestart begins a restart in place, one at a time.
func (p *process) askRestart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.restarting {
		p.restarting = true
		p.restarts <- struct{}{}
	}
}

// obey turns SIGTERM and SIGINT into a hand-over and SIGHUP into a reload. A
// second SIGTERM changes nothing: the hand-over is bounded.
func (p *process) obey(ctx context.Context) {
	if p.heir != nil {
		select { // until then they are the engine's that runs, and it passes them on
		case <-ctx.Done():
			return
		case <-p.heir.adopted:
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.restarts:
			go p.restart(ctx) // its end is the loop's, or nothing
		case s := <-p.orders:
			p.mu.Lock()
			later := s == syscall.SIGHUP && p.restarting
			p.reloadLater = p.reloadLater || later
			p.stopAsked = p.stopAsked || s != syscall.SIGHUP
			p.mu.Unlock()
			if later {
				continue
			}
			if s == syscall.SIGHUP {
				p.director.send(ipc.ToDirector{Reload: true})
				continue
			}
			p.log.Info("handing over and stopping", "signal", s.String())
			if err := p.runtime.MarkStop(); err != nil {
				p.log.Warn("mark the stop", "error", err)
			}
			p.engine.Stop()
			p.notify(stopping)
		}
	}
}

// notify tells the service manager, where there is one.
func (p *process) notify(state string) {
	if err := tellManager(state); err != nil {
		p.log.Debug("notify the service manager", "error", err)
	}
}
