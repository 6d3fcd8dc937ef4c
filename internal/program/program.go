// Package program runs programs of the operator's: checks, tracks and hooks. Each
// runs as its own user in a process group of its own, which is killed when the
// program has ended or its time is up, so that nothing it started stays behind.
// Of its output the last line is kept.
package program

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// outputLimit is how much a program may print; one that prints more gets SIGPIPE.
const outputLimit = 1 << 20

// Path and Language are part of every program's environment.
const (
	Path     = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	Language = "LANG=C"
)

// Program is what to run.
type Program struct {
	Argv []string // never empty; no shell is involved
	User string   // who runs it; empty: the user of this process
	Env  []string // the whole environment
}

// Run runs the program in the root directory, without input, until it ends or ctx
// does. line is the last line it printed. The error tells how it ended otherwise
// than with status 0: "exit status 2", "killed by SIGKILL", "start /x: no such file
// or directory". Whether ctx was the reason is ctx's to tell.
func (p Program) Run(ctx context.Context) (line string, err error) {
	credential, err := credentialOf(p.User)
	if err != nil {
		return "", err
	}
	output := &tail{limit: outputLimit}
	cmd := exec.Command(p.Argv[0], p.Argv[1:]...)
	cmd.Dir, cmd.Env = "/", p.Env
	cmd.Stdout, cmd.Stderr = output, output
	// A process that left the group may keep the pipe open; it is not waited for.
	cmd.WaitDelay = 100 * time.Millisecond
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true,
		Credential: credential,
		Pdeathsig:  syscall.SIGKILL, // goes with us
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start %s: %w", p.Argv[0], innermost(err))
	}
	g := &group{pid: cmd.Process.Pid}
	stop := context.AfterFunc(ctx, g.kill)
	g.await()
	stop()
	err = ending(cmd.Wait())
	return output.last(), err
}

// ending words how a program ended.
func ending(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return fmt.Errorf("killed by %s", unix.SignalName(status.Signal()))
		}
		return fmt.Errorf("exit status %d", exit.ExitCode())
	}
	return err
}

// innermost is the innermost error: the outer ones repeat the path.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}
