package engine

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
)

// landing is a host that remembers when it was asked.
type landing struct {
	vrrp.Host
	begin time.Time
	sets  []time.Duration
}

func (l *landing) Set(context.Context, vrrp.Owned) (int, error) {
	l.sets = append(l.sets, time.Since(l.begin))
	return 0, nil
}

// TestGate: addresses wait for the director where its table follows another's word, no
// longer than the patience, and only when they go up.
func TestGate(t *testing.T) {
	up := vrrp.Owned{Group: "nat", Addresses: []vrrp.OwnedAddress{{Address: netip.MustParsePrefix("172.20.10.4/28")}}}
	down := vrrp.Owned{Group: "nat"}
	for _, c := range []struct {
		name    string
		follows bool
		answers time.Duration // 0: it does not
		want    []time.Duration
	}{
		{"by its own checks", false, 0, []time.Duration{0, 0, 0, 0}},
		{"answered", true, 5 * time.Millisecond, []time.Duration{5 * time.Millisecond, 5 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond}},
		{"not answered", true, 0, []time.Duration{gatePatience, gatePatience, gatePatience, 2 * gatePatience}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &landing{begin: time.Now()}
				var g *gate
				g = newGate(l, func(group string) {
					if c.answers > 0 {
						time.AfterFunc(c.answers, func() { g.prepared(group) })
					}
				})
				g.follows(c.follows)
				for _, o := range []vrrp.Owned{up, up, down, up} {
					if _, err := g.Set(t.Context(), o); err != nil {
						t.Fatal(err)
					}
				}
				if !slices.Equal(l.sets, c.want) {
					t.Errorf("set after %v, want %v", l.sets, c.want)
				}
				g.prepared("nat") // late, or for nobody
			})
		})
	}
}
