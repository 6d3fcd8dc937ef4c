package check

import "sync"

// mailbox holds the newest verdict on each server until Report takes it, so
// that a slow reader costs neither memory nor a probe's time.
type mailbox struct {
	mu      sync.Mutex
	pending map[ID]Verdict
	order   []ID // of pending, oldest first
	wake    chan struct{}
	closed  chan struct{}
}

func newMailbox() *mailbox {
	return &mailbox{
		pending: map[ID]Verdict{},
		wake:    make(chan struct{}, 1),
		closed:  make(chan struct{}),
	}
}

// put leaves a verdict for delivery; it never waits.
func (b *mailbox) put(v Verdict) {
	b.mu.Lock()
	if _, there := b.pending[v.ID]; !there {
		b.order = append(b.order, v.ID)
	}
	b.pending[v.ID] = v
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // it has been called already
	}
}

// forget drops what is waiting for a server that is no longer checked.
func (b *mailbox) forget(id ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.pending, id)
}

// take empties the box.
func (b *mailbox) take() []Verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	verdicts := make([]Verdict, 0, len(b.pending))
	for _, id := range b.order {
		// A forgotten server may have come back and stand in order twice.
		if v, there := b.pending[id]; there {
			verdicts = append(verdicts, v)
			delete(b.pending, id)
		}
	}
	b.order = b.order[:0]
	return verdicts
}

// deliver calls report until the box is closed.
func (b *mailbox) deliver(report func([]Verdict)) {
	for {
		select {
		case <-b.wake:
		case <-b.closed:
			return
		}
		select {
		case <-b.closed:
			return
		default:
		}
		if verdicts := b.take(); len(verdicts) > 0 {
			report(verdicts)
		}
	}
}

func (b *mailbox) close() { close(b.closed) }
