package policy

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/host"
	"failover/lvs"
	"failover/vrrp"
)

var (
	vip   = netip.MustParseAddrPort("172.20.10.4:80")
	web1  = netip.MustParseAddrPort("192.168.33.92:80")
	web2  = netip.MustParseAddrPort("192.168.33.93:80")
	probe = []check.Spec{{Kind: check.TCP}}
)

// pair is lb1 of a pair with one nat service of two servers.
func pair(scheduler string) World {
	return World{
		Node: conf.Node{
			Name:   "lb1",
			Daemon: conf.Daemon{ManageSysctl: true},
			Groups: []vrrp.GroupConfig{{Name: "nat", Routers: []vrrp.RouterConfig{{Interface: "eth2"}, {Interface: "eth1"}}}},
			Sync:   []lvs.Sync{{Role: lvs.SyncMaster}, {Role: lvs.SyncBackup}},
			Servers: []conf.VirtualServer{{
				Name: "web", Key: lvs.Key{Protocol: lvs.TCP, Address: vip}, Scheduler: scheduler, Forward: lvs.NAT,
				Servers: []conf.RealServer{
					{Name: "web1", Address: web1, Forward: lvs.NAT, Weight: 1, Checks: probe},
					{Name: "web2", Address: web2, Forward: lvs.NAT, Weight: 3, Checks: probe},
				},
			}},
		},
		Verdicts: map[check.ID]check.Verdict{},
	}
}

func (w World) judge(server string, s check.Status) {
	id := check.ID{VirtualServer: "web", RealServer: server}
	w.Verdicts[id] = check.Verdict{ID: id, Status: s}
}

func TestTableHoldsWhoIsUp(t *testing.T) {
	for _, c := range []struct {
		name         string
		scheduler    string
		first, other check.Status
		want         []int // weights in the order of the file; −1: not in the table
		quorum       bool
	}{
		{"nothing is known yet", "rr", check.Unknown, check.Unknown, []int{-1, -1}, false},
		{"both are up", "rr", check.Up, check.Up, []int{1, 3}, true},
		{"one is down", "rr", check.Down, check.Up, []int{-1, 3}, true},
		{"both are down", "wlc", check.Down, check.Down, []int{-1, -1}, false},
		{"mh keeps who is down with weight 0", "mh", check.Down, check.Up, []int{0, 3}, true},
		{"mh keeps who is unknown with weight 0", "mh", check.Unknown, check.Up, []int{0, 3}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := pair(c.scheduler)
			w.judge("web1", c.first)
			w.judge("web2", c.other)
			got := Desired(w).Table.Services[0].Servers
			var want []lvs.Server
			for i, weight := range c.want {
				rs := w.Node.Servers[0].Servers[i]
				if weight >= 0 {
					want = append(want, lvs.Server{Address: rs.Address, Forward: lvs.NAT, Weight: weight, ConfiguredWeight: rs.Weight})
				}
			}
			if len(got) != len(want) {
				t.Fatalf("servers %v, want %v", got, want)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("server %d: %+v, want %+v", i, got[i], want[i])
				}
			}
			if up := QuorumUp(&w, &w.Node.Servers[0]); up != c.quorum {
				t.Errorf("quorum up %v, want %v", up, c.quorum)
			}
		})
	}
}

func TestServerWithoutChecksIsUp(t *testing.T) {
	w := pair("rr")
	w.Node.Servers[0].Servers[0].Checks = nil
	if got := Desired(w).Table.Services[0].Servers; len(got) != 1 || got[0].Address != web1 {
		t.Errorf("servers %v, want web1 alone", got)
	}
}

// TestReady is the rule of when addresses may go up, case by case.
func TestReady(t *testing.T) {
	for _, c := range []struct {
		name        string
		guard, done bool
		judged      bool
		age         time.Duration
		want        bool
	}{
		{"nothing stands", false, false, false, 0, false},
		{"no guard", false, true, true, 0, false},
		{"no guard, however old", false, true, true, time.Hour, false},
		{"no table", true, false, true, time.Hour, false},
		{"verdicts missing", true, true, false, FirstVerdicts - 1, false},
		{"verdicts missing for too long", true, true, false, FirstVerdicts, true},
		{"everything stands", true, true, true, 0, true},
	} {
		w := pair("rr")
		w.GuardStands, w.Reconciled, w.SinceStart = c.guard, c.done, c.age
		w.judge("web1", check.Down)
		if c.judged {
			w.judge("web2", check.Up)
		}
		if c.done {
			w.Kernel = Desired(w).Table
		}
		if got := Desired(w).Health["nat"].Ready; got != c.want {
			t.Errorf("%s: ready %v, want %v", c.name, got, c.want)
		}
	}
	w := pair("rr")
	w.Node.Servers = nil
	if !Desired(w).Health["nat"].Ready {
		t.Error("without virtual servers there is nothing to wait for")
	}
}

