package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// UnitSpec is what a service manager is told of a service; the names are
// systemd's.
type UnitSpec struct {
	Name      string
	ExecStart []string
	// ExecStopPost runs after each end of the service, however it came, with
	// SERVICE_RESULT, EXIT_CODE and EXIT_STATUS in its environment.
	ExecStopPost []string
	Environment  []string
	// Notify is Type=notify: the service is up when it says READY=1. Without it, it
	// is up when it has been started.
	Notify bool
	// Restart is Restart=always, RestartDelay its RestartSec.
	Restart      bool
	RestartDelay time.Duration
	// RestartPreventExitStatus is an exit status after which it is not started
	// again; 0 for none.
	RestartPreventExitStatus int
	// StopTimeout is how long SIGTERM may take before SIGKILL; 30 s when zero.
	StopTimeout time.Duration
	// RuntimeDirectory is made below /run and preserved.
	RuntimeDirectory string
}

// Exit is one end of a service.
type Exit struct {
	At    time.Time
	State *os.ProcessState
}

// Unit is a service on a node, supervised as systemd would: started again when
// it ends (Restart=always), stopped by SIGTERM to its main process and then
// SIGKILL to the rest (KillMode=mixed).
type Unit struct {
	Spec UnitSpec
	Node *Node

	notify *notifySocket

	mu       sync.Mutex
	process  *Process // the present or last life
	lives    int
	stopping bool
	exits    []Exit
	ended    chan struct{} // closed when it is not supervised (any more)
}

// Supervise takes a service under supervision; it is not started yet.
func (n *Node) Supervise(spec UnitSpec) (*Unit, error) {
	if spec.StopTimeout == 0 {
		spec.StopTimeout = 30 * time.Second
	}
	u := &Unit{Spec: spec, Node: n, ended: make(chan struct{})}
	close(u.ended)
	var err error
	if u.notify, err = n.lab.notifySocket(n.Name + "-" + spec.Name); err != nil {
		return nil, err
	}
	n.lab.onClose(func() error { return u.Kill9(false) })
	return u, nil
}

// Start starts the service and waits until it is up. One that runs is left
// alone.
func (u *Unit) Start(ctx context.Context) error {
	u.mu.Lock()
	select {
	case <-u.ended:
	default:
		u.mu.Unlock()
		return u.WaitReady(ctx)
	}
	u.stopping = false
	if err := u.spawn(); err != nil {
		u.mu.Unlock()
		return err
	}
	u.ended = make(chan struct{})
	go u.supervise(u.ended)
	u.mu.Unlock()
	return u.WaitReady(ctx)
}

// spawn starts the main process. u.mu is held.
func (u *Unit) spawn() error {
	if dir := u.Spec.RuntimeDirectory; dir != "" {
		if err := u.Node.Do(func() error { return os.MkdirAll("/run/"+dir, 0o755) }); err != nil {
			return fmt.Errorf("lab: %s: runtime directory: %w", u.Node.Name, err)
		}
	}
	env := u.Spec.Environment
	if u.Spec.Notify {
		env = append([]string{"NOTIFY_SOCKET=" + u.notify.path}, env...)
	}
	u.notify.reset()
	// Each life has a tree of its own: what is meant for the last one cannot hit
	// the next, and Linux 6.18 kills what is forked into a cgroup that was ever
	// killed.
	u.lives++
	tree, err := u.Node.lab.newTree(fmt.Sprintf("%s-%s.%d", u.Node.Name, u.Spec.Name, u.lives))
	if err != nil {
		return err
	}
	p, err := u.Node.start(u.Spec.Name, tree, u.Spec.ExecStart, env)
	if err != nil {
		return errors.Join(err, tree.close())
	}
	u.process = p
	return nil
}

// supervise sees the service through all its lives.
func (u *Unit) supervise(ended chan struct{}) {
	defer close(ended)
	for {
		u.mu.Lock()
		p := u.process
		u.mu.Unlock()
		<-p.Done()
		u.followMain()
		// KillMode=mixed: what outlives the main process is killed.
		if err := p.tree.close(); err != nil {
			u.say("%v", err)
		}
		exit := Exit{At: time.Now(), State: p.cmd.ProcessState}
		u.say("main process %d ended: %v", p.Pid(), exit.State)
		u.stopPost(exit)
		u.mu.Lock()
		u.exits = append(u.exits, exit)
		again := u.Spec.Restart && !u.stopping
		if n := u.Spec.RestartPreventExitStatus; n != 0 && exit.State.ExitCode() == n {
			again = false
		}
		delay := u.Spec.RestartDelay
		u.mu.Unlock()
		if !again {
			return
		}
		if delay > 0 {
			time.Sleep(delay)
		}
		u.mu.Lock()
		if u.stopping {
			u.mu.Unlock()
			return
		}
		err := u.spawn()
		u.mu.Unlock()
		if err != nil {
			u.say("start again: %v", err)
			return
		}
	}
}

