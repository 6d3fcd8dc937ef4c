//go:build linux

// Package ipvs is the IPVS of the running Linux kernel as an [lvs.Kernel].
//
// Plain writes go through github.com/moby/ipvs. What that library does not
// carry, or reads back wrongly (weights above 16 bits, the sequence of servers,
// 64-bit counters, persistence engines, tunnels, sync daemons), is spoken
// directly over generic netlink in this package.
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
// with its sockets.
type Kernel struct {
	log   *slog.Logger
	open  func() (*handle, error)
	jobs  chan job
	quit  chan struct{}
	ended chan struct{}
	once  sync.Once
	stuck atomic.Int32

	ns   netns.NsHandle // the network namespace of Open's thread
	mu   sync.Mutex     // guards proc
	proc *os.File       // /proc/net/ip_vs of that namespace
}

// job is one call for the writer.
type job struct {
	ctx  context.Context
	run  func(*handle)
	fail func(error)
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
	first, err := openHandle(ns, family)
	if err != nil {
		ns.Close()
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	k := newKernel(log, first, func() (*handle, error) { return openHandle(ns, family) })
	k.ns = ns
	if k.proc, err = os.Open(procPath); err != nil {
		k.Close()
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	return k, nil
}

// newKernel starts the writer with a first handle; open makes its successors.
func newKernel(log *slog.Logger, first *handle, open func() (*handle, error)) *Kernel {
	k := &Kernel{
		log: log, open: open, ns: netns.None(),
		jobs: make(chan job), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	go k.write(first)
	return k
}

// Close ends the writer and closes the sockets. The kernel's table stays.
func (k *Kernel) Close() error {
	k.once.Do(func() {
		close(k.quit)
		<-k.ended
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
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	j := job{
		ctx:  ctx,
		run:  func(h *handle) { v, err := f(h); answers <- answer{v, err} },
		fail: func(err error) { answers <- answer{err: err} },
	}
	var zero T
	select {
	case k.jobs <- j:
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-k.quit:
		return zero, errClosed
	}
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-k.ended:
		select {
		case a := <-answers:
			return a.value, a.err
		default:
			return zero, errClosed
		}
	}
}

// write is the one goroutine that talks to the kernel. h is nil while there is
// no usable handle.
func (k *Kernel) write(h *handle) {
	defer close(k.ended)
	for {
		select {
		case <-k.quit:
			h.close()
			return
		case j := <-k.jobs:
			if j.ctx.Err() != nil {
				continue // its caller is gone
			}
			if h == nil {
				var err error
				if h, err = k.reopen(); err != nil {
					j.fail(err)
					continue
				}
			}
			if !k.watch(h, j) {
				h = nil
			}
		}
	}
}

// reopen makes a new handle, unless too many calls hang in the kernel already.
func (k *Kernel) reopen() (*handle, error) {
	if n := k.stuck.Load(); n >= mostStuck {
		return nil, fmt.Errorf("%d calls hang in the kernel", n)
	}
	return k.open()
}

// watch runs one job and tells whether the handle is still good. A receive of
// moby/ipvs has no end of its own: it takes each time-out for "try again". So a
// call that outlives its context and the grace is left alone, and its sockets
// are closed under it, which wakes it if it waits for an answer.
func (k *Kernel) watch(h *handle, j job) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.run(h)
	}()
	select {
	case <-done:
		return true
	case <-j.ctx.Done():
	case <-k.quit:
	}
	last := time.NewTimer(grace)
	defer last.Stop()
	select {
	case <-done:
		return true
	case <-last.C:
	}
	k.log.Warn("ipvs: a call hangs, its sockets are replaced", "hanging", k.stuck.Add(1))
	go func() {
		h.close()
		<-done
		k.stuck.Add(-1)
	}()
	return false
}

var _ lvs.Kernel = (*Kernel)(nil)
