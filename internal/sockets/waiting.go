package sockets

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"failover/internal/pause"
)

// waitingLook is how often it is looked whether anybody still waits.
const waitingLook = 2 * time.Millisecond

// Waiting are the connections of an HTTP server that wait for an answer. (Shutdown of
// net/http hangs up on those whose first request it has just read.)
type Waiting struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// Note is the server's ConnState.
func (w *Waiting) Note(c net.Conn, s http.ConnState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s != http.StateNew && s != http.StateActive {
		delete(w.conns, c)
		return
	}
	if w.conns == nil {
		w.conns = map[net.Conn]bool{}
	}
	w.conns[c] = true
}

// None returns when nobody waits, or with ctx. The server accepts no more.
func (w *Waiting) None(ctx context.Context) {
	for w.some() && pause.For(ctx, waitingLook) == nil {
	}
}

func (w *Waiting) some() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns) > 0
}
