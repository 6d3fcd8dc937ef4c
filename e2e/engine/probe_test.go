package engine

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"failover/e2e/lab"
)

// pinger sends an echo request each millisecond and notes which are answered.
type pinger struct {
	mu       sync.Mutex
	sent     []time.Time
	answered []bool
	stop     func()
}

// ping starts to probe an address from a node.
func (p *pair) ping(n *lab.Node, to netip.Addr) *pinger {
	p.t.Helper()
	var c net.PacketConn
	err := n.Do(func() (err error) {
		c, err = net.ListenPacket("ip4:icmp", "0.0.0.0")
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	g, id := &pinger{}, rand.IntN(1<<16)
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { g.send(c, to, id, done) })
	running.Go(func() { g.receive(c, id) })
	g.stop = sync.OnceFunc(func() {
		close(done)
		// The last ones get their chance.
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		running.Wait()
		_ = c.Close()
	})
	p.t.Cleanup(g.stop)
	return g
}

func (g *pinger) send(c net.PacketConn, to netip.Addr, id int, done chan struct{}) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	dst := &net.IPAddr{IP: to.AsSlice()}
	for seq := 0; ; seq++ {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{
			ID: id, Seq: seq & 0xffff, Data: binary.BigEndian.AppendUint64(nil, uint64(seq)),
		}}
		b, err := m.Marshal(nil)
		if err != nil {
			return
		}
		g.mu.Lock()
		g.sent, g.answered = append(g.sent, time.Now()), append(g.answered, false)
		g.mu.Unlock()
		_, _ = c.WriteTo(b, dst) // what is not sent is not answered
	}
}

func (g *pinger) receive(c net.PacketConn, id int) {
	b := make([]byte, 1500)
	for {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		m, err := icmp.ParseMessage(1, b[:n])
		if err != nil || m.Type != ipv4.ICMPTypeEchoReply {
			continue
		}
		if e, ok := m.Body.(*icmp.Echo); ok && e.ID == id && len(e.Data) == 8 {
			g.mu.Lock()
			if seq := binary.BigEndian.Uint64(e.Data); seq < uint64(len(g.answered)) {
				g.answered[seq] = true
			}
			g.mu.Unlock()
		}
	}
}

// outage is what a prober has missed.
type outage struct {
	sent, lost int
	// gap is the longest time between two requests that were answered while those
	// between them were not.
	gap time.Duration
}

func (o outage) String() string {
	return fmt.Sprintf("%d of %d echo requests lost, longest gap %.1f ms", o.lost, o.sent, float64(o.gap)/1e6)
}

// end stops the probing and sums up.
func (g *pinger) end() (o outage) {
	g.stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	o.sent = len(g.sent)
	last, missed := time.Time{}, false
	for i, at := range g.sent {
		if !g.answered[i] {
			o.lost, missed = o.lost+1, true
			if i < len(g.sent)-1 {
				continue
			}
		}
		if missed && !last.IsZero() {
			o.gap = max(o.gap, at.Sub(last))
		}
		last, missed = at, false
	}
	return o
}

// change is an address that came or went.
type change struct {
	at    time.Time
	added bool
	addr  netip.Addr
}

// ledger notes every change of the addresses of a node.
type ledger struct {
	mu      sync.Mutex
	changes []change
}

// ledger starts to note; it ends with the test.
func (p *pair) ledger(n *lab.Node) *ledger {
	p.t.Helper()
	events, done := make(chan netlink.AddrUpdate, 64), make(chan struct{})
	err := n.Do(func() error {
		return netlink.AddrSubscribeWithOptions(events, done, netlink.AddrSubscribeOptions{
			ErrorCallback: func(error) {}, // at the end of the subscription
		})
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { close(done) })
	l := &ledger{}
	go func() {
		for e := range events {
			a, _ := netip.AddrFromSlice(e.LinkAddress.IP)
			l.mu.Lock()
			l.changes = append(l.changes, change{time.Now(), e.NewAddr, a.Unmap()})
			l.mu.Unlock()
		}
	}()
	return l
}

// of are the changes of one address since a time.
func (l *ledger) of(a netip.Addr, since time.Time) []change {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.changes), func(c change) bool { return c.addr != a || c.at.Before(since) })
}

// gone waits for an address to go, and tells when; it must go just once.
func (l *ledger) gone(p *pair, a netip.Addr, since time.Time) time.Time {
	p.t.Helper()
	p.await(10*time.Second, a.String()+" goes", func() bool { return len(l.lost(a, since)) > 0 })
	all := l.lost(a, since)
	if len(all) > 1 {
		p.t.Fatalf("%s went %d times", a, len(all))
	}
	return all[0]
}

// lost are the times at which an address went, as far as the kernel's news of it
// have come in.
func (l *ledger) lost(a netip.Addr, since time.Time) (at []time.Time) {
	for _, c := range l.of(a, since) {
		if !c.added {
			at = append(at, c.at)
		}
	}
	return at
}
