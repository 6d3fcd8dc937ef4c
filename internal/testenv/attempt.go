package testenv

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// Attempt runs a test that may fail without t failing, and tells whether it has
// passed: who calls it may know a reason to try once more. What it logs is in t's
// log. It cannot be skipped, nor have subtests.
func Attempt(t testing.TB, try func(testing.TB)) (passed bool) {
	ctx, cancel := context.WithCancel(t.Context())
	a := &attempt{TB: t, ctx: ctx}
	a.apart(func() { try(a) })
	cancel() // before the cleaning up, as package testing does
	for f := a.last(); f != nil; f = a.last() {
		a.apart(f)
	}
	return !a.Failed()
}

// attempt is the testing.TB of one attempt.
type attempt struct {
	testing.TB
	ctx    context.Context
	failed atomic.Bool

	mu       sync.Mutex
	cleanups []func()
}

// apart runs f where FailNow may end it.
func (a *attempt) apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (a *attempt) Context() context.Context { return a.ctx }
func (a *attempt) Failed() bool             { return a.failed.Load() }
func (a *attempt) Fail()                    { a.failed.Store(true) }

func (a *attempt) Cleanup(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cleanups = append(a.cleanups, f)
}

// last takes away what is to be cleaned up next; nil when nothing is left.
func (a *attempt) last() (f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.cleanups); n > 0 {
		f, a.cleanups = a.cleanups[n-1], a.cleanups[:n-1]
	}
	return f
}

func (a *attempt) FailNow() {
	a.Fail()
	runtime.Goexit()
}

func (a *attempt) Error(args ...any) {
	a.Helper()
	a.Log(args...)
	a.Fail()
}

func (a *attempt) Errorf(format string, args ...any) {
	a.Helper()
	a.Logf(format, args...)
	a.Fail()
}

func (a *attempt) Fatal(args ...any) {
	a.Helper()
	a.Log(args...)
	a.FailNow()
}

func (a *attempt) Fatalf(format string, args ...any) {
	a.Helper()
	a.Logf(format, args...)
	a.FailNow()
}
