package vrrp

import (
	"context"
	"log/slog"
	"sync"
)

// herald tells the world what the loop has decided, from a goroutine of its own,
// so that neither a slow disk nor a slow listener holds the loop up. What piles
// up beyond noticesKept is dropped, the oldest first.
type herald struct {
	log          *slog.Logger
	onTransition func(Transition)
	wake         chan struct{}

	mu       sync.Mutex
	queue    []notice
	dropped  int
	finished bool
}

// notice is a transition, or a warning where text is set.
type notice struct {
	transition Transition
	text       string
	args       []any
}

func newHerald(log *slog.Logger, onTransition func(Transition)) *herald {
	return &herald{log: log, onTransition: onTransition, wake: make(chan struct{}, 1)}
}

func (h *herald) transition(t Transition) { h.post(notice{transition: t}) }

func (h *herald) warn(text string, args ...any) { h.post(notice{text: text, args: args}) }

func (h *herald) post(n notice) {
	h.mu.Lock()
	if len(h.queue) >= noticesKept {
		h.queue = h.queue[1:]
		h.dropped++
	}
	h.queue = append(h.queue, n)
	h.mu.Unlock()
	h.poke()
}

func (h *herald) close() {
	h.mu.Lock()
	h.finished = true
	h.mu.Unlock()
	h.poke()
}

func (h *herald) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// run tells until ctx ends, or until close has been called and all is told.
func (h *herald) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
		h.mu.Lock()
		queue, dropped, finished := h.queue, h.dropped, h.finished
		h.queue, h.dropped = nil, 0
		h.mu.Unlock()
		if dropped > 0 {
			h.log.Warn("notices were dropped because nobody took them in time", "count", dropped)
		}
		for i := range queue {
			h.tell(&queue[i])
		}
		if finished && len(queue) == 0 {
			return
		}
		if finished {
			h.poke()
		}
	}
}

func (h *herald) tell(n *notice) {
	if n.text != "" {
		h.log.Warn(n.text, n.args...)
		return
	}
	t := &n.transition
	args := []any{"group", t.Group, "from", t.From, "to", t.To, "priority", t.Priority, "cause", t.Cause.Kind}
	if t.Cause.Router != "" {
		args = append(args, "router", t.Cause.Router)
	}
	if t.Cause.Detail != "" {
		args = append(args, "detail", t.Cause.Detail)
	}
	h.log.Info("role changed", args...)
	if h.onTransition != nil {
		h.onTransition(*t)
	}
}
