package policy

import (
	"fmt"

	"failover/check"
	"failover/conf"
	"failover/vrrp"
)

// Rule: the tracks of all members of a group count for the group. One of weight 0
// that fails is a fault. Any other moves the priority: a weight above 0 is added
// while the track is well, one below 0 while it fails. What is not known yet is
// neither: no fault, no bonus, no penalty; a start waits for it as it does for the
// verdicts on the real servers, at most [FirstVerdicts].

// TrackID names the check of a track. No real server's name has a blank.
func TrackID(t conf.Track) check.ID {
	return check.ID{VirtualServer: "track/" + t.Router, RealServer: string(t.Kind) + " " + t.Name}
}

// TrackStanding is whether a tracked object is well, and what was seen of it.
func TrackStanding(w *World, t conf.Track) check.Verdict {
	if t.Kind == conf.QuorumTrack {
		return quorumVerdict(w, t)
	}
	if v, ok := w.Verdicts[TrackID(t)]; ok {
		return v
	}
	return check.Verdict{ID: TrackID(t), Status: check.Unknown}
}

// quorumVerdict follows the checks of the virtual server's real servers, which
// have their own rise and fall. While a missing first verdict could still make
// the quorum, nothing is known of it. What the operator says of the servers is no
// matter of this director's fitness: who drains them all for maintenance does not
// want the mastership to move. Nor is what the other director finds.
func quorumVerdict(of *World, t conf.Track) check.Verdict {
	alone := *of
	alone.Overrides, alone.Disputes = nil, Disputes{}
	w := &alone
	v := check.Verdict{ID: TrackID(t), Status: check.Up, Result: check.Result{OK: true, Detail: "quorum of " + t.Name + " is up"}}
	for i := range w.Node.Servers {
		vs := &w.Node.Servers[i]
		if vs.Name != t.Name || QuorumUp(w, vs) {
			continue
		}
		if mayHaveQuorum(w, vs) {
			if v.Status == check.Up {
				v = check.Verdict{ID: v.ID, Status: check.Unknown}
			}
			continue
		}
		v.Status = check.Down
		v.Result = check.Result{Detail: "quorum of " + t.Name + " is down"}
	}
	return v
}

// mayHaveQuorum tells whether a virtual server would have its quorum if every
// real server that nothing is known of yet were up.
func mayHaveQuorum(w *World, vs *conf.VirtualServer) bool {
	hopeful := *w
	hopeful.Verdicts = make(map[check.ID]check.Verdict)
	for j := range vs.Servers {
		rs := &vs.Servers[j]
		s := Standing(w, vs, rs)
		if s == check.Unknown {
			s = check.Up
		}
		hopeful.Verdicts[CheckID(vs, rs)] = check.Verdict{Status: s}
	}
	return QuorumUp(&hopeful, vs)
}

// trackHealth is what the tracks make of a group's health. Faults come first
// among the causes.
func trackHealth(w *World, group string) (fault bool, delta int, causes []vrrp.Cause) {
	var moved []vrrp.Cause
	for _, t := range w.Node.Tracks {
		if t.Group != group {
			continue
		}
		v := TrackStanding(w, t)
		switch {
		case v.Status == check.Up:
			delta += max(0, t.Weight)
		case v.Status == check.Unknown:
		case t.Weight == 0:
			fault = true
			causes = append(causes, trackCause(t, v))
		default:
			delta += min(0, t.Weight)
			moved = append(moved, trackCause(t, v))
		}
	}
	return fault, delta, append(causes, moved...)
}

func trackCause(t conf.Track, v check.Verdict) vrrp.Cause {
	return vrrp.Cause{Kind: vrrp.CauseTrack, Router: t.Router, Detail: TrackText(t, v)}
}

// TrackText says in words what is the matter with a tracked object.
func TrackText(t conf.Track, v check.Verdict) string {
	switch t.Kind {
	case check.Exec, check.Ping: // the others name their object themselves
		return fmt.Sprintf("%s: %s", t.Name, v.Result.Detail)
	}
	return v.Result.Detail
}