// TestReadyWaitsForTheKernel: a verdict alone serves nobody.
func TestReadyWaitsForTheKernel(t *testing.T) {
	w := pair("rr")
	w.GuardStands, w.Reconciled = true, true
	w.judge("web1", check.Down)
	w.judge("web2", check.Up)
	if Desired(w).Health["nat"].Ready {
		t.Error("ready while web2 is up and not in the kernel's table")
	}
}

// TestBlindAfterAFault is the rule of when a group that was in a fault may take
// over again.
func TestBlindAfterAFault(t *testing.T) {
	full := pair("rr")
	full.judge("web1", check.Up)
	full.judge("web2", check.Up)
	empty := pair("rr")
	empty.judge("web1", check.Down)
	empty.judge("web2", check.Down)
	quiet := pair("mh")
	quiet.judge("web1", check.Down)
	quiet.judge("web2", check.Down)
	for _, c := range []struct {
		name   string
		kernel lvs.Table
		since  time.Duration // −1: there was no fault
		asked  bool
		streak int // failures of web2
		want   bool
	}{
		{"all servers dead, no fault", Desired(empty).Table, -1, true, 0, true},
		{"in the fault", Desired(empty).Table, 0, true, 0, false},
		{"just back, table empty", Desired(empty).Table, time.Second, true, 0, false},
		{"just back, all servers of weight 0", Desired(quiet).Table, time.Second, true, 0, false},
		{"back, table full", Desired(full).Table, time.Second, true, 0, true},
		{"back, table full, nobody asked yet", Desired(full).Table, time.Second, false, 0, false},
		{"back, table full, one does not answer", Desired(full).Table, time.Second, true, 1, false},
		{"in a fault with a full table", Desired(full).Table, 0, true, 0, false},
		{"back for long, all servers dead", Desired(empty).Table, FirstVerdicts, true, 0, true},
		{"back for long, nobody answers", Desired(full).Table, FirstVerdicts, false, 1, true},
	} {
		w := pair("rr")
		w.GuardStands, w.Reconciled, w.SinceStart, w.Kernel = true, true, time.Hour, c.kernel
		for server, streak := range map[string]int{"web1": 0, "web2": c.streak} {
			id := check.ID{VirtualServer: "web", RealServer: server}
			w.Verdicts[id] = check.Verdict{ID: id, Status: check.Up, Asked: c.asked, Streak: streak}
		}
		if c.since >= 0 {
			w.SinceFault = map[string]time.Duration{"nat": c.since}
		}
		if got := Desired(w).Health["nat"].Ready; got != c.want {
			t.Errorf("%s: ready %v, want %v", c.name, got, c.want)
		}
	}
}

// TestStartLacks: a start waits to serve what the other director serves, while that one
// is there and for a limited time.
func TestStartLacks(t *testing.T) {
	id := func(server string) check.ID { return check.ID{VirtualServer: "web", RealServer: server} }
	both := map[check.ID]time.Time{id("web1"): {}, id("web2"): {}}
	for _, c := range []struct {
		name   string
		up     string // here
		others []Other
		since  time.Duration
		want   bool
	}{
		{"it sees none, the other both", "", []Other{{}}, 6 * time.Second, false},
		{"it sees none, the other one", "", []Other{{Down: map[check.ID]time.Time{id("web1"): {}}}}, 6 * time.Second, false},
		{"it sees one, the other both", "web1", []Other{{}}, 6 * time.Second, true},
		{"nobody sees any", "", []Other{{Down: both}}, 6 * time.Second, true},
		{"the other does not know yet", "", []Other{{Unknown: map[check.ID]bool{id("web1"): true, id("web2"): true}}}, 6 * time.Second, true},
		{"there is no other", "", nil, 6 * time.Second, true},
		{"for too long", "", []Other{{}}, JoinPatience, true},
	} {
		w := pair("rr")
		w.GuardStands, w.Reconciled, w.SinceStart, w.Others = true, true, c.since, c.others
		for _, server := range []string{"web1", "web2"} {
			w.judge(server, check.Down)
			if server == c.up {
				w.judge(server, check.Up)
			}
		}
		if got := Desired(w).Health["nat"].Ready; got != c.want {
			t.Errorf("%s: ready %v, want %v", c.name, got, c.want)
		}
	}
	w := pair("rr")
	w.Node.Servers[0].Servers[0].Checks = []check.Spec{{Interval: 10 * time.Second, Timeout: 3 * time.Second, Rise: 2}}
	if got := StartPatience(w.Node); got != 23*time.Second {
		t.Errorf("a slow check: %v", got)
	}
}

