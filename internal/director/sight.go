package director

import (
	"time"

	"failover/internal/policy"
	"failover/vrrp"
)

// role is what a group is, and since when.
type role struct {
	at    vrrp.Instant
	state vrrp.State
}

// hearRole takes in what the engine says of a group. What it said when asked can
// arrive after a newer change.
func (d *Director) hearRole(t vrrp.Transition) {
	if t.At >= d.roles[t.Group].at {
		d.roles[t.Group] = role{t.At, t.To}
	}
}

// sight is whether a real server is up, in the eyes of this director.
type sight struct {
	lost    bool
	changed time.Time // zero: it has never been lost
}

// look puts into the world who is master and since when there is a real server
// that is up, or none.
func (d *Director) look() {
	d.world.Masters = make(map[string]bool, len(d.roles))
	for group, r := range d.roles {
		d.world.Masters[group] = r.state == vrrp.Master
	}
	if lost := !policy.Sees(&d.world); lost != d.sight.lost {
		d.sight = sight{lost, time.Now()}
		d.lookIn(policy.Disagreement(d.world.Node))
		d.lookIn(policy.Recovery(d.world.Node))
	}
	d.world.Sight = policy.Sight{Lost: d.sight.lost, Ever: !d.sight.changed.IsZero(), For: time.Since(d.sight.changed)}
}
