//go:build linux

// Package ipvs is the IPVS of the running Linux kernel as an [lvs.Kernel].
//
// Plain writes go through github.com/moby/ipvs, one at a time. Many at once, and what
// that library does not carry, or reads back wrongly (weights above 16 bits, the
// sequence of servers, 64-bit counters, persistence engines, tunnels, sync daemons), is
// spoken directly over generic netlink in this package. Whatever the kernel cannot carry,
// or would take for something else, is refused with the reason.
package ipvs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/vishvananda/netns"

	"failover/lvs"
)

const (
	// callLimit ends a call whose context has no deadline.
	callLimit = 30 * time.Second
	// grace is what the kernel gets to answer a call that its caller has given up;
	// only after it the sockets are thrown away.
	grace = 250 * time.Millisecond
	// mostStuck is how many calls may hang in the kernel at once. Each holds a
	// thread; more of them would hang as well.
	mostStuck = 4
)

// errClosed is what a Kernel answers after Close.
var errClosed = errors.New("ipvs: closed")

// Kernel implements [lvs.Kernel]. One goroutine does all calls, reads included,
// so that none sees the half of another; a call that hangs is abandoned together
// with that goroutine and its sockets, and another takes its place.
type Kernel struct {
	log  *slog.Logger
	open func() (*handle, error)
	quit chan struct{}
	once sync.Once

	// turn holds one token: who has it may use, replace or end the writer.
	turn   chan struct{}
	writer *writer // nil: none yet, or the last one was abandoned
	stuck  atomic.Int32

	ns   netns.NsHandle // the network namespace of Open's thread
	mu   sync.Mutex     // guards proc
	proc *os.File       // /proc/net/ip_vs of that namespace
}

// Open connects to the IPVS of the calling thread's network namespace. The
// module ip_vs is loaded where it is missing; if that does not help the error
// wraps [lvs.ErrNoIPVS] and says what was tried.
func Open(ctx context.Context, log *slog.Logger) (*Kernel, error) {
	// moby/ipvs reports through the global logger of logrus, past ours.
	logrus.SetOutput(io.Discard)
	// Without the module every call of moby/ipvs "succeeds", and it never looks for
	// the family a second time: so it must not be touched before the family is there.
	family, err := probe(ctx, log)
	if err != nil {
		return nil, err
	}
	ns, err := netns.Get()
	if err != nil {
		return nil, fmt.Errorf("ipvs: open network namespace: %w", err)
	}
	started := new(devices)
	first, err := openHandle(ns, family, started)
	if err != nil {
		ns.Close()
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	k := newKernel(log, first, func() (*handle, error) { return openHandle(ns, family, started) })
	k.ns = ns
	if k.proc, err = os.Open(procPath); err != nil {
		k.Close()
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	return k, nil
}

// newKernel starts with a first handle; open makes its successors.
func newKernel(log *slog.Logger, first *handle, open func() (*handle, error)) *Kernel {
	k := &Kernel{
		log: log, open: open, ns: netns.None(), quit: make(chan struct{}),
		turn: make(chan struct{}, 1), writer: startWriter(first),
	}
	k.turn <- struct{}{}
	return k
}

// Close ends the writer, after the call that is under way, and closes the
// sockets. The kernel's table stays.
func (k *Kernel) Close() error {
	k.once.Do(func() {
		close(k.quit)
		<-k.turn // never given back
		if k.writer != nil {
			close(k.writer.jobs)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.proc != nil {
			k.proc.Close()
		}
		if k.ns.IsOpen() {
			k.ns.Close()
		}
	})
	return nil
}

// call has the writer run f, and returns by the deadline of ctx whatever the
// kernel does. The result of a call that was given up is dropped.
func call[T any](ctx context.Context, k *Kernel, f func(*handle) (T, error)) (T, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callLimit)
		defer cancel()
	}
	var zero T
	select {
	case <-k.quit:
		return zero, errClosed
	default:
	}
	select {
	case <-k.turn:
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-k.quit:
		return zero, errClosed
	}
	w, err := k.current()
	if err != nil {
		k.turn <- struct{}{}
		return zero, err
	}
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	w.jobs <- func(h *handle) { v, err := f(h); answers <- answer{v, err} }
	select {
	case a := <-answers:
		k.turn <- struct{}{}
		return a.value, a.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-k.quit:
		err = errClosed
	}
	go k.judge(w)
	return zero, err
}

// current returns the writer, a new one where the last was abandoned. The caller
// has the turn.
func (k *Kernel) current() (*writer, error) {
	if k.writer != nil {
		return k.writer, nil
	}
	if n := k.stuck.Load(); n >= mostStuck {
		return nil, fmt.Errorf("%d calls hang in the kernel", n)
	}
	h, err := k.open()
	if err != nil {
		return nil, err
	}
	k.writer = startWriter(h)
	return k.writer, nil
}

// judge gives a writer whose caller has gone the grace to finish, and abandons
// it otherwise; then it passes the turn on. A receive of moby/ipvs has no end of
// its own, it takes each time-out for "try again": closing the sockets under it
// wakes it. A call that hangs inside the kernel is past waking; its thread is
// lost until the kernel lets go.
func (k *Kernel) judge(w *writer) {
	// The writer takes the next job when it is through with the one before.
	through := make(chan struct{})
	last := time.NewTimer(grace)
	defer last.Stop()
	select {
	case w.jobs <- func(*handle) { close(through) }:
		<-through
	case <-last.C:
		k.log.Warn("ipvs: a call hangs, its sockets are replaced", "hanging", k.stuck.Add(1))
		k.writer = nil
		go w.handle.close()
		go func() {
			close(w.jobs)
			<-w.ended
			k.stuck.Add(-1)
		}()
	}
	k.turn <- struct{}{}
}

// writer is the goroutine that talks to the kernel through one handle. It lives
// on from call to call: a receive of the netlink library needs a stack of 64 KiB,
// which would have to be grown for each.
type writer struct {
	handle *handle
	jobs   chan func(*handle) // unbuffered; closed: end
	ended  chan struct{}
}

func startWriter(h *handle) *writer {
	w := &writer{handle: h, jobs: make(chan func(*handle)), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		for job := range w.jobs {
			job(h)
		}
		h.close()
	}()
	return w
}

var _ lvs.Kernel = (*Kernel)(nil)
