package conf

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"failover/check"
	"failover/lvs"
	"failover/vrrp"
)

// pairFile is the configuration that the README shows.
const pairFile = "testdata/pair.toml"

func load(t testing.TB, path string) Deployment {
	t.Helper()
	d, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var compareAddresses = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, netip.AddrPort{})}

func TestPairIsTheExample(t *testing.T) {
	mine, err := os.ReadFile(pairFile)
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../docs/examples/pair.toml")
	if err != nil {
		t.Fatal(err)
	}
	if string(mine) != string(example) {
		t.Errorf("docs/examples/pair.toml differs from conf/%s", pairFile)
	}
	lines := 0
	for _, c := range mine {
		if c == '\n' {
			lines++
		}
	}
	if lines > 30 {
		t.Errorf("the pair takes %d lines, want at most 30", lines)
	}
}

func TestPairResolves(t *testing.T) {
	d := load(t, pairFile)
	n, err := d.Node("lb2")
	if err != nil {
		t.Fatal(err)
	}
	router := func(name, iface string, vrid uint8, prefix, source string) vrrp.RouterConfig {
		r := vrrp.RouterConfig{
			Name: name, Interface: iface, VRID: vrid, Version: 3, Interval: time.Second,
			Addresses: []vrrp.Address{{Prefix: netip.MustParsePrefix(prefix)}},
			Transport: vrrp.Multicast, Checksum: vrrp.ChecksumRFC5798, Incompatible: vrrp.Yield, Lease: 5 * time.Second,
			Announce: vrrp.Announce{Times: []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond,
				250 * time.Millisecond, time.Second, 5 * time.Second}},
		}
		if source != "" {
			r.Source = netip.MustParseAddr(source)
			r.Fellows = []vrrp.Fellow{{Source: netip.MustParseAddr("192.168.33.91")}}
		}
		return r
	}
	real := func(name, address string) RealServer {
		a := netip.MustParseAddrPort(address)
		return RealServer{Name: name, Address: a, Forward: lvs.NAT, Weight: 1, Checks: []check.Spec{{
			Kind: check.HTTP, Target: a, Interval: time.Second, Timeout: time.Second, Rise: 2, Fall: 3,
			HTTP: &check.HTTPSpec{Method: "GET", Path: "/", Status: []check.StatusRange{{From: 200, To: 299}}},
		}}}
	}
	sync := func(role lvs.Role) lvs.Sync {
		return lvs.Sync{Role: role, ID: 51, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1}
	}
	want := Node{
		Name:      "lb2",
		Addresses: []netip.Addr{netip.MustParseAddr("192.168.33.94")},
		Daemon: Daemon{Socket: "/run/failover/failover.sock", StateDir: "/var/lib/failover", PrivateKey: "/etc/failover/node.key", PeerPort: 9651, HTTPListen: PerDirector[netip.AddrPort]{All: netip.MustParseAddrPort("127.0.0.1:9650")}, LogLevel: "info",
			LogFormat: "text", Realtime: true, ScriptUser: "failover-script", ManageSysctl: true},
		Groups: []vrrp.GroupConfig{{Name: "nat", Priority: 100, Preempt: true, Routers: []vrrp.RouterConfig{
			router("outside", "eth2", 51, "172.20.10.4/28", ""),
			// The director's own address lies in the inside subnet.
			router("inside", "eth1", 52, "192.168.33.90/24", "192.168.33.94"),
		}}},
		Servers: []VirtualServer{{Name: "web",
			Key:           lvs.Key{Protocol: lvs.TCP, Address: netip.MustParseAddrPort("172.20.10.4:80")},
			VirtualRouter: "outside", Scheduler: "rr", Forward: lvs.NAT, Quorum: 1,
			Servers: []RealServer{real("web1", "192.168.33.92:80"), real("web2", "192.168.33.93:80")}}},
		IPVS: IPVS{Resync: time.Second, StopTimeout: 30 * time.Second, Sync: &SyncConfig{Enabled: true, ID: 51,
			Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1}},
		Sync:   []lvs.Sync{sync(lvs.SyncMaster), sync(lvs.SyncBackup)},
		Digest: d.Digest(),
		Peers:  []Director{{Name: "lb1", Addresses: []netip.Addr{netip.MustParseAddr("192.168.33.91")}, Priority: 150}},
	}
	if diff := cmp.Diff(want, n, compareAddresses); diff != "" {
		t.Errorf("the pair's second director (-want +got):\n%s", diff)
	}
}