// followMain waits for the end of the main process that the service has named
// instead of the one that was started (sd_notify(3), MAINPID=), and of the one after
// that. How such a one ended is not known here: it is taken for a clean end.
func (u *Unit) followMain() {
	for last := 0; ; {
		pid, err := u.notify.mainPID()
		if err != nil || pid == last {
			return // the lab is being removed, or nobody followed
		}
		u.say("main process is %d now", pid)
		last = pid
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // it has ended, and may have named another one
		}
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		_ = unix.Close(fd) // it was for reading
	}
}

// stopPost runs ExecStopPost to its end.
func (u *Unit) stopPost(e Exit) {
	if len(u.Spec.ExecStopPost) == 0 {
		return
	}
	argv := append([]string{"env"}, u.Spec.Environment...)
	argv = append(argv, serviceResult(e.State)...)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := u.Node.Run(ctx, append(argv, u.Spec.ExecStopPost...)...)
	if err != nil {
		u.say("ExecStopPost: %v", err)
	} else if out != "" {
		u.say("ExecStopPost: %s", out)
	}
}

// serviceResult is what systemd.exec(5) puts into the environment of
// ExecStopPost.
func serviceResult(s *os.ProcessState) []string {
	ws, _ := s.Sys().(syscall.WaitStatus)
	switch {
	case ws.Signaled():
		result := "signal"
		// SIGTERM and its like are a clean end (systemd.service(5), SuccessExitStatus).
		switch ws.Signal() {
		case syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE:
			result = "success"
		}
		return []string{"SERVICE_RESULT=" + result, "EXIT_CODE=killed", fmt.Sprintf("EXIT_STATUS=%d", ws.Signal())}
	case ws.ExitStatus() != 0:
		return []string{"SERVICE_RESULT=exit-code", "EXIT_CODE=exited", fmt.Sprintf("EXIT_STATUS=%d", ws.ExitStatus())}
	}
	return []string{"SERVICE_RESULT=success", "EXIT_CODE=exited", "EXIT_STATUS=0"}
}

// WaitReady waits until the service is up, after a restart too.
func (u *Unit) WaitReady(ctx context.Context) error {
	if !u.Spec.Notify {
		return nil
	}
	u.mu.Lock()
	ended := u.ended
	u.mu.Unlock()
	select {
	case <-u.notify.ready():
		return nil
	case <-ended:
		return fmt.Errorf("lab: %s: %s ended before it was ready:\n%s", u.Node.Name, u.Spec.Name, u.LogTail(15))
	case <-ctx.Done():
		return fmt.Errorf("lab: %s: %s is not ready: %w\n%s", u.Node.Name, u.Spec.Name, ctx.Err(), u.LogTail(15))
	}
}

// Stop stops the service and waits for its end, ExecStopPost included.
func (u *Unit) Stop(ctx context.Context) error {
	u.mu.Lock()
	u.stopping = true
	ended := u.ended
	p := u.process
	u.mu.Unlock()
	if p == nil {
		return nil
	}
	if err := u.signal(p, syscall.SIGTERM); err != nil {
		return err
	}
	late := time.NewTimer(u.Spec.StopTimeout)
	defer late.Stop()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	case <-late.C:
	}
	if err := p.Kill(); err != nil {
		return err
	}
	<-ended
	return fmt.Errorf("lab: %s: %s had to be killed at stop", u.Node.Name, u.Spec.Name)
}

// RestartAfter changes the RestartDelay of a service, supervised or not.
func (u *Unit) RestartAfter(delay time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.Spec.RestartDelay = delay
}

// MainPID is the main process of the service's current or last life, 0 before the
// first.
func (u *Unit) MainPID() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.process == nil {
		return 0
	}
	if pid, err := u.notify.mainPID(); err == nil && pid != 0 {
		return pid
	}
	return u.process.Pid()
}

// PIDs are all processes of the service that are alive.
func (u *Unit) PIDs() []int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.process == nil {
		return nil
	}
	return u.process.tree.pids()
}

// Exits are the ends of the service so far.
func (u *Unit) Exits() []Exit {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Exit(nil), u.exits...)
}

// LogTail returns the last lines of the service's log.
func (u *Unit) LogTail(lines int) string { return string(lastLines(u.logPath(), lines)) }

func (u *Unit) logPath() string {
	return u.Node.lab.Dir + "/" + u.Node.Name + "-" + u.Spec.Name + ".log"
}

// say writes a line of the supervisor into the service's log.
func (u *Unit) say(format string, args ...any) {
	f, err := os.OpenFile(u.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return // the lab is being removed
	}
	defer f.Close()
	fmt.Fprintf(f, "[supervisor %s] %s\n", time.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}
