package lab

import (
	"errors"
	"fmt"
	"syscall"
)

// Reload is ExecReload: SIGHUP to the main process.
func (u *Unit) Reload() error { return u.Signal(syscall.SIGHUP) }

// Signal sends a signal to the main process.
func (u *Unit) Signal(sig syscall.Signal) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.process == nil {
		return errors.New("lab: signal: the service was never started")
	}
	return u.signal(u.process, sig)
}

// signal sends a signal to the main process of a life.
func (u *Unit) signal(p *Process, sig syscall.Signal) error {
	pid := u.notify.named()
	if pid == 0 {
		return p.Signal(sig)
	}
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("lab: signal %v: %w", sig, err)
	}
	return nil
}

// SignalAll sends a signal to every process of the service: SIGSTOP freezes it,
// SIGCONT lets it go on.
func (u *Unit) SignalAll(sig syscall.Signal) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.process != nil {
		u.process.tree.signal(sig)
	}
}

// Kill9 ends every process of the service at once with SIGKILL. With restart
// the supervisor does what the unit says; without, it lets go. It returns when
// the processes are gone and, without restart, ExecStopPost has run.
func (u *Unit) Kill9(restart bool) error { return u.kill(restart, (*Process).Kill) }

// KillMain ends the main process alone with SIGKILL; what it leaves behind the
// supervisor kills, as systemd does. With restart the supervisor does what the unit
// says; without, it lets go, and KillMain returns when ExecStopPost has run.
func (u *Unit) KillMain(restart bool) error {
	return u.kill(restart, func(p *Process) error {
		err := u.signal(p, syscall.SIGKILL)
		if err == nil {
			<-p.Done()
		}
		return err
	})
}

// kill ends the service in some way, and without restart for good.
func (u *Unit) kill(restart bool, how func(*Process) error) error {
	u.mu.Lock()
	if !restart {
		u.stopping = true
	}
	p, ended := u.process, u.ended
	u.mu.Unlock()
	if p == nil {
		return nil
	}
	if err := how(p); err != nil {
		return err
	}
	if !restart {
		<-ended
	}
	return nil
}
