package director

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/metrics"
	"failover/internal/policy"
	"failover/vrrp"
)

// trackWork adds what the pool has to ask for the tracks.
func trackWork(node conf.Node, w map[check.ID]check.Work) {
	for _, t := range node.Tracks {
		if t.Kind != conf.QuorumTrack {
			w[policy.TrackID(t)] = check.Work{Specs: []check.Spec{t.Spec}}
		}
	}
}

// trackOf finds the track that a verdict is about.
func trackOf(node conf.Node, id check.ID) (conf.Track, bool) {
	i := slices.IndexFunc(node.Tracks, func(t conf.Track) bool { return policy.TrackID(t) == id })
	if i < 0 {
		return conf.Track{}, false
	}
	return node.Tracks[i], true
}

func logTrack(log *slog.Logger, t conf.Track, v check.Verdict) {
	level := slog.LevelInfo
	if v.Status == check.Down {
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "track is "+string(v.Status),
		"virtual_router", t.Router, "kind", t.Kind, "name", t.Name, "weight", t.Weight, "detail", v.Result.Detail)
}

// tracks are those of one router for status. What is not known yet is not ok and
// no problem either.
func tracks(f facts, router string) []api.Track {
	list := []api.Track{}
	for _, t := range f.world.Node.Tracks {
		if t.Router != router {
			continue
		}
		v := policy.TrackStanding(&f.world, t)
		list = append(list, api.Track{
			Kind: string(t.Kind), Name: t.Name, OK: v.Status == check.Up, Weight: t.Weight,
			Check: string(v.Status), CheckDetail: v.Result.Detail, Since: v.Since.UTC().Truncate(time.Millisecond),
		})
	}
	return list
}

// trackProblems names the tracks that fail. What is the cause of a group's fault
// has been named already.
func trackProblems(f facts, r api.VirtualRouter) []string {
	var ps []string
	st, known := f.routerStatus(r.Name)
	for _, t := range f.world.Node.Tracks {
		v := policy.TrackStanding(&f.world, t)
		if t.Router != r.Name || v.Status != check.Down {
			continue
		}
		text := policy.TrackText(t, v)
		if known && st.State == vrrp.Fault && st.Cause.Kind == vrrp.CauseTrack && st.Cause.Router == t.Router && st.Cause.Detail == text {
			continue
		}
		ps = append(ps, fmt.Sprintf("%s: track: %s (%s)", r.Name, text, consequence(t)))
	}
	return ps
}

// consequence is what a failing track does.
func consequence(t conf.Track) string {
	switch {
	case t.Weight == 0:
		return "fault"
	case t.Weight > 0:
		return fmt.Sprintf("its %d are missing from the priority", t.Weight)
	}
	return fmt.Sprintf("priority %d", t.Weight)
}

func trackMetrics(f facts) []metrics.Track {
	var list []metrics.Track
	for _, t := range f.world.Node.Tracks {
		m := metrics.Track{Router: t.Router, Kind: string(t.Kind), Name: t.Name}
		if s := policy.TrackStanding(&f.world, t).Status; s != check.Unknown {
			m.Up = new(s == check.Up)
		}
		list = append(list, m)
	}
	return list
}

// followLinks has the tracked interfaces looked at as soon as something happens
// to one, without waiting for their interval.
func (d *Director) followLinks(ctx context.Context) {
	err := d.o.Parts.Links(ctx, func() {
		d.pool.Hurry(func(s check.Spec) bool { return s.Kind == check.Interface })
	})
	if err != nil && ctx.Err() == nil {
		d.log.Warn("changes of interfaces are noticed at their interval only", "error", err)
	}
}
