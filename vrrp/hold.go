package vrrp

import (
	"errors"
	"slices"
	"time"
)

// want makes a new wish of the host: to hold, or to let go.
//
// Where another master's advert is why, the machine lets go a moment later: that
// advert is sent before its sender's addresses are up and announced (RFC 9568
// section 6.4.2), and what clients send in between would be lost. The announcement
// that comes after that moment is the one that lasts.
//
// In the same way a machine that takes over from a fellow which still serves claims the
// addresses a moment after its first advert. Until then the fellow serves on, and has
// other people told what must be known on both machines: see claimAfter.
func (e *Engine) want(el *elector) {
	el.version++
	el.settled, el.backoff = false, 0
	lingers := el.held && !el.group.Hold && el.heard(e.now)
	if !el.group.Hold {
		el.held = false
		el.silence()
		el.exec.hush()
	}
	el.fresh = el.group.Hold && el.group.State == Master
	switch {
	case lingers:
		el.postAt = e.now.Add(lingerFor)
	case el.fresh && !el.held && el.served(e.now):
		el.postAt = e.now.Add(claimAfter)
	default:
		e.post(el)
	}
}

// served tells that the master we follow is one of ours, which serves until we announce
// ourselves, and for [lingerFor] after our first advert. A master that is only known by
// its adverts may have let go with its last one; of a group it is enough that one
// router's is known. To the MAC address of a virtual router our own adverts have led the
// switches already, and there is nothing to wait for.
func (el *elector) served(now Instant) bool {
	g := &el.group
	if g.Cause.Kind != CausePreempt && g.Cause.Kind != CausePriorityZero || len(el.all.Devices) > 0 {
		return false
	}
	for i := range g.Routers {
		r, c := &g.Routers[i], &g.Config.Routers[i]
		// One that has not spoken for longer has died since.
		if now.Sub(r.MasterSeen) <= r.MasterInterval+r.MasterInterval/2 && c.fellow(r.MasterAddress) {
			return true
		}
	}
	return false
}

// heard tells that another master spoke just now.
func (el *elector) heard(now Instant) bool {
	return slices.ContainsFunc(el.group.Routers, func(r Router) bool { return r.MasterSeen == now })
}

// post hands the present wish to the executor. While the group holds, it comes
// back every second: the renewal hangs on this loop on purpose, so that one that
// no longer turns lets the kernel take the addresses away.
func (e *Engine) post(el *elector) {
	el.exec.set(el.wanted(), el.version)
	el.postAt = Never
	if el.group.Hold {
		el.postAt = e.now.Add(renewEvery)
	}
}

// result is what the host made of a wish.
type result struct {
	version uint64
	added   int
	err     error
}

// settle takes a result from the executor.
func (e *Engine) settle(el *elector, r result) {
	if e.groups[el.group.Config.Name] != el || r.version != el.version {
		return // an older wish; the newest one's result is under way
	}
	var ways *WayError
	addressed := r.err == nil || errors.As(r.err, &ways)
	el.held = el.group.Hold && (el.held || addressed)
	if r.err == nil {
		el.settled, el.trouble, el.backoff = true, "", 0
	} else {
		el.trouble = r.err.Error()
		el.backoff = min(max(firstRetry, 2*el.backoff), renewEvery)
		retry := e.now.Add(el.backoff)
		el.postAt = min(el.postAt, retry)
	}
	if el.group.State == Master && el.group.Hold && (r.added > 0 || (el.fresh && addressed)) {
		el.fresh = false
		el.announce(e.now)
	}
	e.sweeping = e.sweeping || el.retired
	e.schedule(el)
}

// burst is a schedule of announcements of one router under way.
type burst struct {
	start     Instant
	next      int       // in Announce.Times
	at        Instant   // of the next round; Never: none
	again     []Instant // of the rounds between, which another master is why
	contested Instant   // when another master last was; 0: not yet
	apart     time.Duration
}

// Other masters cause rounds for soon, and not again in that time. A neighbour that is
// deaf goes on and on: what it causes is twice as far apart each time, up to late.
const (
	contestedSoon = 50 * time.Millisecond
	contestedLate = time.Second
)

