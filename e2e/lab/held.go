package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// HeldSpec says how a client holds connections.
type HeldSpec struct {
	Address  string
	Count    int           // connections; default 20
	Every    time.Duration // something is exchanged this often on each; default 100 ms
	Patience time.Duration // an exchange that takes longer breaks its connection; default 30 s
	// HTTP exchanges requests with any web server, which has to keep the connection
	// open, instead of bytes with the echo of a [Web].
	HTTP bool
}

// HeldConn is the history of one held connection.
type HeldConn struct {
	Server    string         // who is at the other end
	Local     netip.AddrPort // this end
	Opened    time.Time
	Exchanges int
	Last      time.Time // when the newest exchange that succeeded began
	// Stall is the longest exchange since [Held.Lap]; at StallAt it began.
	Stall   time.Duration
	StallAt time.Time
	// Err is why the connection broke, nil while it lives.
	Err   error
	Broke time.Time
}

// Held is a set of TCP connections that are kept in use.
type Held struct {
	spec   HeldSpec
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu    sync.Mutex
	conns []HeldConn
}

// Hold opens connections from the node to a [Web] behind address and keeps them
// in use until Stop. All are established when it returns.
func (n *Node) Hold(ctx context.Context, spec HeldSpec) (*Held, error) {
	h, err := NewHeld(ctx, n.Dial, spec)
	if err == nil {
		n.lab.onClose(func() error { h.Stop(); return nil })
	}
	return h, err
}

// NewHeld opens connections by dial and keeps them in use until Stop. All are
// established when it returns.
func NewHeld(ctx context.Context, dial Dial, spec HeldSpec) (*Held, error) {
	if spec.Count == 0 {
		spec.Count = 20
	}
	if spec.Every == 0 {
		spec.Every = 100 * time.Millisecond
	}
	if spec.Patience == 0 {
		spec.Patience = 30 * time.Second
	}
	life, cancel := context.WithCancel(context.Background())
	h := &Held{spec: spec, cancel: cancel, conns: make([]HeldConn, spec.Count)}
	for i := range h.conns {
		c, err := dial(ctx, spec.Address)
		if err != nil {
			cancel()
			return nil, fmt.Errorf("lab: hold connection %d: %w", i, err)
		}
		talk := h.talk(c)
		_ = c.SetDeadline(time.Now().Add(spec.Patience))
		server, err := talk.greet()
		if err != nil {
			c.Close()
			cancel()
			return nil, fmt.Errorf("lab: hold connection %d: %w", i, err)
		}
		h.conns[i] = HeldConn{Server: server, Opened: time.Now()}
		if local, ok := c.LocalAddr().(*net.TCPAddr); ok {
			h.conns[i].Local = local.AddrPort()
		}
		h.all.Go(func() { h.use(life, i, c, talk) })
	}
	return h, nil
}

// use exchanges something at each tick until the connection breaks or life ends.
func (h *Held) use(life context.Context, i int, c net.Conn, talk talk) {
	defer c.Close()
	defer context.AfterFunc(life, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	tick := time.NewTicker(h.spec.Every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-life.Done():
			return
		case <-tick.C:
		}
		begin := time.Now()
		_ = c.SetDeadline(begin.Add(h.spec.Patience))
		if life.Err() != nil {
			return // else this deadline might have replaced the one that ends us
		}
		err := talk.exchange(n)
		if life.Err() != nil {
			return
		}
		h.note(i, begin, err)
		if err != nil {
			return
		}
	}
}

func (h *Held) note(i int, begin time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &h.conns[i]
	if took := time.Since(begin); took > c.Stall {
		c.Stall, c.StallAt = took, begin
	}
	if err != nil {
		c.Err, c.Broke = err, time.Now()
		return
	}
	c.Exchanges++
	c.Last = begin
}

// Lap begins a new measurement of stalls, and tells what came of the last one.
func (h *Held) Lap() HeldConns {
	h.mu.Lock()
	defer h.mu.Unlock()
	so := append(HeldConns(nil), h.conns...)
	for i := range h.conns {
		h.conns[i].Stall, h.conns[i].StallAt = 0, time.Time{}
	}
	return so
}

// Conns is the history of the connections so far.
func (h *Held) Conns() HeldConns {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append(HeldConns(nil), h.conns...)
}

// Stop closes the connections and returns their history.
func (h *Held) Stop() HeldConns {
	h.cancel()
	h.all.Wait()
	return h.Conns()
}

// HeldConns are the histories of held connections.
type HeldConns []HeldConn

// Broken counts the connections that did not live to the end.
func (cs HeldConns) Broken() int {
	n := 0
	for _, c := range cs {
		if c.Err != nil {
			n++
		}
	}
	return n
}

// Since tells whether every connection that lives has exchanged something that
// began at or after t.
func (cs HeldConns) Since(t time.Time) bool {
	for _, c := range cs {
		if c.Err == nil && c.Last.Before(t) {
			return false
		}
	}
	return true
}

// Stall is the longest exchange of any connection.
func (cs HeldConns) Stall() time.Duration {
	var d time.Duration
	for _, c := range cs {
		d = max(d, c.Stall)
	}
	return d
}

// String sums up, for logs.
func (cs HeldConns) String() string {
	s := fmt.Sprintf("%d held connections, %d broken, longest stall %.2f s", len(cs), cs.Broken(), cs.Stall().Seconds())
	var errs []error
	for _, c := range cs {
		if c.Err != nil && len(errs) < 3 {
			errs = append(errs, fmt.Errorf("  %s at %s: %w", c.Server, c.Broke.Format("15:04:05.000"), c.Err))
		}
	}
	if len(errs) > 0 {
		s += "\n" + errors.Join(errs...).Error()
	}
	return s
}
