package vrrp_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
	"failover/vrrp/vrrptest"
)

// elsewhere is an address of the outside router that is on an interface of its own
// and in no advert.
var elsewhere = vrrp.Address{Prefix: netip.MustParsePrefix("203.0.113.9/24"), Interface: "eth3", Unadvertised: true}

// TestEngineAddressElsewhere: an address on another interface is held and
// announced there, and moves with the rest; the adverts do not list it. Its
// interface is needed as the router's own is.
func TestEngineAddressElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.host = vrrptest.NewHost("eth1", "eth2", "eth3")
		c := groupOf(5, 150)
		c.Routers[0].Addresses = append(c.Routers[0].Addresses, elsewhere)
		a.run(nil, c)
		wait(10 * time.Second)
		a.wantMoved() // eth3 has never been there
		if s := a.status("outside"); s.State != vrrp.Init || s.Cause.Detail != "eth3 is not there" {
			t.Errorf("without the interface of an address: %s, %s", s.State, s.Cause.Detail)
		}
		up := []vrrp.Link{{Name: "eth3", Index: 4, Up: true, Carrier: true}}
		a.engine.SetLinks(up)
		wait(10 * time.Second)
		a.wantMoved("init>backup started", "backup>master timeout")
		if got := a.host.Announced(); !slices.ContainsFunc(got, func(x vrrptest.Announcement) bool {
			return x.Interface == "eth3" && x.Address == elsewhere.Prefix.Addr()
		}) {
			t.Errorf("announced %v, not %s on eth3", got, elsewhere.Prefix)
		}
		a.engine.SetLinks([]vrrp.Link{{Name: "eth3", Index: 4, Up: true}})
		a.wantMoved("master>fault interface")
		if s := a.status("outside"); s.Cause.Detail != "eth3 has no carrier" {
			t.Errorf("cause %q", s.Cause.Detail)
		}
		a.holds(false)
		a.kill()
	})
}

// TestUnadvertisedIsNoDifference: two directors whose lists differ in what they do
// not advertise are no odd neighbours of each other.
func TestUnadvertisedIsNoDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		hidden := vrrp.Address{Prefix: netip.MustParsePrefix("172.20.10.9/28"), Unadvertised: true}
		c := groupOf(5, 150)
		c.Routers[0].Addresses = append(c.Routers[0].Addresses, hidden)
		a.run(nil, c)
		b.run(nil, groupOf(6, 100))
		wait(10 * time.Second)
		if !a.host.Has(hidden.Prefix.Addr()) {
			t.Errorf("the master holds\n%s", a.host)
		}
		s := b.status("outside")
		if len(s.Neighbours) != 1 || len(s.Neighbours[0].Differs) != 0 || len(s.Mismatches) != 0 {
			t.Errorf("the backup sees %+v, %v", s.Neighbours, s.Mismatches)
		}
		a.kill()
		b.kill()
	})
}

func TestAddressInWords(t *testing.T) {
	for want, a := range map[string]vrrp.Address{
		"203.0.113.9/24":                            {Prefix: elsewhere.Prefix},
		"203.0.113.9/24 dev eth3 unadvertised":      elsewhere,
		"203.0.113.9/24 label eth3:a noprefixroute": {Prefix: elsewhere.Prefix, Label: "eth3:a", NoPrefixRoute: true},
		"203.0.113.9/24 scope link":                 {Prefix: elsewhere.Prefix, Scope: vrrp.ScopeLink},
	} {
		if got := a.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
