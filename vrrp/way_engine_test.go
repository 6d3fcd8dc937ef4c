package vrrp_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
)

// route reads a route that is right.
func route(t *testing.T, text string) vrrp.Route {
	t.Helper()
	r, err := vrrp.ParseRoute(text, false)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEngineHoldsWays: routes and rules come with the mastership, change by a
// reload, are put back when they are lost, and go with it. One that cannot be
// added keeps nothing else from being done.
func TestEngineHoldsWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		c := groupOf(5, 150)
		c.Routers[0].Routes = []vrrp.Route{route(t, "192.0.2.0/24 via 192.168.33.1")}
		rule, err := vrrp.ParseRule("from 172.20.10.4 table 7 priority 5", false)
		if err != nil {
			t.Fatal(err)
		}
		c.Routers[1].Rules = []vrrp.Rule{rule}
		has := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := fmt.Sprint(a.host.Ways("nat")); got != want {
				t.Errorf("the machine has %s, want %s", got, want)
			}
		}
		a.host.FailWays(errors.New("network is unreachable"))
		a.run(nil, c)
		has("[]")
		wait(5 * time.Second)
		if s := a.status("outside"); !s.HoldsAddresses || s.HostError != "network is unreachable" || len(a.host.Announced()) == 0 {
			t.Errorf("with a route that cannot be added: held %v, %q", s.HoldsAddresses, s.HostError)
		}
		a.host.FailWays(nil)
		wait(time.Second)
		has("[route 192.0.2.0/24 via 192.168.33.1 rule from 172.20.10.4 table 7 priority 5]")
		if s := a.status("outside"); s.HostError != "" {
			t.Errorf("still %q", s.HostError)
		}
		calls := a.host.Calls()
		a.engine.WayLost("nat")
		a.engine.WayLost("of another life")
		synctest.Wait()
		if a.host.Calls() != calls+1 {
			t.Errorf("%d calls after a route was lost, %d before", a.host.Calls(), calls)
		}
		c = groupOf(5, 150)
		c.Routers[0].Routes = []vrrp.Route{route(t, "192.0.2.0/24 via 192.168.33.2")}
		a.engine.Configure([]vrrp.GroupConfig{c}, nil)
		has("[route 192.0.2.0/24 via 192.168.33.2]")
		a.moved()
		a.engine.Stop()
		<-a.ended
		has("[]")
	})
}
