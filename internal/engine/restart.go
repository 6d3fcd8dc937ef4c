package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"failover/internal/ipc"
	"failover/vrrp"
	"failover/vrrp/linux"
)

const (
	// restartPatience is how long a new engine may take until it goes on.
	restartPatience = 5 * time.Second
	// takePatience bounds how long this engine stands still while the new one takes
	// the state, where no advert is due before.
	takePatience = time.Second
	// killPatience bounds the wait for a killed process to be gone.
	killPatience = time.Second
	// partPatience is how long the director may take to answer whoever asked for the
	// restart, and to leave.
	partPatience = 2 * time.Second
)

// restart lets a new engine process go on in the place of this one, and tells the
// director what came of it where nothing did.
func (p *process) restart(ctx context.Context) {
	p.log.Info("restarting in place")
	if err := p.replace(ctx); err != nil {
		p.log.Error("no restart, this process goes on", "reason", err)
		p.director.send(ipc.ToDirector{Restarted: &ipc.Restarted{Refused: refusal(err)}})
		p.mu.Lock()
		p.restarting = false
		reload := p.reloadLater
		p.reloadLater = false
		p.mu.Unlock()
		if reload {
			p.director.send(ipc.ToDirector{Reload: true})
		}
	}
}

// replace starts a new engine and hands it everything. On an error nothing has
// changed.
func (p *process) replace(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, restartPatience)
	defer cancel()
	s, err := p.startSuccessor()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.kill()
		}
	}()
	ready, err := s.next(ctx)
	if err == nil && ready.Ready == nil {
		err = errors.New("the new process says something else than that it is ready")
	}
	if err != nil {
		return err
	}
	if err := p.bequeath(ctx, s); err != nil {
		return err
	}
	return p.engine.HandOver(ctx, func(state vrrp.EngineState) error {
		if err := s.take(state); err != nil {
			return err
		}
		p.mu.Lock()
		p.successor = s
		p.restarted = ipc.Restarted{PID: s.cmd.Process.Pid, Version: ready.Ready.Version}
		p.mu.Unlock()
		return nil
	})
}

// bequeath gives the new engine all but the state: what the director knows, the
// sockets it listens on, and the lock of the runtime directory.
func (p *process) bequeath(ctx context.Context, s *successor) error {
	select {
	case <-p.bequest: // of a restart that came to nothing
	default:
	}
	p.director.send(ipc.ToDirector{Bequeath: true})
	select {
	case <-ctx.Done():
		return errors.New("the director process of this one does not answer")
	case m := <-p.bequest:
		defer closeFiles(m.Files)
		p.mu.Lock()
		l := &ipc.Legacy{Configuration: p.configured, Health: p.health, Bequest: *m.Bequest}
		p.mu.Unlock()
		return s.line.Send(ipc.ToHeir{Legacy: l, Files: slices.Insert(slices.Clone(m.Files), 0, p.runtime.lock)})
	}
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// depart takes leave after a hand-over: the service manager learns of the new main
// process, the director answers whoever asked and goes, and orders that came
// meanwhile are passed on.
func (p *process) depart(left <-chan struct{}) {
	p.mu.Lock()
	done, stop, reload := p.restarted, p.stopAsked, p.reloadLater
	p.mu.Unlock()
	p.notify(fmt.Sprintf("MAINPID=%d", done.PID))
	p.log.Info("another process goes on", "pid", done.PID, "version", done.Version)
	if p.director.part(done) {
		late := time.NewTimer(partPatience)
		defer late.Stop()
		select {
		case <-left:
		case <-late.C:
		}
	}
	pass := func(s os.Signal) {
		if err := p.successor.cmd.Process.Signal(s); err != nil {
			p.log.Warn("pass a signal on", "signal", s.String(), "error", err)
		}
	}
	if stop {
		pass(syscall.SIGTERM)
	}
	if reload {
		pass(syscall.SIGHUP)
	}
	for {
		select {
		case s := <-p.orders:
			pass(s)
		default:
			return
		}
	}
}

// successor is a new engine process.
type successor struct {
	cmd   *exec.Cmd
	line  *ipc.HolderEnd
	said  chan ipc.ToHolder // closed when the line ends
	ended chan error
}

// startSuccessor starts the program that is installed now, with this one's arguments
// and environment.
func (p *process) startSuccessor() (*successor, error) {
	line, far, err := ipc.HeirPair()
	if err != nil {
		return nil, err
	}
	cmd := p.o.Self()
	cmd.Env = append(os.Environ(), heirEnv+"=1")
	cmd.ExtraFiles = []*os.File{far}
	err = startOrdinary(cmd, p.o.Realtime)
	far.Close()
	if err != nil {
		line.Close()
		return nil, fmt.Errorf("start %s: %w", cmd.Path, innermost(err))
	}
	s := &successor{cmd: cmd, line: line, said: make(chan ipc.ToHolder, 4), ended: make(chan error, 1)}
	go func() {
		defer close(s.said)
		for {
			m, err := line.Recv()
			if err != nil {
				return
			}
			s.said <- m
		}
	}()
	go func() { s.ended <- cmd.Wait() }()
	return s, nil
}

// innermost is an error without the path that the message names anyway.
func innermost(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// next waits for what the new process says next; a refusal is an error.
func (s *successor) next(ctx context.Context) (ipc.ToHolder, error) {
	select {
	case <-ctx.Done():
		return ipc.ToHolder{}, fmt.Errorf("the new process is not ready after %v", restartPatience)
	case m, ok := <-s.said:
		switch {
		case !ok:
			return m, s.obituary()
		case m.Refuse != nil:
			return m, &RefusedError{*m.Refuse}
		}
		return m, nil
	}
}

// obituary says how a process ended that has closed its line.
func (s *successor) obituary() error {
	late := time.NewTimer(killPatience)
	defer late.Stop()
	select {
	case err := <-s.ended:
		s.ended <- err
		if err == nil {
			err = errors.New("exit status 0")
		}
		return fmt.Errorf("the new process ended: %w", err)
	case <-late.C:
		return errors.New("the new process has closed its line")
	}
}

// take gives the new engine the state and waits until it goes on; the loop of this
// one stands still meanwhile. It must do so before a third advert is missed, or else
// it is killed, and gone when take returns: there are never two.
func (s *successor) take(state vrrp.EngineState) error {
	patience := min(takePatience, state.SpeakBy().Sub(linux.Now()))
	late := fmt.Errorf("the new process has not gone on within %v", patience.Round(time.Millisecond))
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, late)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { s.line.Close() }) // a write that nobody reads
	err := s.line.Send(ipc.ToHeir{State: &state})
	if err == nil {
		err = s.goesOn(ctx)
	}
	if !stop() { // the line is closed, whatever came of it
		err = late
	}
	if err != nil {
		s.kill()
	}
	return err
}

// goesOn waits for the word that it does.
func (s *successor) goesOn(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case m, ok := <-s.said:
		switch {
		case !ok:
			return errors.New("the new process ended when it was to go on")
		case m.Refuse != nil:
			return &RefusedError{*m.Refuse}
		case !m.Running:
			return errors.New("the new process says something else than that it goes on")
		}
		return nil
	}
}

// kill ends the new process, and returns when it is gone.
func (s *successor) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	late := time.NewTimer(killPatience)
	defer late.Stop()
	select {
	case err := <-s.ended:
		s.ended <- err
	case <-late.C:
	}
	s.line.Close()
}
