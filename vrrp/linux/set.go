package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"failover/vrrp"
)

// request is one Set under way.
type request struct {
	ctx     context.Context
	owned   vrrp.Owned
	devices map[deviceKey]*device
	wanted  []wish
	there   map[key]present // shared by all of a round
	change  change
	added   int
	errs    []error
	wayErr  error
	settled bool // guarded by the Host's lock
}

// requests are the Sets that wait for their turn.
type requests struct {
	mu   sync.Mutex
	list []*request
}

func (q *requests) post(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, r)
}

func (q *requests) take() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	return list
}

// Set implements [vrrp.Host]. It tries every address and joins the errors. New
// addresses are up before old ones go, but for an IPv6 address that gets another
// prefix and for one that gets another label, scope or the like, which is away for
// a moment.
//
// Calls that have to wait for one another are settled together: a thousand groups
// then cost one look at the machine and one write of the owned set, not a thousand.
func (h *Host) Set(ctx context.Context, o vrrp.Owned) (added int, err error) {
	r := &request{ctx: ctx, owned: o}
	h.requests.post(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !r.settled {
		for waiting := h.requests.take(); len(waiting) > 0; {
			var round []*request
			round, waiting = h.apart(waiting)
			h.settle(round)
		}
	}
	return r.added, r.err()
}

func (r *request) note(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func (r *request) err() error {
	if err := errors.Join(r.errs...); err != nil || r.wayErr == nil {
		return errors.Join(err, r.wayErr)
	}
	return &vrrp.WayError{Err: r.wayErr}
}

// apart takes those requests out of a list that have nothing to do with each
// other, the first one among them, and leaves the rest in order.
func (h *Host) apart(list []*request) (round, rest []*request) {
	type claim struct {
		group, iface string
		address      netip.Addr
	}
	claimed := map[claim]bool{}
	for _, r := range list {
		claims := []claim{{group: r.owned.Group}}
		for _, a := range r.owned.Addresses {
			claims = append(claims, claim{iface: a.Interface, address: a.Address.Addr()})
		}
		for _, e := range h.owned.of(r.owned.Group) {
			claims = append(claims, claim{iface: e.Interface, address: e.Address.Addr()})
		}
		if slices.ContainsFunc(claims, func(c claim) bool { return claimed[c] }) {
			rest = append(rest, r)
			continue
		}
		for _, c := range claims {
			claimed[c] = true
		}
		round = append(round, r)
	}
	return round, rest
}

// settle carries out requests that have nothing to do with each other.
func (h *Host) settle(round []*request) {
	round = h.consider(round)
	gone := map[key]bool{}
	h.takeOff(round, func(c *change) []present { return c.first }, gone)
	for _, r := range round {
		r.note(h.raise(r.devices, r.wanted))
		h.addAll(r, gone)
		if len(r.change.first)+len(r.change.add) > 0 {
			h.wayView = wayView{} // routes come and go with addresses
		}
	}
	for _, r := range round {
		for _, w := range r.change.renew {
			r.note(h.renew(w))
		}
		// New routes may need the new addresses, and the old ones the old.
		r.wayErr = h.setWays(r.owned)
	}
	h.takeOff(round, func(c *change) []present { return c.remove }, gone)
	for _, r := range round {
		for _, k := range r.change.forget {
			gone[k] = true
		}
	}
	h.owned.exclude(gone)
	for _, r := range round {
		r.note(h.lower(r.owned.Group, r.devices, r.wanted))
	}
}

// consider finds out what each request changes, and returns those that can be
// carried out. The disk knows then that what they add is ours, before the kernel
// has it.
func (h *Host) consider(round []*request) (sound []*request) {
	index := map[string]int{}
	for _, r := range round {
		r.settled = true
		if err := r.ctx.Err(); err != nil {
			r.note(fmt.Errorf("vrrp: set the addresses of group %s: %w", r.owned.Group, err))
			continue
		}
		var err error
		r.devices, err = h.makeDevices(r.owned)
		r.note(err)
		r.wanted, err = h.resolve(r.owned, r.devices, index)
		r.note(err)
		sound = append(sound, r)
	}
	there, err := h.list()
	var include []Held
	for _, r := range sound {
		if err != nil {
			r.note(err)
			continue
		}
		r.there = there
		r.change = decide(r.owned.Group, r.wanted, h.owned.near(r.owned.Group, r.wanted), there, h.marks)
		r.errs = append(r.errs, r.change.refused...)
		include = append(include, held(r.change.add, r.change.renew)...)
	}
	if err != nil {
		return nil
	}
	h.owned.include(include)
	return sound
}

// addAll adds what a request adds.
func (h *Host) addAll(r *request, gone map[key]bool) {
	for _, w := range r.change.add {
		if err := h.add(w, r.there); err != nil {
			r.note(err)
			gone[w.key()] = true
			continue
		}
		delete(gone, w.key()) // it was away for a moment
		h.view.added(w, h.marks)
		h.adds[w.key()]++
		r.added++
	}
}

// takeOff removes addresses of ours and notes those that are gone. Of all requests
// together the secondaries go first: there is less to promote then.
func (h *Host) takeOff(round []*request, which func(*change) []present, gone map[key]bool) {
	for _, secondary := range []bool{true, false} {
		for _, r := range round {
			for _, a := range which(&r.change) {
				if a.secondary != secondary {
					continue
				}
				if err := h.remove(a, leaves(a, r.there)); err != nil {
					r.note(err)
					continue
				}
				gone[a.key] = true
				delete(r.there, a.key)
			}
		}
	}
}

// held returns the entries of the owned set that wishes stand for.
func held(lists ...[]wish) []Held {
	var out []Held
	for _, w := range slices.Concat(lists...) {
		out = append(out, w.Held)
	}
	return out
}
