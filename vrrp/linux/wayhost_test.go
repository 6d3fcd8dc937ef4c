package linux

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// vip is the address that the routes of these tests come with.
var vip = []vrrp.OwnedAddress{
	{Router: "r", Interface: "eth0", Address: prefix("192.0.2.10/24"), LeaseSecs: 30},
	{Router: "r", Interface: "eth0", Address: prefix("2001:db8::10/64"), LeaseSecs: 30},
}

// parsed reads routes, and after "rule" rules, of an IPv4 router.
func parsed(t *testing.T, group string, lines ...string) vrrp.Owned {
	t.Helper()
	o := vrrp.Owned{Group: group, Addresses: vip}
	for _, l := range lines {
		if text, is := strings.CutPrefix(l, "rule "); is {
			r, err := vrrp.ParseRule(text, false)
			if err != nil {
				t.Fatal(err)
			}
			o.Rules = append(o.Rules, r)
			continue
		}
		r, err := vrrp.ParseRoute(l, false)
		if err != nil {
			t.Fatal(err)
		}
		o.Routes = append(o.Routes, r)
	}
	return o
}

// travel has group g hold the addresses and these routes and rules.
func (l *lodger) travel(lines ...string) error {
	l.m.t.Helper()
	o := parsed(l.m.t, "g", lines...)
	return l.m.try(func() error {
		_, err := l.Set(context.Background(), o)
		return err
	})
}

func (l *lodger) mustTravel(lines ...string) {
	l.m.t.Helper()
	if err := l.travel(lines...); err != nil {
		l.m.t.Fatal(err)
	}
}

// stay has group g hold nothing.
func (l *lodger) stay() {
	l.m.t.Helper()
	l.m.do(func() error {
		_, err := l.Set(context.Background(), vrrp.Owned{Group: "g"})
		return err
	})
}

// marked are the routes and rules that ip(8) shows with our mark, one a line.
func (m *machine) marked() string {
	m.t.Helper()
	out := ""
	for _, family := range []string{"-4", "-6"} {
		out += m.ip(family, "route", "show", "table", "all", "proto", "240")
		for line := range strings.Lines(m.ip(family, "rule", "show")) {
			if strings.Contains(line, "proto 240") {
				out += line
			}
		}
	}
	var lines []string
	for line := range strings.Lines(out) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// everything has each form of route and rule, both families.
var everything = []string{
	"203.0.113.0/24 via 192.0.2.2",
	"203.0.113.0/24 via 192.0.2.2 metric 50",
	"198.51.100.0/24 dev eth0 src 192.0.2.10",
	"198.51.101.0/24 dev eth0 table 100 scope global",
	"198.51.102.0/24 via 10.9.9.9 dev eth0 onlink table 1000",
	"blackhole 198.51.103.0/24",
	"default via 192.0.2.2 table 100",
	"2001:db8:1::/48 via 2001:db8::2 src 2001:db8::10",
	"unreachable 2001:db8:2::/48 metric 7",
	"prohibit default table 100 metric 9",
	"2001:db8:3::/48 via fe80::1 dev eth0 table 1000",
	"rule from 192.0.2.10 table 100 priority 1000",
	"rule from all fwmark 0x10/0xf0 iif eth0 table 1000 priority 1001",
	"rule to 2001:db8:1::/48 table 1000 priority 1002",
}

// quiet runs f and complains about changes of routes and rules that it makes.
func (m *machine) quiet(what string, f func()) {
	m.t.Helper()
	var fd int
	m.do(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		groups := uint32(1<<(unix.RTNLGRP_IPV4_ROUTE-1) | 1<<(unix.RTNLGRP_IPV6_ROUTE-1) |
			1<<(unix.RTNLGRP_IPV4_RULE-1) | 1<<(unix.RTNLGRP_IPV6_RULE-1))
		return unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups})
	})
	defer unix.Close(fd)
	if err := listenOnly(fd); err != nil { // the kernel has routes of its own to change
		m.t.Fatal(err)
	}
	f()
	var b [4096]byte
	if n, err := unix.Read(fd, b[:]); !errors.Is(err, unix.EAGAIN) {
		m.t.Errorf("%s changes routes or rules: %d bytes, %v", what, n, err)
	}
}

