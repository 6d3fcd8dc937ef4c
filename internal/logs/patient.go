// Package logs writes the log of a daemon: lines that never hold up whoever says
// them.
package logs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// linesKept is how many log lines wait for somebody to read them.
	linesKept = 1024
	// lastWords is how long the end of the process waits for them.
	lastWords = time.Second
)

// Patient returns a handler that never waits: a goroutine of its own hands the
// lines on to h. A log that nobody reads, a stopped journal or a full pipe, must
// hold up neither the renewal of an address nor a hand-over. What does not fit is
// dropped, and counted. flush ends it and waits a second at most for what was
// said to be written.
func Patient(h slog.Handler) (p slog.Handler, flush func()) {
	q := &queue{lines: make(chan line, linesKept), ended: make(chan struct{})}
	go q.run(h)
	return &patient{h, q}, q.flush
}

type patient struct {
	slog.Handler
	queue *queue
}

type line struct {
	to     slog.Handler
	record slog.Record
}

type queue struct {
	lines chan line
	ended chan struct{}

	mu      sync.Mutex
	dropped int
	closed  bool
}

// Handle implements [slog.Handler].
func (l *patient) Handle(_ context.Context, r slog.Record) error {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	if l.queue.closed {
		return nil
	}
	select {
	case l.queue.lines <- line{l.Handler, r.Clone()}:
	default:
		l.queue.dropped++
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (l *patient) WithAttrs(as []slog.Attr) slog.Handler {
	return &patient{l.Handler.WithAttrs(as), l.queue}
}

// WithGroup implements [slog.Handler].
func (l *patient) WithGroup(name string) slog.Handler {
	return &patient{l.Handler.WithGroup(name), l.queue}
}

func (q *queue) flush() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.lines)
	}
	q.mu.Unlock()
	select {
	case <-q.ended:
	case <-time.After(lastWords):
	}
}

func (q *queue) run(h slog.Handler) {
	defer close(q.ended)
	for l := range q.lines {
		// An error is of a log that cannot be written: there is nobody to tell.
		_ = l.to.Handle(context.Background(), l.record)
		q.mu.Lock()
		n := q.dropped
		q.dropped = 0
		q.mu.Unlock()
		if n > 0 {
			r := slog.NewRecord(time.Now(), slog.LevelWarn, fmt.Sprintf("%d log lines were dropped because nobody read them in time", n), 0)
			_ = h.Handle(context.Background(), r)
		}
	}
}
