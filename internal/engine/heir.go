package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"failover/internal/ipc"
	"failover/internal/pause"
	"failover/internal/state"
	"failover/vrrp"
	"failover/vrrp/linux"
)

// heirEnv tells an engine that another one runs, in whose place it is to go on.
const heirEnv = "FAILOVER_ENGINE_HEIR"

// heirDescriptor is where it finds the line to that one.
const heirDescriptor = 3

const (
	// farewell is how long the engine of before may take to leave, with its director,
	// once this one goes on.
	farewell = 5 * time.Second
	// expectLook is how often it is looked whether every port is open.
	expectLook = 5 * time.Millisecond
)

// IsHeir tells whether this process was started by an engine that runs, to go on in
// its place.
func IsHeir() bool { return os.Getenv(heirEnv) != "" }

// HeirLine is the line to the engine that runs. The sign that there is one is hidden
// from children; it is opened once.
func HeirLine() (*ipc.HeirEnd, error) {
	_ = os.Unsetenv(heirEnv) // fails for an invalid name only
	return ipc.OpenHeir(heirDescriptor)
}

// heir is what an engine has that is to go on in another one's place.
type heir struct {
	line     *ipc.HeirEnd
	prepared chan struct{} // of capacity 1: the director has read the file
	adopted  chan struct{} // closed when this engine goes on
}

// waiting tells that this engine does nothing yet.
func (p *process) waiting() bool {
	if p.heir == nil {
		return false
	}
	select {
	case <-p.heir.adopted:
		return false
	default:
		return true
	}
}

// succeed goes on in the place of the engine that runs, or tells it why not.
func (p *process) succeed(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { p.heir.line.Close() })
	defer stop()
	defer p.heir.line.Close()
	err := p.prepare(ctx)
	if err == nil {
		err = p.heir.line.Send(ipc.ToHolder{Ready: &ipc.HeirReady{Version: p.o.Version}})
	}
	var left ipc.ToHeir
	if err == nil {
		left, err = p.inherit(ctx)
	}
	if err != nil {
		_ = p.heir.line.Send(ipc.ToHolder{Refuse: refusal(err)}) // it may have gone
		p.fail(err)
		return
	}
	p.awaitHolder(ctx)
	p.director.begin(left.Legacy.Bequest, left.Files)
}

// RefuseHolder tells the engine that runs, before there is an engine here, why there
// will be none.
func RefuseHolder(r ipc.Refuse) error {
	line, err := HeirLine()
	if err != nil {
		return err
	}
	return errors.Join(line.Send(ipc.ToHolder{Refuse: &r}), line.Close())
}

// refusal is the word for the engine that runs.
func refusal(err error) *ipc.Refuse {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return &refused.Refuse
	}
	return &ipc.Refuse{ExitCode: 1, Reason: err.Error()}
}

// prepare waits until everything is ready that can be without touching anything: the
// director has read the file, and the ports are open. They are opened beside those of
// the engine that runs: what comes after its last look is waiting here.
func (p *process) prepare(ctx context.Context) error {
	c, origin, err := p.runtime.Configuration().Load()
	if err == nil && origin == state.ThisBoot {
		p.engine.Expect(c.Groups)
		p.watchInterfaces(c.Groups)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.failing:
		return p.failure()
	case <-p.heir.prepared:
	}
	for {
		missing, err := p.engine.Expecting(ctx)
		if err != nil || missing == "" {
			return err
		}
		if err := pause.For(ctx, expectLook); err != nil {
			return fmt.Errorf("listen on %s: %w", missing, err)
		}
	}
}

// inherit takes what the engine that runs leaves, and goes on from there.
func (p *process) inherit(ctx context.Context) (ipc.ToHeir, error) {
	left, err := p.heir.line.Recv()
	if err != nil {
		return left, fmt.Errorf("what the engine of before leaves: %w", err)
	}
	if left.Legacy == nil || len(left.Files) == 0 {
		return left, errors.New("the engine of before has left neither configuration nor lock")
	}
	lock := left.Files[0]
	left.Files = left.Files[1:]
	last, err := p.heir.line.Recv()
	if err != nil {
		return left, fmt.Errorf("the state of the engine of before: %w", err)
	}
	if last.State == nil {
		return left, errors.New("the engine of before has left no state")
	}
	if err := p.host.Reread(); err != nil {
		return left, err
	}
	p.openPage()
	p.records = nil // they are of use without a state
	if err := p.goOnWith(ctx, left.Legacy, *last.State); err != nil {
		return left, err
	}
	p.runtime.inherit(lock)
	p.director.renew()
	close(p.heir.adopted)
	// It may have died since it said all that; then nobody else goes on either.
	_ = p.heir.line.Send(ipc.ToHolder{Running: true})
	p.log.Info("going on in the place of the engine of before", "groups", len(last.State.Groups),
		"stood", linux.Now().Sub(last.State.Taken).Round(time.Microsecond))
	return left, nil
}

// goOnWith makes the state that was left this engine's.
func (p *process) goOnWith(ctx context.Context, l *ipc.Legacy, s vrrp.EngineState) error {
	names := make([]string, 0, len(s.Groups))
	for i := range s.Groups {
		names = append(names, s.Groups[i].Group.Config.Name)
	}
	p.assign(names)
	if err := p.engine.Inherit(ctx, s); err != nil {
		return err
	}
	p.mu.Lock()
	p.configured, p.health, p.resume = l.Configuration, l.Health, true
	p.mu.Unlock()
	p.watchInterfaces(l.Configuration.Groups)
	return nil
}

// awaitHolder waits until the engine of before has gone, and its director with it:
// two directors would be at the table. Until then there is one, and this engine's own
// has a lease that does not count.
func (p *process) awaitHolder(ctx context.Context) {
	late := time.AfterFunc(farewell, func() { p.heir.line.Close() })
	defer late.Stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for pause.For(ctx, directorLease/3) == nil {
			p.director.renew()
		}
	}()
	for {
		if _, err := p.heir.line.Recv(); err != nil {
			return
		}
	}
}