// travels is what a next process would find of routes and rules.
func (l *lodger) travels() string {
	l.m.t.Helper()
	w, _, err := l.ways.Load()
	if err != nil {
		l.m.t.Fatal(err)
	}
	var out []string
	for _, e := range w.Routes {
		out = append(out, e.Group+" "+e.Route.String())
	}
	for _, e := range w.Rules {
		out = append(out, e.Group+" rule "+e.Rule.String())
	}
	return strings.Join(out, ", ")
}

// TestRoutesAndRules: what is written is what ip(8) shows, a renewal changes
// nothing, and all of it goes with the group.
func TestRoutesAndRules(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	h.mustTravel(everything...)
	shown := m.marked()
	for _, want := range []string{
		"203.0.113.0/24 via 192.0.2.2 dev eth0",
		"203.0.113.0/24 via 192.0.2.2 dev eth0 metric 50",
		"198.51.100.0/24 dev eth0 scope link src 192.0.2.10",
		"198.51.101.0/24 dev eth0 table 100",
		"198.51.102.0/24 via 10.9.9.9 dev eth0 table 1000 onlink",
		"blackhole 198.51.103.0/24",
		"default via 192.0.2.2 dev eth0 table 100",
		"prohibit default table 100 metric 9",
		"2001:db8:1::/48 via 2001:db8::2 dev eth0 src 2001:db8::10 metric 1024 pref medium",
		"unreachable 2001:db8:2::/48 dev lo metric 7 pref medium",
		"2001:db8:3::/48 via fe80::1 dev eth0 table 1000 metric 1024 pref medium",
		"1000: from 192.0.2.10 lookup 100 proto 240",
		"1001: from all fwmark 0x10/0xf0 iif eth0 lookup 1000 proto 240",
		"1002: from all to 2001:db8:1::/48 lookup 1000 proto 240",
	} {
		if !strings.Contains("\n"+shown+"\n", "\n"+want+"\n") {
			t.Errorf("%q is not in\n%s", want, shown)
		}
	}
	m.quiet("a renewal", func() { h.mustTravel(everything...) })
	same(t, "after a renewal", m.marked(), shown)
	h.stay()
	same(t, "afterwards", m.marked(), "")
	same(t, "on disk", h.travels(), "")
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24]")
}

// TestRoutesChange: what changes is changed in place, what goes goes, what stays
// is not touched.
func TestRoutesChange(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	h.mustTravel("203.0.113.0/24 via 192.0.2.2", "198.51.100.0/24 dev eth0", "2001:db8:1::/48 via 2001:db8::2", "rule from 192.0.2.10 table 100 priority 1000")
	h.mustTravel("203.0.113.0/24 via 192.0.2.3 src 192.0.2.10", "blackhole 198.51.101.0/24", "2001:db8:1::/48 via 2001:db8::3", "rule from 192.0.2.10 table 101 priority 1000")
	same(t, "routes", m.marked(), `blackhole 198.51.101.0/24
203.0.113.0/24 via 192.0.2.3 dev eth0 src 192.0.2.10
1000: from 192.0.2.10 lookup 101 proto 240
2001:db8:1::/48 via 2001:db8::3 dev eth0 metric 1024 pref medium`)
	same(t, "on disk", h.travels(), "g 203.0.113.0/24 via 192.0.2.3 src 192.0.2.10, g blackhole 198.51.101.0/24, "+
		"g 2001:db8:1::/48 via 2001:db8::3, g rule from 192.0.2.10 table 101 priority 1000")
	h.mustTravel("203.0.113.0/24 dev eth0")
	same(t, "routes", m.marked(), "203.0.113.0/24 dev eth0 scope link")
	h.stay()
	same(t, "afterwards", m.marked(), "")
}

