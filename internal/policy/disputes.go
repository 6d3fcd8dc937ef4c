package policy

import (
	"maps"
	"time"

	"failover/check"
	"failover/conf"
)

// inForce is how a real server stands by its checks and, for a moment, by those of the
// other director.
func inForce(w *World, vs *conf.VirtualServer, rs *conf.RealServer) check.Status {
	if w.Disputes.Open[CheckID(vs, rs)].Counts {
		return check.Down
	}
	return Standing(w, vs, rs)
}

// lingers tells whether a real server keeps the connections it has while the directors
// differ on it. Where the scheduler refuses the clients of a server of weight 0 it is
// out instead.
func lingers(w *World, vs *conf.VirtualServer, rs *conf.RealServer) bool {
	d := w.Disputes.Open[CheckID(vs, rs)]
	return d.Counts && !d.Rises && Skips(vs)
}

// Differ tells whether the verdict of another director on a real server has been
// another one for longer than [Hold], and since when.
func Differ(now time.Time, w *World, o Other, id check.ID) (since time.Time, differ bool) {
	here, there := w.Verdicts[id], o.Says(id)
	switch {
	case here.Status == check.Up && there == check.Down:
		since = here.Since
		if down := o.Down[id]; down.After(since) {
			since = down
		}
	case here.Status == check.Down && there == check.Up:
		since = here.Since
	default:
		return time.Time{}, false
	}
	return since, now.Sub(since) >= Hold
}

// Borrowed tells whether a real server that is up here takes no new connections because
// of another director's word.
func (d Disputes) Borrowed() bool {
	for _, one := range d.Open {
		if one.Counts && one.Here == check.Up {
			return true
		}
	}
	return false
}

// Alone is what is left of the disputes of a director that is about to be master: its
// own verdicts. It hears the other one again on what comes after this moment.
func Alone(now time.Time, w *World) Disputes {
	next := Disputes{Wrong: maps.Clone(w.Disputes.Wrong), Stood: maps.Clone(w.Disputes.Stood)}
	for id, one := range w.Disputes.Open {
		if one.Here == check.Up {
			next.Wrong[id] = now.Add(Distrust)
		}
		next.Stood[id] = w.Verdicts[id].Status
	}
	return next
}
