package vrrp

import (
	"sync"
	"time"
)

// Announcements of hundreds of addresses in one go are lost where they are
// policed: switches hand ARP to a slow processor and drop, or close the port, above
// some rate, and the receivers' queues hold a thousand frames (Linux:
// net.core.netdev_max_backlog). So the first ones of an interface go out at once,
// as a small configuration needs no more, and the rest one address each
// millisecond: two frames, a megabit, and what users of keepalived set as
// garp_interval. 500 addresses take half a second.
const (
	announceAtOnce = 50
	announceApart  = time.Millisecond
)

// pacer spreads the announcements of each interface, whatever groups they are of.
// It hands out times; who asked waits. An interface that was quiet has its
// allowance back.
type pacer struct {
	mu   sync.Mutex
	next map[string]time.Time // by interface: when the allowance is whole again
}

// wait returns how long the next announcement on an interface has to wait from
// now; 0: it may go, and is counted.
func (p *pacer) wait(iface string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = make(map[string]time.Time)
	}
	whole := p.next[iface]
	if whole.Before(now) {
		whole = now
	}
	if d := whole.Add(announceApart).Sub(now) - announceAtOnce*announceApart; d > 0 {
		return d
	}
	p.next[iface] = whole.Add(announceApart)
	return 0
}
