package vrrp_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
)

// withMAC is groupOf with a virtual MAC address outside.
func withMAC(last, priority uint8) vrrp.GroupConfig {
	c := groupOf(last, priority)
	c.Routers[0].VirtualMAC = true
	return c
}

const outsideDevice = "eth2 00:00:5e:00:01:33"

// RFC 9568 section 7.2: the source MAC address of an advert is the virtual one.
func TestRFC9568Section7_2SourceMAC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a, b := newNode(t, w, 5), newNode(t, w, 6)
		a.run(nil, withMAC(5, 150))
		b.run(nil, withMAC(6, 100))
		wait(10 * time.Second)
		a.holds(true)
		a.engine.Stop()
		<-a.ended
		wait(10 * time.Second)
		b.holds(true)
		for segment, want := range map[string]string{"outside": "00:00:5e:00:01:33", "inside": ""} {
			s := w.outside
			if segment == "inside" {
				s = w.inside
			}
			for from, macs := range s.Sources() {
				if len(macs) != 1 || macs[0].String() != want {
					t.Errorf("%s: adverts of %s from %v, want %q", segment, from, macs, want)
				}
			}
		}
		b.kill()
	})
}

// The device is there from the start, holds no address before the group does, and
// goes with it.
func TestEngineKeepsDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		has := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := strings.Join(a.host.Devices(), ", "); got != want {
				t.Fatalf("devices %q, want %q", got, want)
			}
		}
		a.run(nil, withMAC(5, 150))
		has(outsideDevice)
		a.holds(false)
		a.engine.Configure([]vrrp.GroupConfig{groupOf(5, 150)}, nil)
		has("")
		a.engine.Configure([]vrrp.GroupConfig{withMAC(5, 150)}, nil)
		has(outsideDevice)
		wait(5 * time.Second)
		a.holds(true)
		has(outsideDevice)
		if s := a.status("outside"); s.MAC.String() != "00:00:5e:00:01:33" || s.Device != "vrrp4-3-51" {
			t.Errorf("status shows %s and %q", s.MAC, s.Device)
		}
		if s := a.status("inside"); s.MAC.String() != "" || s.Device != "" {
			t.Errorf("status of inside shows %s and %q", s.MAC, s.Device)
		}
		// An interface that comes back, comes back without.
		a.host.DropDevices("eth2")
		links := a.up()
		links[1].Index = 0
		a.engine.SetLinks(links)
		wait(time.Second)
		a.engine.SetLinks(a.up())
		has(outsideDevice)
		wait(5 * time.Second)
		a.holds(true)
		a.engine.Stop()
		<-a.ended
		has("")
	})
}

// A backup that stops has a device to remove too.
func TestEngineRemovesTheDeviceOfABackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.run(nil, withMAC(5, 150))
		wait(time.Second)
		a.engine.Configure(nil, nil)
		wait(time.Second)
		if got := a.host.Devices(); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
		a.kill()
	})
}

// An interface that can have no other MAC address is a fault, and says why.
func TestNoVirtualMACIsAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWires(1)
		a := newNode(t, w, 5)
		a.run(nil, withMAC(5, 150))
		wait(5 * time.Second)
		a.moved()
		links := a.up()
		links[0].NoVirtualMAC = "it is a macvlan itself" // of eth1, where none is wanted
		a.engine.SetLinks(links)
		wait(time.Second)
		a.wantMoved()
		links[1].NoVirtualMAC = "it is part of br0"
		a.engine.SetLinks(links)
		wait(time.Second)
		a.wantMoved("master>fault interface")
		if got := a.status("outside").Cause.Detail; got != "eth2 can have no virtual MAC address: it is part of br0" {
			t.Errorf("%q", got)
		}
		a.kill()
	})
}