// TestRoutesOfStrangers: one in our place is named and stays; one that replaces
// ours is put back when its owner is done, and is not removed with the group.
func TestRoutesOfStrangers(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	m.ip("route", "add", "203.0.113.0/24", "via", "192.0.2.7")
	m.ip("rule", "add", "from", "192.0.2.10", "table", "100", "priority", "1000")
	ours := []string{"203.0.113.0/24 via 192.0.2.2", "198.51.100.0/24 via 192.0.2.2", "rule from 192.0.2.10 table 100 priority 1000"}
	err := h.travel(ours...)
	var ways *vrrp.WayError
	if !errors.Is(err, ErrForeign) || !errors.As(err, &ways) || !strings.Contains(err.Error(), "vrrp: add route 203.0.113.0/24 via 192.0.2.2: it is there already") {
		t.Errorf("error %v", err)
	}
	same(t, "ours", m.marked(), "198.51.100.0/24 via 192.0.2.2 dev eth0\n1000: from 192.0.2.10 lookup 100 proto 240")
	m.ip("route", "del", "203.0.113.0/24")
	h.mustTravel(ours...)
	m.ip("route", "replace", "198.51.100.0/24", "via", "192.0.2.9")
	if err := h.travel(ours...); !errors.Is(err, ErrForeign) {
		t.Errorf("error %v of a route that was replaced", err)
	}
	h.stay()
	same(t, "ours afterwards", m.marked(), "")
	if routes := m.ip("route"); !strings.Contains(routes, "198.51.100.0/24 via 192.0.2.9") {
		t.Errorf("the stranger's route is gone:\n%s", routes)
	}
	if rules := m.ip("rule"); !strings.Contains(rules, "1000:\tfrom 192.0.2.10 lookup 100") {
		t.Errorf("the stranger's rule is gone:\n%s", rules)
	}
	same(t, "on disk", h.travels(), "")
}

// TestRoutesThatCannotBe: the error names each, and the others are there, as are
// the addresses.
func TestRoutesThatCannotBe(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	err := h.travel("203.0.113.0/24 via 10.1.1.1", "203.0.114.0/24 dev eth9", "198.51.100.0/24 via 192.0.2.2")
	for _, want := range []string{
		"vrrp: add route 203.0.113.0/24 via 10.1.1.1: network is unreachable", "vrrp: add route 203.0.114.0/24 dev eth9: no such device",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	same(t, "routes", m.marked(), "198.51.100.0/24 via 192.0.2.2 dev eth0")
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24 192.0.2.10/24]")
	same(t, "on disk", h.travels(), "g 198.51.100.0/24 via 192.0.2.2")
}

// TestRoutesOfTheNextProcess: it adopts them without touching them, those of a
// group that it does not have it takes off, and so does a release.
func TestRoutesOfTheNextProcess(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	h.mustTravel(everything...)
	shown := m.marked()
	h.restart()
	m.quiet("adopting", func() { h.mustTravel(everything...) })
	same(t, "adopted", m.marked(), shown)
	h.restart()
	m.do(func() error {
		n, err := h.Purge(context.Background(), "g")
		same(t, "purged beside g", n, Purged{})
		return err
	})
	m.ip("route", "add", "203.0.115.0/24", "via", "192.0.2.2", "proto", "240") // somebody uses our number
	m.do(func() error {
		n, err := h.Purge(context.Background())
		same(t, "purged", n, Purged{Addresses: 2, Routes: 11, Rules: 3})
		return err
	})
	same(t, "left", m.marked(), "203.0.115.0/24 via 192.0.2.2 dev eth0")
	same(t, "on disk", h.travels(), "")
}

