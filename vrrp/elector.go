package vrrp

import (
	"container/heap"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// The lengths of [Rejects] and [Mismatches].
const (
	rejectCount   = 14
	mismatchCount = 5
)

// elector is one group in the engine: the pure part and what goes with it.
type elector struct {
	group     Group
	retired   bool           // it is stopped; gone when the host has let go
	links     []RouterLink   // as last fed
	traffic   []traffic      // one per router
	addresses [][]netip.Addr // what each router advertises
	all       Owned          // the addresses, where the group holds
	none      Owned
	exec      *executor
	// The newest thing asked of the host is version; settled tells that it was done.
	version  uint64
	settled  bool
	held     bool // the host said that the addresses are there
	trouble  string
	backoff  time.Duration
	postAt   Instant // the next Set: renewal or retry
	giveUpAt Instant // Stop waits for the host no longer
	givenUp  bool
	bursts   []burst // of announcements, one per router
	fresh    bool    // master, and nothing announced yet
	late     uint64  // deadlines noticed late
	lateFor  Instant // the last of them
	at       Instant // the earliest of all deadlines
	index    int     // in the heap
}

// traffic counts the adverts of one router.
type traffic struct {
	sent, sendErrors, received uint64
	rejected                   [rejectCount]uint64
	mismatched                 [mismatchCount]uint64
	noted                      uint32 // bits of rejects and mismatches that were logged
	mute                       bool   // sending fails, and that was logged
	neighbours                 []neighbour
}

// configured prepares what hangs on the configuration c, which replaces old. What
// belongs to a router follows its name.
func (el *elector) configured(old, c GroupConfig, now Instant) {
	traffics, bursts := make([]traffic, len(c.Routers)), make([]burst, len(c.Routers))
	el.addresses = make([][]netip.Addr, len(c.Routers))
	el.all, el.none = Owned{Group: c.Name}, Owned{Group: c.Name}
	for i, rc := range c.Routers {
		bursts[i] = burst{at: Never}
		if j := slices.IndexFunc(old.Routers, func(o RouterConfig) bool { return o.Name == rc.Name }); j >= 0 {
			traffics[i], bursts[i] = el.traffic[j], el.bursts[j].follow(old.Routers[j].Announce, rc.Announce, now)
			if !sameRouter(old.Routers[j], rc) {
				traffics[i].neighbours = nil // of another place
			}
		}
		el.addresses[i] = advertised(rc.Addresses)
		if mac := rc.MAC(); mac != (MAC{}) {
			el.all.Devices = append(el.all.Devices, Device{Router: rc.Name, Interface: rc.Interface, MAC: mac})
		}
		for _, a := range rc.Addresses {
			el.all.Addresses = append(el.all.Addresses, OwnedAddress{
				Router: rc.Name, Interface: rc.On(a), MAC: rc.macOf(a), Address: a.Prefix, LeaseSecs: leaseSeconds(rc.Lease),
				Label: a.Label, Scope: a.Scope, NoPrefixRoute: a.NoPrefixRoute, Static: c.Priority == priorityOwner,
			})
		}
		el.all.Routes = append(el.all.Routes, rc.Routes...)
		el.all.Rules = append(el.all.Rules, rc.Rules...)
	}
	el.none.Devices = el.all.Devices
	el.traffic, el.bursts = traffics, bursts
}

// wanted is what the host shall hold for the group.
func (el *elector) wanted() Owned {
	if el.group.Hold {
		return el.all
	}
	return el.none
}

func (el *elector) owns(iface string, address netip.Prefix) bool {
	return slices.ContainsFunc(el.all.Addresses, func(o OwnedAddress) bool {
		return o.Interface == iface && o.Address == address
	})
}

// deadlines is a heap of groups, the earliest first.
type deadlines []*elector

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at < d[j].at }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}
func (d *deadlines) Push(x any) { el := x.(*elector); el.index = len(*d); *d = append(*d, el) }
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	el := (*d)[last]
	*d = (*d)[:last]
	el.index = -1
	return el
}

// schedule puts a group where its earliest deadline belongs.
func (e *Engine) schedule(el *elector) {
	at := min(el.group.Deadline(), el.postAt, el.giveUpAt)
	for i := range el.bursts {
		at = min(at, el.bursts[i].due())
	}
	if el.index >= 0 && at != el.at {
		el.at = at
		heap.Fix(&e.deadlines, el.index)
	}
}

// admit takes a new group up.
func (e *Engine) admit(c GroupConfig) *elector {
	el := &elector{group: NewGroup(c), postAt: Never, giveUpAt: Never, at: Never, settled: true}
	el.configured(GroupConfig{}, c, e.now)
	el.exec = newExecutor(e, el, c.Name)
	e.executors.Go(func() { el.exec.run(e.work) })
	e.groups[c.Name] = el
	heap.Push(&e.deadlines, el)
	return el
}

// retire hands a group over; it is forgotten once the host has let go.
func (e *Engine) retire(el *elector, c Cause) {
	el.retired = true
	devices := len(el.none.Devices) > 0
	el.none.Devices = nil
	e.step(el, Input{Kind: InputStop, Cause: c})
	if devices && !el.group.Hold {
		e.want(el) // one that holds wants it when it lets go
		e.schedule(el)
	}
	e.sweeping = true
}

// sweep forgets the groups that are retired and hold nothing any more.
func (e *Engine) sweep() {
	e.sweeping = false
	for name, el := range e.groups {
		switch {
		case !el.retired || !el.group.Done():
		case el.settled || el.givenUp:
			if !el.settled {
				e.stopError = fmt.Errorf("vrrp: stop: group %s: addresses may still be there: %s", name, el.trouble)
			}
			el.exec.close()
			heap.Remove(&e.deadlines, el.index)
			delete(e.groups, name)
		case e.stopping && el.giveUpAt == Never:
			el.giveUpAt = e.now.Add(giveUpAfter)
			e.schedule(el)
		}
	}
	e.relink()
}
