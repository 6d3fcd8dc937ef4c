package engine

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

// patientLog is a [slog.Handler] that never waits: a goroutine of its own hands
// the lines on. A log that nobody reads, a stopped journal or a full pipe, must
// hold up neither the renewal of an address nor a hand-over. What does not fit
// is dropped, and counted.
type patientLog struct {
	slog.Handler
	queue *lineQueue
}

type line struct {
	to     slog.Handler
	record slog.Record
}

type lineQueue struct {
	lines chan line
	ended chan struct{}

	mu      sync.Mutex
	dropped int
	closed  bool
}

func newPatientLog(h slog.Handler) *patientLog {
	q := &lineQueue{lines: make(chan line, linesKept), ended: make(chan struct{})}
	go q.run(h)
	return &patientLog{h, q}
}

// Handle implements [slog.Handler].
func (l *patientLog) Handle(_ context.Context, r slog.Record) error {
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
func (l *patientLog) WithAttrs(as []slog.Attr) slog.Handler {
	return &patientLog{l.Handler.WithAttrs(as), l.queue}
}

// WithGroup implements [slog.Handler].
func (l *patientLog) WithGroup(name string) slog.Handler {
	return &patientLog{l.Handler.WithGroup(name), l.queue}
}

// close waits a moment for what was logged to be written.
func (l *patientLog) close() {
	l.queue.mu.Lock()
	l.queue.closed = true
	close(l.queue.lines)
	l.queue.mu.Unlock()
	select {
	case <-l.queue.ended:
	case <-time.After(lastWords):
	}
}

func (q *lineQueue) run(h slog.Handler) {
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
