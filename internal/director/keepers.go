package director

import (
	"context"
	"sync"
	"time"

	"failover/internal/host"
	"failover/internal/ipc"
	"failover/lvs"
)

// recheck is how often the machine's settings are compared with what they
// should be.
const recheck = 10 * time.Second

// hostRetry is how soon settings that could not be written are tried again: an
// interface may have been missing that is there now.
const hostRetry = time.Second

// hostTimeout bounds one writing of the settings; loading a module may take it.
const hostTimeout = 10 * time.Second

// hostWriter brings the machine's settings about, newest wish first, and looks
// again from time to time.
type hostWriter struct {
	host   Host
	report func(hostResult)

	mu   sync.Mutex
	want host.Desired
	seq  uint64
	wake chan struct{}
}

func newHostWriter(h Host, report func(hostResult)) *hostWriter {
	return &hostWriter{host: h, report: report, wake: make(chan struct{}, 1)}
}

func (w *hostWriter) set(d host.Desired) {
	w.mu.Lock()
	w.want = d
	w.seq++
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// asked tells whether anything was wished yet.
func (w *hostWriter) asked() bool { return w.current() > 0 }

// current is the number of the newest wish.
func (w *hostWriter) current() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seq
}

func (w *hostWriter) run(ctx context.Context) {
	again := time.NewTimer(recheck)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-again.C:
		}
		again.Reset(recheck)
		w.mu.Lock()
		want, seq := w.want, w.seq
		w.mu.Unlock()
		if seq == 0 {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, hostTimeout)
		report, err := w.host.Set(limited, want)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil || report.Missing {
			again.Reset(hostRetry)
		}
		w.report(hostResult{report: report, err: err, seq: seq})
	}
}

// tableKeeper is the kernel's IPVS with the loop that keeps it right.
type tableKeeper struct {
	kernel lvs.Kernel
	loop   *lvs.Reconciler

	mu  sync.Mutex
	gen uint64

	statsMu  sync.Mutex
	stats    lvs.Stats
	statsErr error
	statsAt  time.Time
}

func (k *tableKeeper) set(t lvs.Table) {
	gen := k.loop.Set(t)
	k.mu.Lock()
	k.gen = gen
	k.mu.Unlock()
}

func (k *tableKeeper) asked() bool { return k.current() > 0 }

// current is the generation of the newest wish.
func (k *tableKeeper) current() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.gen
}

// statsAge is how old counters may be when they are shown: one reading serves
// everybody who asks within it.
const statsAge = time.Second

// counters reads the kernel's counters, at most once a second.
func (k *tableKeeper) counters(ctx context.Context) (lvs.Stats, error) {
	k.statsMu.Lock()
	defer k.statsMu.Unlock()
	if !k.statsAt.IsZero() && time.Since(k.statsAt) < statsAge {
		return k.stats, k.statsErr
	}
	s, err := k.kernel.Stats(ctx)
	if err != nil {
		s = lvs.Stats{} // half a table would look like servers that are gone
	}
	if ctx.Err() == nil { // who asked has not given up: the answer is the kernel's
		k.stats, k.statsErr, k.statsAt = s, err, time.Now()
	}
	return s, err
}

// engineQuery asks the engine for its status and hands the answers to whom they
// belong.
type engineQuery struct {
	line    Line
	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan ipc.Status
}

func newEngineQuery(line Line) *engineQuery {
	return &engineQuery{line: line, waiting: make(map[uint64]chan ipc.Status)}
}

// ask waits for one answer; nil when ctx ends first.
func (q *engineQuery) ask(ctx context.Context) *ipc.Status {
	reply := make(chan ipc.Status, 1)
	q.mu.Lock()
	q.next++
	n := q.next
	q.waiting[n] = reply
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		delete(q.waiting, n)
		q.mu.Unlock()
	}()
	if q.line.Send(ipc.ToEngine{Query: n}) != nil {
		return nil
	}
	select {
	case s := <-reply:
		return &s
	case <-ctx.Done():
		return nil
	}
}

func (q *engineQuery) answer(s ipc.Status) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if reply, ok := q.waiting[s.Query]; ok {
		reply <- s
		delete(q.waiting, s.Query)
	}
}
