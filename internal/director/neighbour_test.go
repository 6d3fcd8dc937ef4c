package director

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"failover/conf"
	"failover/internal/ipc"
	"failover/internal/policy"
	"failover/vrrp"
)

// TestIncompatibleNeighbourIsAProblem: while it is alive, with what differs, and
// by the name of the director that it is.
func TestIncompatibleNeighbourIsAProblem(t *testing.T) {
	now := vrrp.Instant(time.Hour)
	ours := vrrp.Neighbour{Address: netip.MustParseAddr("192.168.33.94"), Version: 3, Priority: 100, Interval: time.Second, Seen: now}
	stranger := vrrp.Neighbour{
		Address: netip.MustParseAddr("192.168.33.7"), Version: 3, Priority: 100, Interval: time.Second, Seen: now,
		Rejected: vrrp.RejectVersion, Differs: []vrrp.Difference{{In: vrrp.FieldVersion, Ours: "2", Theirs: "3"}},
	}
	other := ours
	other.Differs = []vrrp.Difference{
		{In: vrrp.FieldInterval, Ours: "1s", Theirs: "2s"}, // is learned
		{In: vrrp.FieldAddresses, Ours: "192.0.2.1", Theirs: "192.0.2.1 192.0.2.2"},
		{In: vrrp.FieldChecksum, Ours: "rfc5798", Theirs: "rfc9568"},
	}
	beside, deaf, left := stranger, ours, stranger
	beside.GoesOn, deaf.GoesOn, left.Left = true, true, true
	silent := stranger
	silent.Seen = now.Add(-time.Minute)
	for _, c := range []struct {
		name       string
		neighbours []vrrp.Neighbour
		want       []string
	}{
		{"compatible", []vrrp.Neighbour{ours}, nil},
		{"discarded", []vrrp.Neighbour{ours, stranger}, []string{"r: neighbour 192.168.33.7 is alive, but its adverts are discarded: version 3, ours 2"}},
		{"silent", []vrrp.Neighbour{silent}, nil},
		{"beside", []vrrp.Neighbour{beside}, []string{"r: neighbour 192.168.33.7 is master too and discards our adverts: version 3, ours 2"}},
		{"deaf", []vrrp.Neighbour{deaf}, []string{"r: neighbour lb2 (192.168.33.94) is master too, with priority 100: it does not hear our 150"}},
		{"left", []vrrp.Neighbour{left}, []string{"r: neighbour 192.168.33.7 does not fit, and the mastership is left to it: version 3, ours 2"}},
		{"accepted", []vrrp.Neighbour{other}, []string{
			"r: neighbour lb2 (192.168.33.94) differs from us: addresses 192.0.2.1 192.0.2.2, ours 192.0.2.1; checksum rfc9568, ours rfc5798"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := vrrp.RouterStatus{Group: "r", Name: "r", State: vrrp.Backup, Version: 3, EffectivePriority: 150, Neighbours: c.neighbours}
			f := facts{
				deployment: conf.Deployment{Directors: []conf.Director{{Name: "lb2", Addresses: []netip.Addr{ours.Address}}}},
				world: policy.World{Node: conf.Node{Groups: []vrrp.GroupConfig{{
					Name: "r", Routers: []vrrp.RouterConfig{{Name: "r", Version: 3}},
				}}}},
				engine: &ipc.Status{Now: now, Routers: []vrrp.RouterStatus{st}},
			}
			routers := selfRouters(f)
			if got := routerProblems(f, routers[0]); !slices.Equal(got, c.want) {
				t.Errorf("problems %q, want %q", got, c.want)
			}
			odd, two := len(c.want), 0
			if c.name == "deaf" {
				odd = 0
			}
			if c.neighbours[0].GoesOn {
				two = 1
			}
			if len(routers[0].Neighbours) != len(c.neighbours) || incompatible(f, st) != odd || rivals(f, st) != two {
				t.Errorf("neighbours %+v, %d incompatible, %d rivals", routers[0].Neighbours, incompatible(f, st), rivals(f, st))
			}
			if n := routers[0].Neighbours[0]; n.Alive != (c.name != "silent") || len(n.Differs) != len(c.neighbours[0].Differs) {
				t.Errorf("shown as %+v", n)
			}
		})
	}
}
