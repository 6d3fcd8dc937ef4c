package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"failover/check"
	"failover/internal/program"
)

// run runs a program: exit status 0 is up. Its output is read for the last line
// only, and what it started is killed when it ends.
type run struct{}

// Probe runs the program once.
func (run) Probe(ctx context.Context, s check.Spec) check.Result {
	if s.Exec == nil || len(s.Exec.Argv) == 0 {
		return failed("no program to run")
	}
	line, err := program.Program{Argv: s.Exec.Argv, User: s.Exec.User, Env: environ(s)}.Run(ctx)
	return judge(ctx, s, err, line)
}

// judge makes a result of how the program ended.
func judge(ctx context.Context, s check.Spec, err error, line string) check.Result {
	said := ""
	if line != "" {
		said = ": " + line
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return failed("cancelled%s", said)
	case ctx.Err() != nil:
		return failed("timeout after %v%s", s.Timeout, said)
	case err != nil:
		return failed("%v%s", err, said)
	case line == "":
		return passed("exit status 0")
	}
	return passed(line)
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
		program.Path,
		program.Language,
		fmt.Sprintf("CHECK_TIMEOUT=%v", s.Timeout.Seconds()),
	}
	name := s.Exec.Name
	if s.Target.IsValid() {
		name = cmp.Or(name, s.Target.String())
		env = append(env, "CHECK_ADDRESS="+s.Target.Addr().String(), fmt.Sprintf("CHECK_PORT=%d", s.Target.Port()))
	}
	return append(env, "CHECK_NAME="+name)
}
