package policy

import (
	"maps"
	"time"

	"failover/check"
	"failover/conf"
)

// Rule: both directors check and both keep the table. They find the same out, though
// not in the same moment, so for [Hold] after the newer of two verdicts that differ a
// real server takes no new connections on either director, and keeps those it has: if
// it is dead the first one to know spares the clients of both, and if it is not nobody
// has lost a request. One that comes back waits as long for the other director to see
// it too. Each director then goes by its own checks, because one of the two cannot
// reach the server, and says so.
//
// The other's word never leaves less than half of a virtual server's real servers that
// are up here, nor takes its quorum away: who loses that many is blind rather than
// right. A word that was wrong, because it was taken back or not confirmed within Hold,
// is followed again for this real server after [Distrust]: the bad path of a backup
// must not make a master's table flap.
//
// Nothing is followed of a director that is not reached, that has another
// configuration in force, or that does not know yet. docs/peer.md has every case; the
// test reads it.

const (
	// Hold is for how long two directors treat a real server alike on which their
	// checks differ.
	Hold = 5 * time.Second
	// Distrust is for how long a word that was wrong is not followed.
	Distrust = time.Minute
)

// Other is what another director's checks say of the real servers, of which it has the
// same as this one: those that are in neither list are up.
type Other struct {
	Director string
	Down     map[check.ID]time.Time // since when, by this machine's clock
	Unknown  map[check.ID]bool
}

// Says is the other director's verdict on a real server.
func (o Other) Says(id check.ID) check.Status {
	switch _, down := o.Down[id]; {
	case down:
		return check.Down
	case o.Unknown[id]:
		return check.Unknown
	}
	return check.Up
}

// Alike tells whether another word changes nothing.
func (o Other) Alike(p Other) bool {
	return maps.EqualFunc(o.Down, p.Down, time.Time.Equal) && maps.Equal(o.Unknown, p.Unknown)
}

// Dispute is a real server on which two directors have differed for less than [Hold].
type Dispute struct {
	Director string // the other one
	Here     check.Status
	Since    time.Time // of the newer verdict
	Rises    bool      // the newer one says up
	Counts   bool      // the real server takes no new connections here
}

// Disputes are those of one moment. The next decision is given them.
type Disputes struct {
	Open map[check.ID]Dispute
	// Wrong has until when the other's word on a real server is not followed.
	Wrong map[check.ID]time.Time
	// Stood is how each real server stood, disputes included.
	Stood map[check.ID]check.Status
	// Ends is when the first of Open does by itself; zero: there is none.
	Ends time.Time
}

// Checked lists the real servers that have checks, each once, in the order of the file.
func Checked(n conf.Node) (list []check.ID) {
	seen := map[string]bool{}
	for i := range n.Servers {
		vs := &n.Servers[i]
		if seen[vs.Name] {
			continue
		}
		seen[vs.Name] = true
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			if len(rs.Checks) > 0 {
				list = append(list, CheckID(vs, rs))
			}
		}
	}
	return list
}

// Agree finds the disputes of a moment; w has those of before.
func Agree(now time.Time, w *World) Disputes {
	if !w.Node.PeerLink {
		return Disputes{}
	}
	was := w.Disputes
	next := Disputes{Open: map[check.ID]Dispute{}, Wrong: map[check.ID]time.Time{}, Stood: map[check.ID]check.Status{}}
	for id, until := range was.Wrong {
		if now.Before(until) {
			next.Wrong[id] = until
		}
	}
	for _, id := range Checked(w.Node) {
		if d, is := dispute(now, w, id, next.Wrong); is {
			next.Open[id] = d
		} else if was.Open[id].wrong(w, id) {
			next.Wrong[id] = now.Add(Distrust)
		}
		next.Stood[id] = w.Verdicts[id].Status
	}
	next.follow(w)
	for id, d := range next.Open {
		if d.Counts {
			next.Stood[id] = check.Down
		}
		if end := d.Since.Add(Hold); next.Ends.IsZero() || end.Before(next.Ends) {
			next.Ends = end
		}
	}
	return next
}

// dispute is that on one real server, if there is one. What stood as the newer verdict
// says already is not disputed: a director that has just met the other, or started.
func dispute(now time.Time, w *World, id check.ID, wrong map[check.ID]time.Time) (d Dispute, is bool) {
	here, was := w.Verdicts[id], w.Disputes
	for _, o := range w.Others {
		d = Dispute{Director: o.Director, Here: here.Status, Since: here.Since}
		switch there := o.Says(id); {
		case here.Status == check.Up && there == check.Down:
			down := o.Down[id]
			d.Rises = here.Since.After(down)
			_, distrusted := wrong[id]
			if d.Rises {
				is = was.Stood[id] == check.Down
			} else {
				d.Since, is = down, !distrusted
			}
		case here.Status == check.Down && there == check.Up:
			is = was.Stood[id] == check.Up || was.Open[id].Director != ""
		}
		if is && now.Sub(d.Since) < Hold {
			return d, true
		}
		is = false
	}
	return Dispute{}, false
}

// wrong tells whether a dispute that is over has ended with a word that was not true:
// the server is up here, and the other director, which is still reached, has said that
// it is down.
func (d Dispute) wrong(w *World, id check.ID) bool {
	if d.Here != check.Up || d.Rises || w.Verdicts[id].Status != check.Up {
		return false
	}
	for _, o := range w.Others {
		if o.Director == d.Director {
			return true
		}
	}
	return false
}

// follow decides, for each virtual server, whether the other's word counts here.
func (d *Disputes) follow(w *World) {
	seen := map[string]bool{}
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		if seen[vs.Name] {
			continue
		}
		seen[vs.Name] = true
		follows := d.enough(w, vs)
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			id := CheckID(vs, rs)
			if one, open := d.Open[id]; open {
				one.Counts = follows || one.Here == check.Down
				d.Open[id] = one
			}
		}
	}
}

// enough tells whether a virtual server can do without the real servers that are up
// here and down by the other's word.
func (d *Disputes) enough(w *World, vs *conf.VirtualServer) bool {
	up, lost, weight, loses := 0, 0, 0, 0
	for j := range vs.Servers {
		rs := &vs.Servers[j]
		n := wantedWeight(w, vs, rs)
		if n == 0 || Standing(w, vs, rs) != check.Up {
			continue
		}
		up, weight = up+1, weight+n
		if one := d.Open[CheckID(vs, rs)]; one.Here == check.Up {
			lost, loses = lost+1, loses+n
		}
	}
	need := Needed(w, vs)
	return 2*(up-lost) >= up && (weight < need || weight-loses >= need)
}