// due is when there is a round next.
func (b *burst) due() Instant {
	if len(b.again) > 0 {
		return min(b.at, b.again[0])
	}
	return b.at
}

// announce starts a burst on every router.
func (el *elector) announce(now Instant) {
	for i := range el.bursts {
		el.bursts[i] = burst{start: now}
		el.bursts[i].plan(now, el.group.Config.Routers[i].Announce)
	}
}

// reannounce starts a burst on every router that holds addresses on one of the
// interfaces.
func (e *Engine) reannounce(moved []string) {
	if len(moved) == 0 {
		return
	}
	for _, el := range e.groups {
		if !el.held || el.group.State != Master {
			continue // who becomes master announces then
		}
		for i := range el.bursts {
			rc := &el.group.Config.Routers[i]
			if !slices.ContainsFunc(rc.Interfaces(), func(name string) bool { return slices.Contains(moved, name) }) {
				continue
			}
			el.bursts[i] = burst{start: e.now, contested: el.bursts[i].contested, apart: el.bursts[i].apart}
			el.bursts[i].plan(e.now, rc.Announce)
		}
		e.schedule(el)
	}
}

// plan sets the time of the next round.
func (b *burst) plan(now Instant, a Announce) {
	switch {
	case b.next < len(a.Times):
		b.at = b.start.Add(a.Times[b.next])
	case a.Refresh > 0:
		b.at = now.Add(a.Refresh)
	default:
		b.at = Never
	}
}

// follow is the burst after a reload: a new schedule counts from its refresh on.
func (b burst) follow(old, a Announce, now Instant) burst {
	if slices.Equal(old.Times, a.Times) && old.Refresh == a.Refresh || b.start == 0 {
		return b
	}
	b.next = len(a.Times)
	b.plan(now, a)
	return b
}

// contested starts a burst on router i, whose neighbours may have believed
// another master. One that is under way has its first rounds once more, between the
// others, and goes on: a neighbour that is deaf would otherwise keep it from ever
// getting further. One round is not enough: what the other one announces comes after
// the advert that told of it (RFC 9568 section 6.4.2), so it may come after our
// answer as well.
func (el *elector) contested(i int, now Instant) {
	a, b := el.group.Config.Routers[i].Announce, &el.bursts[i]
	since := now.Sub(b.contested)
	if !el.held || len(a.Times) == 0 || since < b.apart {
		return
	}
	apart := contestedSoon
	if since < 2*b.apart {
		apart = min(2*b.apart, contestedLate)
	}
	if b.next >= len(a.Times) {
		*b = burst{start: now, contested: now, apart: apart}
		b.plan(now, a)
		return
	}
	b.contested, b.apart, b.again = now, apart, nil
	for _, t := range a.Times {
		if after := t - a.Times[0]; after <= contestedSoon {
			b.again = append(b.again, now.Add(after))
		}
	}
}

// silence cancels what was still to be announced.
func (el *elector) silence() {
	for i := range el.bursts {
		el.bursts[i] = burst{at: Never}
	}
}

// announceDue asks for the rounds that are due, one per router however many were
// missed: a late one is not made up for by two.
func (e *Engine) announceDue(el *elector) {
	for i := range el.bursts {
		b, rc := &el.bursts[i], &el.group.Config.Routers[i]
		if b.due() > e.now {
			continue
		}
		if el.group.State != Master {
			b.at, b.again = Never, nil // while handing over it is no longer ours to say
			continue
		}
		el.exec.announce(el.all, rc.Name)
		b.again = slices.DeleteFunc(b.again, func(at Instant) bool { return at <= e.now })
		if b.at > e.now {
			continue
		}
		for b.next < len(rc.Announce.Times) && b.start.Add(rc.Announce.Times[b.next]) <= e.now {
			b.next++
		}
		b.plan(e.now, rc.Announce)
	}
}

// leaseSeconds is the valid lifetime of an address, rounded up.
func leaseSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