// TestRoutesWithoutTheirAddress: what the kernel makes of routes when an address
// ends with its lease, as it does when the engine is killed. A route of IPv4 goes
// with its source address, one of IPv6 loses it, any other stays until the next
// process takes it off. A renewal puts all right.
func TestRoutesWithoutTheirAddress(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	routes := []string{
		"203.0.113.0/24 via 192.0.2.2 src 192.0.2.10", "203.0.114.0/24 via 192.0.2.2",
		"2001:db8:1::/48 via fe80::1 dev eth0 src 2001:db8::10",
	}
	h.mustTravel(routes...)
	shown := m.marked()
	m.unaddress("eth0", "192.0.2.10/24")
	m.unaddress("eth0", "2001:db8::10/64")
	same(t, "without the addresses", m.marked(), "203.0.114.0/24 via 192.0.2.2 dev eth0\n2001:db8:1::/48 via fe80::1 dev eth0 metric 1024 pref medium")
	h.mustTravel(routes...)
	same(t, "with them", m.marked(), shown)
	// An address that is given anew, with another label, takes its routes along too.
	o := parsed(t, "g", routes...)
	o.Addresses = append([]vrrp.OwnedAddress{}, o.Addresses...)
	o.Addresses[0].Label = "eth0:a"
	m.do(func() error {
		_, err := h.Set(context.Background(), o)
		return err
	})
	same(t, "with another label", m.marked(), shown)
}

// TestRoutesOfALastAddress: with the last address of IPv4 the kernel takes every
// route of IPv4 off an interface.
func TestRoutesOfALastAddress(t *testing.T) {
	m, peer := pair(t)
	connect(m, peer, "eth1")
	h := newHost(m)
	o := parsed(t, "g", "203.0.113.0/24 dev eth1", "203.0.114.0/24 via 192.0.2.2")
	o.Addresses = []vrrp.OwnedAddress{{Router: "r", Interface: "eth1", Address: prefix("198.51.100.7/32"), LeaseSecs: 30}}
	set := func() {
		m.do(func() error {
			_, err := h.Set(context.Background(), o)
			return err
		})
	}
	set()
	shown := m.marked()
	m.unaddress("eth1", "198.51.100.7/32")
	same(t, "without the address", m.marked(), "203.0.114.0/24 via 192.0.2.2 dev eth0")
	set()
	same(t, "with it", m.marked(), shown)
}

// TestGroupsShareALookAtRoutes: hundreds of groups that renew ask the kernel for
// its routes a few times a second, not each of them.
func TestGroupsShareALookAtRoutes(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	set := func(i int) {
		o := parsed(t, fmt.Sprint("g", i), fmt.Sprintf("198.51.100.%d via 192.0.2.2", i))
		o.Addresses = nil
		m.do(func() error {
			_, err := h.Set(context.Background(), o)
			return err
		})
	}
	const groups = 30
	for i := range groups {
		set(i)
	}
	begin, looks := time.Now(), map[time.Time]bool{}
	for i := range groups {
		set(i)
		looks[h.wayView.asked] = true
	}
	if most := int(time.Since(begin)/waysLast) + 2; len(looks) > most {
		t.Errorf("%d looks in %v, at most %d are needed", len(looks), time.Since(begin), most)
	}
	same(t, "routes", strings.Count(m.marked(), "via 192.0.2.2"), groups)
}

// TestWatchReportsLostRoutes: one of ours that is taken off is reported, at once
// and each time; the routes of others are nothing to wake for.
func TestWatchReportsLostRoutes(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	ours := []string{"203.0.113.0/24 via 192.0.2.2", "2001:db8:1::/48 via 2001:db8::2", "rule from 192.0.2.10 table 100 priority 1000"}
	h.mustTravel(ours...)
	o := h.watch("eth0")
	o.until("eth0", func(l vrrp.Link) bool { return l.Name == "eth0" })
	for _, gone := range [][]string{
		{"route", "del", "203.0.113.0/24"}, {"route", "del", "203.0.113.0/24"},
		{"-6", "route", "del", "2001:db8:1::/48"}, {"rule", "del", "priority", "1000"},
	} {
		m.ip("route", "replace", "198.51.100.0/24", "via", "192.0.2.9")
		m.ip(gone...)
		select {
		case g := <-o.ways:
			same(t, strings.Join(gone, " "), g, "g")
		case <-time.After(patience):
			t.Fatalf("no report of %v", gone)
		}
		h.mustTravel(ours...)
	}
	select {
	case g := <-o.ways:
		t.Errorf("a report of %s though nothing is lost", g)
	default:
	}
}
