package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"failover/check"
)

// outputLimit is how much a program may print; one that prints more gets SIGPIPE.
const outputLimit = 1 << 20

// program runs a program: exit status 0 is up. It runs in a process group of its
// own, which is killed when the program has ended or the deadline has come, so
// that nothing it started stays behind. Its output is read for the last line
// only.
type program struct{}

// Probe runs the program once.
func (program) Probe(ctx context.Context, s check.Spec) check.Result {
	if s.Exec == nil || len(s.Exec.Argv) == 0 {
		return failed("no program to run")
	}
	credential, err := credentialOf(s.Exec.User)
	if err != nil {
		return failed("%v", err)
	}
	output := &tail{limit: outputLimit}
	cmd := exec.Command(s.Exec.Argv[0], s.Exec.Argv[1:]...)
	cmd.Dir, cmd.Env = "/", environ(s)
	cmd.Stdout, cmd.Stderr = output, output
	// A process that left the group may keep the pipe open; it is not waited for.
	cmd.WaitDelay = 100 * time.Millisecond
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true,
		Credential: credential,
		Pdeathsig:  syscall.SIGKILL, // goes with us
	}
	if err := cmd.Start(); err != nil {
		return failed("start %s: %v", s.Exec.Argv[0], cause(err))
	}
	g := &group{pid: cmd.Process.Pid}
	stop := context.AfterFunc(ctx, g.kill)
	g.await()
	stop()
	err = cmd.Wait()
	return judge(ctx, s, err, output.last())
}

// judge makes a result of how the program ended.
func judge(ctx context.Context, s check.Spec, err error, line string) check.Result {
	said := ""
	if line != "" {
		said = ": " + line
	}
	var exit *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return failed("cancelled%s", said)
	case ctx.Err() != nil:
		return failed("timeout after %v%s", s.Timeout, said)
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		if line == "" {
			return passed("exit status 0")
		}
		return passed(line)
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return failed("killed by %s%s", unix.SignalName(status.Signal()), said)
		}
		return failed("exit status %d%s", exit.ExitCode(), said)
	}
	return failed("%v%s", err, said)
}

// cause is the innermost error: the outer ones repeat the path.
func cause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// environ is the whole environment of a program: PATH, LANG, and what is checked.
//
//	CHECK_ADDRESS  the address of the real server, IPv6 without brackets; a track
//	               has none
//	CHECK_PORT     its port; a track has none
//	CHECK_NAME     its name, or address and port where it has none; of a track, its
//	               virtual router
//	CHECK_TIMEOUT  seconds until the program is killed, such as 1 or 0.5
func environ(s check.Spec) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C",
		fmt.Sprintf("CHECK_TIMEOUT=%v", s.Timeout.Seconds()),
	}
	name := s.Exec.Name
	if s.Target.IsValid() {
		name = cmp.Or(name, s.Target.String())
		env = append(env, "CHECK_ADDRESS="+s.Target.Addr().String(), fmt.Sprintf("CHECK_PORT=%d", s.Target.Port()))
	}
	return append(env, "CHECK_NAME="+name)
}

// group is the process group of a running program.
type group struct {
	mu    sync.Mutex
	pid   int
	ended bool
}

// kill ends every process of the group. While the leader has not been reaped its
// number belongs to nobody else.
func (g *group) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		_ = unix.Kill(-g.pid, unix.SIGKILL) // that all have gone already is no error
	}
}

// await returns when the leader has ended, without reaping it, and kills what it
// left behind.
func (g *group) await() {
	for {
		err := unix.Waitid(unix.P_PID, g.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	g.kill()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
}

// tail keeps the end of what is written to it. It is used by one goroutine, and
// read when that one has ended.
type tail struct {
	mu    sync.Mutex
	end   []byte
	seen  int
	limit int
}

// Write keeps the last bytes of p; past the limit it fails, which closes the pipe.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen += len(p); t.seen > t.limit {
		return 0, os.ErrInvalid
	}
	const keep = 4 * longest
	t.end = append(t.end, p[max(0, len(p)-keep):]...)
	t.end = t.end[max(0, len(t.end)-keep):]
	return len(p), nil
}

// last is the last line that is not empty.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen > t.limit {
		return fmt.Sprintf("printed more than %d KiB", t.limit>>10)
	}
	text := strings.TrimSpace(string(t.end))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
