package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"failover/internal/ipc"
	"failover/internal/pause"
	"failover/vrrp/linux"
)

// The director's lease, its restart and its end.
const (
	// directorLease is how long the director may be silent before its groups are
	// offered to a healthy neighbour. It tells every second that it lives.
	directorLease = 3 * time.Second
	// directorHung is how long it may be silent before it is killed and started
	// again: a frozen one holds the control socket and the checks.
	directorHung = 15 * time.Second
	// restartFloor and restartCeiling bound the pause before another start of one
	// that dies young.
	restartFloor   = 50 * time.Millisecond
	restartCeiling = time.Second
	// young is the age below which a death counts as a failed start.
	young = 10 * time.Second
	// endGrace is how long the director may take to leave once its line is closed.
	endGrace = 2 * time.Second
)

// RefusedError is the director's word that a start cannot succeed.
type RefusedError struct{ ipc.Refuse }

func (e *RefusedError) Error() string { return e.Reason }

// supervisor keeps one director process running and passes its messages on.
type supervisor struct {
	log      *slog.Logger
	realtime bool // this process's threads are real-time, the director's shall not be
	// command makes the child's command; the line's far end is its descriptor 3.
	command func() *exec.Cmd
	hello   func(resume bool) ipc.Hello
	receive func(ipc.ToEngine)
	// turned is called when the director is lost or is back: its lease has run out,
	// or one that knows what it wants was heard again. [supervisor.lost] tells which.
	turned func()

	mu     sync.Mutex
	line   *ipc.EngineEnd // nil while no director is there
	alive  time.Time      // when the director was last heard
	spoke  time.Time      // the same, or when it was started: a start may take long
	knows  bool           // the director on the line has said how fit the groups are
	isLost bool
	ready  bool // a director has been ready in this engine's life
	leaves bool // the director was asked to go: no other follows
	waits  bool // the director on the line waits for [supervisor.begin]
	starts int
}

// run starts directors until ctx ends or one refuses before any was ready.
func (s *supervisor) run(ctx context.Context) error {
	s.mu.Lock()
	s.alive = time.Now()
	s.mu.Unlock()
	watching, stopWatch := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { s.watchLease(watching) })
	defer watch.Wait()
	defer stopWatch()

	wait := time.Duration(0)
	for {
		started := time.Now()
		refused, err := s.once(ctx)
		next := s.hello(s.wasReady())
		switch {
		case ctx.Err() != nil || s.leaving():
			return nil
		case refused != nil && !next.Resume:
			return &RefusedError{*refused}
		case next.Wait:
			return &RefusedError{ipc.Refuse{ExitCode: 1, Reason: fmt.Sprintf("its director process ended: %v", err)}}
		case refused != nil:
			err = errors.New(refused.Reason)
		}
		if time.Since(started) > young {
			wait = 0
		}
		s.log.Error("director process ended, starting it again", "reason", err, "pause", wait)
		if pause.For(ctx, wait) != nil {
			return nil
		}
		wait = min(max(2*wait, restartFloor), restartCeiling)
	}
}

// once runs one director process from start to end.
func (s *supervisor) once(ctx context.Context) (*ipc.Refuse, error) {
	line, far, err := ipc.Pair()
	if err != nil {
		return nil, err
	}
	defer line.Close()
	cmd := s.command()
	cmd.ExtraFiles = []*os.File{far}
	err = startOrdinary(cmd, s.realtime)
	far.Close()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	hello := s.hello(s.wasReady())
	s.attach(line, hello.Wait)
	defer s.attach(nil, false)
	// Closing the line is the order to leave: the director exits at once and
	// touches nothing.
	stop := context.AfterFunc(ctx, func() { line.Close() })
	defer stop()

	var refused *ipc.Refuse
	err = line.Send(ipc.ToDirector{Hello: &hello})
	if err == nil {
		refused, err = s.pump(line)
	}
	line.Close()
	left := s.reap(cmd)
	if err != nil {
		return refused, err // that it left then is no reason of its own
	}
	return refused, left
}

// pump reads the director's messages until its line ends. The error tells of a
// line that did not end with its director.
func (s *supervisor) pump(line *ipc.EngineEnd) (refused *ipc.Refuse, err error) {
	for {
		m, err := line.Recv()
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
			return refused, nil
		}
		if err != nil {
			return refused, err
		}
		s.heard(m)
		if m.Refuse != nil {
			refused = m.Refuse
			continue
		}
		s.receive(m)
	}
}