func TestRecoveryFollowsTheChecks(t *testing.T) {
	w := pair("rr")
	slow := check.Spec{Interval: 10 * time.Second, Timeout: 3 * time.Second, Rise: 2}
	for _, c := range []struct {
		interval, want time.Duration
	}{{time.Second, FirstVerdicts}, {10 * time.Second, 23 * time.Second}, {time.Hour, time.Minute}} {
		slow.Interval = c.interval
		w.Node.Servers[0].Servers[1].Checks = []check.Spec{slow}
		if got := Recovery(w.Node); got != c.want {
			t.Errorf("interval %v: %v, want %v", c.interval, got, c.want)
		}
	}
}

func TestSettings(t *testing.T) {
	w := pair("rr")
	d := Desired(w).Host
	for key, want := range map[string]string{
		"net.ipv4.ip_forward":                    "1",
		"net.ipv4.vs.expire_nodest_conn":         "0",
		"net.ipv4.vs.sync_threshold":             "0 0",
		"net.ipv4.vs.sync_refresh_period":        "10",
		"net.ipv4.conf.eth1.promote_secondaries": "1",
		"net.ipv4.conf.eth2.promote_secondaries": "1",
	} {
		if d.Sysctls[key] != want {
			t.Errorf("%s = %q, want %q", key, d.Sysctls[key], want)
		}
	}
	if got := d.Guard.Services; len(got) != 1 || got[0].Address != vip {
		t.Errorf("guarded services %v", got)
	}
	if got := d.Guard.Replies; len(got) != 2 || got[0].Address != web1 {
		t.Errorf("guarded replies %v", got)
	}

	w.Node.Addresses = []netip.Addr{web2.Addr()}
	if got := Desired(w).Host.Guard; len(got.Services) != 0 || len(got.Here) != 1 || got.Here[0].Address != vip {
		t.Errorf("with a real server on this director: %+v", got)
	}
	w.Node.Addresses = nil
	w.Node.Servers[0].Servers[0].Forward = lvs.DR // its replies do not pass here
	if got := Desired(w).Host.Guard.Replies; len(got) != 1 || got[0].Address != web2 {
		t.Errorf("with web1 on dr: guarded replies %v", got)
	}
	w.Node.Daemon.ManageSysctl = false
	if got := Desired(w).Host.Sysctls; len(got) != 0 {
		t.Errorf("manage_sysctl = false, but %v", got)
	}
	w = pair("rr")
	w.Node.Servers, w.Node.Sync = nil, nil
	if got := Desired(w).Host; len(got.Sysctls) != 2 || len(got.Modules) != 0 || len(got.Guard.Services) != 0 {
		t.Errorf("without virtual servers: %+v", got)
	}
}

// A director that stands in for the owner of an address hears it speak from that
// address.
func TestSettingsBesideAnOwner(t *testing.T) {
	w := pair("rr")
	const key = "net.ipv4.conf.eth2.accept_local"
	if got, set := Desired(w).Host.Sysctls[key]; set {
		t.Errorf("nobody owns the address, but %s = %q", key, got)
	}
	w.Node.Groups[0].Routers[0].OtherOwner = true
	if got := Desired(w).Host.Sysctls[key]; got != "1" {
		t.Errorf("%s = %q, want 1", key, got)
	}
}

// An address on an interface of its own can be the primary of its subnet there.
func TestEveryInterfaceOfAnAddressPromotes(t *testing.T) {
	w := pair("rr")
	w.Node.Groups[0].Routers[0].Addresses = []vrrp.Address{
		{Prefix: netip.MustParsePrefix("172.20.10.4/28")}, {Prefix: netip.MustParsePrefix("203.0.113.9/24"), Interface: "eth3"},
	}
	if got := Desired(w).Host.Sysctls["net.ipv4.conf.eth3.promote_secondaries"]; got != "1" {
		t.Errorf("promote_secondaries of eth3 is %q", got)
	}
}

