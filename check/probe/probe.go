// Package probe asks a real server, or this machine, once, one kind of question
// a file.
//
// Every probe ends with its context, which carries the total deadline of the
// check, and says in one line what it found. Network probes speak from the
// network namespace of the process and close with a reset (SO_LINGER 0), so that
// ten thousand checks leave no sockets in TIME_WAIT.
package probe

import (
	"context"
	"fmt"
	"time"

	"failover/check"
)

// Probe is one kind of check.
type Probe interface {
	// Probe asks once. It returns as soon as ctx ends; Spec.Timeout serves only for
	// what it says. It leaves nothing behind: no connection, process or goroutine.
	Probe(ctx context.Context, s check.Spec) check.Result
}

// kinds is the registry: a kind that is not here does not exist.
var kinds = map[check.Kind]Probe{
	check.TCP:       tcp{},
	check.HTTP:      plain{},
	check.HTTPS:     secure{},
	check.Exec:      run{},
	check.Interface: link{},
	check.Process:   process{},
	check.File:      file{},
	check.Ping:      ping{},
}

// Kinds returns the kinds of checks there are, in no particular order.
func Kinds() []check.Kind {
	names := make([]check.Kind, 0, len(kinds))
	for kind := range kinds {
		names = append(names, kind)
	}
	return names
}

// Run asks once by the probe of the spec's kind and notes how long it took.
func Run(ctx context.Context, s check.Spec) check.Result {
	p, ok := kinds[s.Kind]
	if !ok {
		return failed("there is no check of kind %q", s.Kind)
	}
	began := time.Now()
	r := p.Probe(ctx, s)
	r.Took = time.Since(began)
	return r
}

// passed is the result of a probe that found what it wanted.
func passed(detail string) check.Result {
	return check.Result{OK: true, Detail: oneLine(detail)}
}

// failed is the result of a probe that did not.
func failed(format string, args ...any) check.Result {
	return check.Result{Detail: oneLine(fmt.Sprintf(format, args...))}
}