// reap waits for a process whose line is closed; one that does not leave is
// killed.
func (s *supervisor) reap(cmd *exec.Cmd) error {
	killer := time.AfterFunc(endGrace, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	if err := cmd.Wait(); err != nil {
		return err
	}
	return errors.New("it left")
}

func (s *supervisor) attach(line *ipc.EngineEnd, waits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line, s.knows, s.waits = line, false, waits
	if line != nil {
		s.starts++
		s.spoke = time.Now()
	}
}

func (s *supervisor) heard(m ipc.ToEngine) {
	s.mu.Lock()
	s.spoke = time.Now()
	if m.Opening {
		s.mu.Unlock()
		return // it lives, and decides nothing yet
	}
	s.alive = s.spoke
	s.ready = s.ready || m.Ready
	s.knows = s.knows || m.Health != nil
	// Only a director that knows what it wants ends the state of being lost: one
	// that comes up and dies again has not said anything of the groups' health.
	back := s.isLost && s.knows
	if back {
		s.isLost = false
	}
	s.mu.Unlock()
	// What it says of the groups' health now counts without a word of ours.
	if back && m.Health == nil {
		s.turned()
	}
}

// lost tells whether there has been no director for longer than its lease.
func (s *supervisor) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isLost
}

func (s *supervisor) wasReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

// leave asks the director to take its part along; run ends with it. false: there is
// none to ask.
func (s *supervisor) leave() bool {
	s.mu.Lock()
	s.leaves = s.line != nil
	asked := s.leaves
	s.mu.Unlock()
	if asked {
		s.send(ipc.ToDirector{Leave: true})
	}
	return asked
}

// begin lets a director that waits begin, with what the one before it has left.
func (s *supervisor) begin(b ipc.Bequest, sockets []*os.File) {
	defer closeFiles(sockets)
	s.mu.Lock()
	waits := s.waits
	s.waits = false
	s.mu.Unlock()
	if waits { // else it has begun by itself, after one that ended
		s.send(ipc.ToDirector{Begin: &b, Files: sockets})
	}
	s.renew()
}

// renew begins the director's lease anew.
func (s *supervisor) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alive, s.isLost = time.Now(), false
}

// part tells the director that another process goes on, upon which it leaves; false:
// there is none to tell.
func (s *supervisor) part(r ipc.Restarted) bool {
	s.mu.Lock()
	s.leaves = true
	told := s.line != nil
	s.mu.Unlock()
	s.send(ipc.ToDirector{Restarted: &r})
	return told
}

func (s *supervisor) leaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaves
}

// count tells how many directors were started.
func (s *supervisor) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts
}

// send passes a message to the director, if there is one. A director that does
// not read is dropped by the line itself.
func (s *supervisor) send(m ipc.ToDirector) {
	s.mu.Lock()
	line := s.line
	s.mu.Unlock()
	if line == nil {
		return
	}
	if err := line.Send(m); err != nil {
		s.log.Debug("line to the director", "error", err)
	}
}

// watchLease measures the director's silence. What this process slept through
// itself, frozen or starved, is nobody's silence.
func (s *supervisor) watchLease(ctx context.Context) {
	const tick = directorLease / 10
	for looked := time.Now(); pause.For(ctx, tick) == nil; {
		now := time.Now()
		slept := now.Sub(looked) - tick
		looked = now
		s.mu.Lock()
		if slept > tick {
			s.alive, s.spoke = s.alive.Add(slept), s.spoke.Add(slept)
		}
		silent, hung := now.Sub(s.alive), now.Sub(s.spoke)
		lost := silent > directorLease && !s.isLost
		s.isLost = s.isLost || lost
		line := s.line
		s.mu.Unlock()
		if lost {
			s.turned()
		}
		if hung > directorHung && line != nil {
			line.Close() // reap does the rest
		}
	}
}

// startOrdinary starts a process from a thread that has the ordinary scheduling
// policy for the moment: a child inherits the policy of the thread that forks it,
// and only the engine is real-time.
func startOrdinary(cmd *exec.Cmd, realtime bool) error {
	if !realtime {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := linux.SetOrdinary(); err != nil {
		return err
	}
	started := cmd.Start()
	if err := linux.SetRealtime(realtimePriority); err != nil {
		// The thread must not serve other goroutines with the wrong policy: it stays
		// locked to this one, which only waits.
		runtime.LockOSThread()
	}
	return started
}
