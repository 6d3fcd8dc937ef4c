package vrrptest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"failover/vrrp"
)

// queueLen is how many packets wait at most for a node, as a socket's buffer
// holds some hundred.
const queueLen = 256

// Conn is a node's [vrrp.Conn] on simulated segments.
type Conn struct {
	node string
	wake chan struct{}

	mu      sync.Mutex
	taps    map[string]*tap // by interface
	queue   []vrrp.Packet
	woken   bool
	frozen  bool
	closed  error
	refuse  map[string]error
	dropped int
}

var _ vrrp.Conn = (*Conn)(nil)

// NewConn returns a Conn that is plugged in nowhere.
func NewConn(node string) *Conn {
	return &Conn{node: node, wake: make(chan struct{}, 1), taps: map[string]*tap{}, refuse: map[string]error{}}
}

// Plug connects an interface to a segment under its addresses.
func (c *Conn) Plug(iface string, s *Segment, addrs ...netip.Addr) {
	t := &tap{conn: c, seg: s, iface: iface, addrs: addrs, open: map[bool]vrrp.Port{}}
	c.mu.Lock()
	c.taps[iface] = t
	c.mu.Unlock()
	s.mu.Lock()
	s.taps = append(s.taps, t)
	s.mu.Unlock()
}

// Refuse makes Open on an interface fail; nil lets it succeed again.
func (c *Conn) Refuse(iface string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse[iface] = err
}

// Freeze makes the node stand still, as a paused machine does: Recv does not
// return until it is thawed. Packets wait in its queue.
func (c *Conn) Freeze(frozen bool) {
	c.mu.Lock()
	c.frozen = frozen
	c.mu.Unlock()
	c.poke()
}

// Fail makes every later Recv return err.
func (c *Conn) Fail(err error) {
	c.mu.Lock()
	c.closed = err
	c.mu.Unlock()
	c.poke()
}

// Inject delivers a packet as if it had come from the wire.
func (c *Conn) Inject(p vrrp.Packet) { c.deliver(p) }

func (c *Conn) deliver(p vrrp.Packet) {
	c.mu.Lock()
	if len(c.queue) < queueLen {
		c.queue = append(c.queue, p)
	} else {
		c.dropped++
	}
	c.mu.Unlock()
	c.poke()
}

func (c *Conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Recv implements [vrrp.Conn].
func (c *Conn) Recv(deadline vrrp.Instant, p *vrrp.Packet) (vrrp.Instant, bool, error) {
	for {
		now, ok, ready, err := c.poll(deadline, p)
		if ready || err != nil {
			return now, ok, err
		}
		c.sleep(now, deadline)
	}
}

// poll looks once. A waiting packet comes before a deadline that has passed.
func (c *Conn) poll(deadline vrrp.Instant, p *vrrp.Packet) (now vrrp.Instant, ok, ready bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now = Now()
	switch {
	case c.closed != nil:
		return now, false, true, c.closed
	case c.frozen:
		return now, false, false, nil
	case len(c.queue) > 0:
		*p, c.queue = c.queue[0], c.queue[1:]
		return now, true, true, nil
	case c.woken || now >= deadline:
		c.woken = false
		return now, false, true, nil
	}
	return now, false, false, nil
}

func (c *Conn) sleep(now, deadline vrrp.Instant) {
	c.mu.Lock()
	frozen := c.frozen
	c.mu.Unlock()
	if frozen || deadline == vrrp.Never {
		<-c.wake
		return
	}
	timer := time.NewTimer(deadline.Sub(now))
	defer timer.Stop()
	select {
	case <-c.wake:
	case <-timer.C:
	}
}

// Send implements [vrrp.Conn].
func (c *Conn) Send(t vrrp.Transmission) error {
	c.mu.Lock()
	from := c.taps[t.Interface]
	c.mu.Unlock()
	if from == nil || !from.seg.send(from, t) {
		return fmt.Errorf("vrrp: send on %s: %w", t.Interface, net.ErrClosed)
	}
	return nil
}

// Open implements [vrrp.Conn].
func (c *Conn) Open(p vrrp.Port) error {
	c.mu.Lock()
	t, err := c.taps[p.Interface], c.refuse[p.Interface]
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if t == nil {
		return fmt.Errorf("vrrp: open %s: %w", p.Interface, errors.New("no such device"))
	}
	t.set(p, true)
	return nil
}

// Close implements [vrrp.Conn].
func (c *Conn) Close(p vrrp.Port) error {
	c.mu.Lock()
	t := c.taps[p.Interface]
	c.mu.Unlock()
	if t != nil {
		t.set(p, false)
	}
	return nil
}

// Wake implements [vrrp.Conn].
func (c *Conn) Wake() {
	c.mu.Lock()
	c.woken = true
	c.mu.Unlock()
	c.poke()
}
