package linux

import (
	"fmt"
	"slices"
)

// mark is the IFA_PROTO number that addresses of ours carry.
const mark = 0xf0

// present is one address as the kernel has it.
type present struct {
	key
	mark      uint8 // IFA_PROTO; 0 on a kernel that does not keep it
	finite    bool  // it has a lifetime
	secondary bool  // it goes with its subnet's primary
	unproven  bool  // duplicate address detection has not passed it
	label     string
	scope     int
	noRoute   bool // IFA_F_NOPREFIXROUTE
}

// ours tells whether an address that stands in the owned set is still the one we
// added: an administrator who gives it anew takes the mark off, and the lifetime.
func (a present) ours(marks bool) bool {
	if marks {
		return a.mark == mark
	}
	return a.finite
}

// wish is one address to hold, on an interface that is there.
type wish struct {
	Held
	lease   int // seconds
	scope   int
	noRoute bool
	static  bool // it may be somebody else's, and counts as held then
	behind  bool // its subnet's route is to be no better than any other
}

// fits tells whether an address is as wished, or can be made so by renewing it:
// the kernel lets nobody change label, scope and the like of one that is there.
func (w wish) fits(a present, owned *Held) bool {
	if w.noRoute != a.noRoute {
		return false
	}
	if w.Address.Addr().Is6() {
		return true // its scope is in its bits, and it has no label
	}
	if w.Label == "" {
		return w.scope == a.scope && (owned == nil || owned.Label == "")
	}
	return w.scope == a.scope && w.Label == a.label
}

// change is what makes the machine hold what a group is to hold.
type change struct {
	add, renew []wish
	remove     []present
	first      []present // to remove before anything is added
	forget     []key     // in the owned set, but not on the machine or not ours
	refused    []error
}

// decide compares what a group is to hold with what is there. It is pure.
func decide(group string, wanted []wish, owned []Held, there map[key]present, marks bool) change {
	var c change
	isWanted := map[key]bool{}
	for _, w := range wanted {
		if isWanted[w.key()] {
			continue
		}
		isWanted[w.key()] = true
		entry := find(owned, w.key())
		a, is := there[w.key()]
		switch {
		case is && entry != nil && a.ours(marks), is && marks && a.mark == mark && a.finite:
			// The second: the owned set was lost, but nobody else uses our mark.
			if w.fits(a, entry) {
				c.renew = append(c.renew, w)
				continue
			}
			c.first, c.add = append(c.first, a), append(c.add, w)
		case w.static && (is || clashes(w, owned, there, marks)): // the owner's own
		case is, clashes(w, owned, there, marks):
			c.refused = append(c.refused, fmt.Errorf("vrrp: add %s to %s: %w", w.Address, w.Interface, ErrForeign))
		default:
			c.add = append(c.add, w)
		}
	}
	for _, e := range owned {
		if e.Group != group || isWanted[e.key()] {
			continue
		}
		switch a, is := there[e.key()]; {
		case !is || !a.ours(marks):
			c.forget = append(c.forget, e.key())
		case e.Address.Addr().Is6() && slices.ContainsFunc(wanted, func(w wish) bool { return w.Index == a.index && w.Address.Addr() == e.Address.Addr() }):
			// Linux has an IPv6 address once, whatever its prefix.
			c.first = append(c.first, a)
		default:
			c.remove = append(c.remove, a)
		}
	}
	// Secondaries first: there is less to promote then.
	slices.SortStableFunc(c.remove, func(a, b present) int { return rank(b.secondary) - rank(a.secondary) })
	return c
}

// find is the entry of an address in the owned set; nil: there is none.
func find(owned []Held, k key) *Held {
	i := slices.IndexFunc(owned, func(e Held) bool { return e.key() == k })
	if i < 0 {
		return nil
	}
	return &owned[i]
}

// clashes tells whether the interface has the address already, with another
// prefix and not from us. Linux would let us add it a second time, but it would
// stay when ours goes.
func clashes(w wish, owned []Held, there map[key]present, marks bool) bool {
	for k, a := range there {
		if k.index != w.Index || k.prefix.Addr() != w.Address.Addr() {
			continue
		}
		if !a.ours(marks) || find(owned, k) == nil {
			return true
		}
	}
	return false
}

// rank orders false before true.
func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// leaves tells whether the removal of a primary address takes addresses along
// that are not to be removed: the secondaries of its subnet.
func leaves(a present, there map[key]present) bool {
	if a.secondary {
		return false
	}
	for k, b := range there {
		if b.secondary && k.index == a.index && k.prefix.Masked() == a.prefix.Masked() {
			return true
		}
	}
	return false
}
