package director

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/ipc"
	"failover/internal/policy"
	"failover/vrrp"
)

func TestFaultOfAGroupIsOneProblem(t *testing.T) {
	c := vrrp.Cause{Kind: vrrp.CauseInterface, Router: "outside", Detail: "eth2 has no carrier"}
	f := facts{
		world: policy.World{Node: conf.Node{Groups: []vrrp.GroupConfig{{
			Name: "nat", Routers: []vrrp.RouterConfig{{Name: "outside"}, {Name: "inside"}},
		}}}},
		engine: &ipc.Status{Routers: []vrrp.RouterStatus{
			{Group: "nat", Name: "outside", State: vrrp.Fault, Cause: c},
			{Group: "nat", Name: "inside", State: vrrp.Fault, Cause: c},
		}},
	}
	got := problems(f, api.Director{VirtualRouters: selfRouters(f)})
	if want := []string{"nat: fault: outside: eth2 has no carrier"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	f.engine.Routers = nil
	if got := problems(f, api.Director{VirtualRouters: selfRouters(f)}); len(got) != 2 {
		t.Errorf("the engine knows neither router: got %q, want a problem for each", got)
	}
}

// TestJoinedErrorsAreProblemsOfTheirOwn: a problem is a line.
func TestJoinedErrorsAreProblemsOfTheirOwn(t *testing.T) {
	f := facts{hostErr: errors.Join(errors.New("no a"), errors.New("no b"))}
	f.result.Err = errors.Join(errors.New("no c"), errors.New("no d"))
	got := problems(f, api.Director{})
	want := []string{"the engine process does not answer", "settings of this machine: no a", "settings of this machine: no b", "IPVS table: no c", "IPVS table: no d"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAddressTroubleIsNamed: also where the group had its addresses once.
func TestAddressTroubleIsNamed(t *testing.T) {
	f := facts{
		world: policy.World{Node: conf.Node{Groups: []vrrp.GroupConfig{{
			Name: "nat", Routers: []vrrp.RouterConfig{{Name: "outside"}, {Name: "inside"}},
		}}}},
	}
	for _, c := range []struct {
		holds bool
		err   string
		want  []string
	}{
		{true, "", nil},
		{false, "", []string{"outside: master, but its addresses are not all on eth2", "inside: master, but its addresses are not all on eth2"}},
		{false, "add a: no\nadd b: no", []string{"nat: master, but add a: no; add b: no"}},
		{true, "add a: no", []string{"nat: master, but add a: no"}},
	} {
		st := vrrp.RouterStatus{Group: "nat", State: vrrp.Master, HoldsAddresses: c.holds, HostError: c.err}
		outside, inside := st, st
		outside.Name, inside.Name = "outside", "inside"
		f.engine = &ipc.Status{Routers: []vrrp.RouterStatus{outside, inside}}
		routers := selfRouters(f)
		for i := range routers {
			routers[i].Interface = "eth2"
		}
		if got := problems(f, api.Director{VirtualRouters: routers}); !slices.Equal(got, c.want) {
			t.Errorf("holds %t, error %q: got %q, want %q", c.holds, c.err, got, c.want)
		}
	}
}

// TestOneSidedSilenceIsAProblem: of the router on which nothing comes.
func TestOneSidedSilenceIsAProblem(t *testing.T) {
	routers := []vrrp.RouterConfig{{Name: "outside", Interface: "eth2"}, {Name: "inside", Interface: "eth1"}}
	f := facts{
		world: policy.World{Node: conf.Node{Groups: []vrrp.GroupConfig{{Name: "nat", Routers: routers}}}},
		engine: &ipc.Status{Routers: []vrrp.RouterStatus{
			{Group: "nat", Name: "outside", State: vrrp.Backup, OneSided: "inside"},
			{Group: "nat", Name: "inside", State: vrrp.Backup},
		}},
	}
	self := api.Director{VirtualRouters: selfRouters(f)}
	want := []string{"outside: no advert is heard on eth2, though the master is heard on inside: a switch in between drops them, or it does not send them"}
	if got := problems(f, self); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if self.VirtualRouters[0].OneSided != "inside" || self.VirtualRouters[1].OneSided != "" {
		t.Errorf("%+v", self.VirtualRouters)
	}
	if g := engineMetrics(f).Groups[0]; !g.Routers[0].OneSided || g.Routers[1].OneSided {
		t.Errorf("%+v", g)
	}
}

func TestCauseText(t *testing.T) {
	peer := netip.MustParseAddr("172.20.10.6")
	for _, c := range []struct {
		router, want string
		cause        vrrp.Cause
	}{
		{"outside", "172.20.10.6 resigned", vrrp.Cause{Kind: vrrp.CausePriorityZero, Router: "outside", Peer: peer, Detail: "172.20.10.6 resigned"}},
		{"inside", "outside: 172.20.10.6 resigned", vrrp.Cause{Kind: vrrp.CausePriorityZero, Router: "outside", Peer: peer, Detail: "172.20.10.6 resigned"}},
		{"outside", "the master resigned (172.20.10.6)", vrrp.Cause{Kind: vrrp.CausePriorityZero, Router: "outside", Peer: peer}},
		{"outside", "healthy again", vrrp.Cause{Kind: vrrp.CauseRecovered}},
	} {
		if got := CauseText(c.router, c.cause); got != c.want {
			t.Errorf("%+v for %s: got %q, want %q", c.cause, c.router, got, c.want)
		}
	}
}
