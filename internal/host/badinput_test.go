package host

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// IPv6 that is off is one error, which names a service; IPv4 goes on.
func TestWithoutIPv6(t *testing.T) {
	tr := newTree(t, map[string]string{"net/ipv4/ip_forward": "0"})
	tr.r.advertised = func() ([]string, error) { return nil, nil }
	want := Desired{
		Sysctls: map[string]string{forward: "1", forwarding6: "1", "net.ipv6.conf.eth0.forwarding": "1"},
		Guard:   Guard{Services: []lvs.Key{keyOf(lvs.TCP, "192.0.2.1:80"), keyOf(lvs.TCP, "[fd00::1]:80")}},
	}
	report, err := tr.r.Set(t.Context(), want)
	const text = "host: the kernel's IPv6 is off (ipv6.disable=1 at boot), which the service -t [fd00::1]:80 needs"
	if err == nil || err.Error() != text {
		t.Errorf("got %v\nwant %s", err, text)
	}
	if tr.get("net/ipv4/ip_forward") != "1" || !report.GuardStands || len(want.Sysctls) != 3 {
		t.Errorf("the rest was not done: %+v", report)
	}
	if err := os.MkdirAll(filepath.Join(tr.root, "proc/net"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tr.root, "proc/net/if_inet6"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.r.Set(t.Context(), want); err == nil || !strings.Contains(err.Error(), "sysctl net.ipv6.conf.all.forwarding: ") {
		t.Errorf("with IPv6, and sysctls missing: %v", err)
	}
}

// What nftables cannot do is said with what to do about it, and the rest is done.
func TestWithoutNftables(t *testing.T) {
	for cause, hint := range map[error]string{
		unix.EPROTONOSUPPORT: "the kernel has no nftables: modprobe nf_tables",
		unix.EPERM:           "that takes CAP_NET_ADMIN",
	} {
		tr := newTree(t, map[string]string{"net/ipv4/ip_forward": "0"})
		tr.r.nft = &fakeTable{err: cause}
		report, err := tr.r.Set(t.Context(), Desired{
			Sysctls: map[string]string{forward: "1"}, Guard: Guard{Services: []lvs.Key{keyOf(lvs.TCP, "192.0.2.1:80")}},
		})
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%v: %v", cause, err)
		}
		if report.GuardStands || tr.get("net/ipv4/ip_forward") != "1" {
			t.Errorf("%v: %+v", cause, report)
		}
	}
}

// An address comes to the loopback interface only when ARP is known to keep quiet
// about it.
func TestLocalWaitsForSysctls(t *testing.T) {
	d := newDirector(t)
	d.restart()
	vip := netip.MustParseAddr("203.0.113.4")
	want := Desired{Local: []netip.Addr{vip}, Assumed: map[string]string{"net.ipv4.conf.all.arp_ignore": "1"}}
	d.run("echo 0 >/proc/sys/net/ipv4/conf/all/arp_ignore")
	var err error
	d.Do(func() error { _, err = d.r.Set(t.Context(), want); return nil })
	if err == nil || strings.Contains(d.run("ip -o addr show dev lo"), vip.String()) {
		t.Errorf("got %v; %s", err, d.run("ip -o addr show dev lo"))
	}
	d.run("echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore")
	d.wish(want)
	if out := d.run("ip -o addr show dev lo"); !strings.Contains(out, vip.String()+"/32") {
		t.Errorf("got %s", out)
	}
}

// What was there before us stays when we go, and what of ours somebody else has
// made his own.
func TestLocalOwnership(t *testing.T) {
	d := newDirector(t)
	d.run("ip addr add 203.0.113.5/32 dev lo")
	want := Desired{Local: []netip.Addr{
		netip.MustParseAddr("203.0.113.4"), netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("2001:db8::4"), netip.MustParseAddr("203.0.113.6"),
	}}
	d.wish(want)
	d.run("ip addr del 203.0.113.6/32 dev lo")
	d.Do(func() error {
		lo, _, err := localAddresses()
		if err != nil {
			return err
		}
		theirs := alone(netip.MustParseAddr("203.0.113.6"))
		theirs.Protocol = 5
		return netlink.AddrAdd(lo, theirs)
	})
	if again := d.wish(want); len(again.Added) != 0 {
		t.Errorf("the second time: %v", again.Added)
	}
	report := d.wish(Desired{})
	if len(report.Added) != 3 {
		t.Errorf("did %v", report.Added)
	}
	out := d.run("ip -o addr show dev lo")
	for address, stays := range map[string]bool{"203.0.113.4/": false, "203.0.113.5/": true, "203.0.113.6/": true, "2001:db8::4/": false} {
		if strings.Contains(out, address) != stays {
			t.Errorf("%s: want it there: %v\n%s", address, stays, out)
		}
	}
}