// Accept_Mode False of one router closes its addresses, all of them and no others,
// and the group waits for that.
func TestSettingsOfClosedAddresses(t *testing.T) {
	w := pair("rr")
	w.Node.Servers, w.Node.Sync = nil, nil
	list := []vrrp.Address{{Prefix: netip.MustParsePrefix("172.20.10.4/28")}, {Prefix: netip.MustParsePrefix("172.20.10.9/28")}}
	w.Node.Groups[0].Routers[0].Addresses = list
	w.Node.Groups[0].Routers[1].Addresses = []vrrp.Address{{Prefix: netip.MustParsePrefix("192.168.33.90/24")}}
	if d := Desired(w); len(d.Host.Guard.Closed) != 0 || !d.Health["nat"].Ready {
		t.Errorf("accept = true: closed %v", d.Host.Guard.Closed)
	}
	w.Node.Groups[0].Routers[0].NoAccept = true
	d := Desired(w)
	if got := d.Host.Guard.Closed; !slices.Equal(got, []netip.Addr{list[0].Prefix.Addr(), list[1].Prefix.Addr()}) {
		t.Errorf("closed %v", got)
	}
	if d.Health["nat"].Ready {
		t.Error("ready before the guard stands")
	}
}

// The interface below a virtual MAC address neither answers for what is at it nor
// speaks of it; of IPv6 the kernel never does.
func TestSettingsOfVirtualMAC(t *testing.T) {
	w := pair("rr")
	w.Node.Servers, w.Node.Sync = nil, nil
	w.Node.Groups[0].Routers[0].VirtualMAC = true
	w.Node.Groups[0].Routers = append(w.Node.Groups[0].Routers, vrrp.RouterConfig{
		Interface: "eth3", VirtualMAC: true, Addresses: []vrrp.Address{{Prefix: netip.MustParsePrefix("2001:db8::1/64")}},
	})
	d := Desired(w)
	for key, want := range map[string]string{
		"net.ipv4.conf.eth2.arp_ignore": "1", "net.ipv4.conf.eth2.arp_announce": "2",
		"net.ipv4.conf.eth1.arp_ignore": "", "net.ipv4.conf.eth3.arp_ignore": "",
	} {
		if got := d.Host.Sysctls[key]; got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if d.Health["nat"].Ready {
		t.Error("ready before the settings are written")
	}
	w.GuardStands = true
	if !Desired(w).Health["nat"].Ready {
		t.Error("not ready with the settings written")
	}
}

func TestDesiredIsPure(t *testing.T) {
	w := pair("rr")
	w.judge("web1", check.Up)
	first := Desired(w)
	Desired(w)
	if again := Desired(w); !equalHost(first.Host, again.Host) || len(again.Table.Services) != len(first.Table.Services) {
		t.Error("the same world asked for something else the second time")
	}
}

func equalHost(a, b host.Desired) bool {
	return len(a.Sysctls) == len(b.Sysctls) && len(a.Guard.Services) == len(b.Guard.Services)
}

// A service refuses only where it has no server that is up; what the kernel's
// entry has at the moment does not count.
func TestRefusals(t *testing.T) {
	w := pair("rr")
	for _, c := range []struct {
		name   string
		change func(*World)
		want   int
	}{
		{"nothing is known", func(*World) {}, 0},
		{"both up", func(w *World) { w.judge("web1", check.Up); w.judge("web2", check.Up) }, 1},
		{"one down", func(w *World) { w.judge("web1", check.Down) }, 1},
		{"both down", func(w *World) { w.judge("web2", check.Down) }, 0},
		{"no checks", func(w *World) {
			for i := range w.Node.Servers[0].Servers {
				w.Node.Servers[0].Servers[i].Checks = nil
			}
		}, 1},
		{"weights of 0", func(w *World) {
			for i := range w.Node.Servers[0].Servers {
				w.Node.Servers[0].Servers[i].Weight = 0
			}
		}, 0},
		{"a server is this machine", func(w *World) {
			w.Node.Servers[0].Servers[0].Weight = 1
			w.Node.Addresses = []netip.Addr{web2.Addr()}
		}, 0},
	} {
		c.change(&w)
		if got := Desired(w).Host.Guard.Refusals; len(got) != c.want {
			t.Errorf("%s: %v, want %d", c.name, got, c.want)
		}
	}
}
