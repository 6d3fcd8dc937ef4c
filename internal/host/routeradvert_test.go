package host

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ndp"
)

// advertise sends router advertisements until the machine has taken one.
func advertise(t *testing.T, router, host *machine, name string) {
	t.Helper()
	router.Do(func() error {
		ifi, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		// The address of the link comes with the carrier, and that when it likes.
		c, _, err := ndp.Listen(ifi, ndp.LinkLocal)
		for end := time.Now().Add(5 * time.Second); err != nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			c, _, err = ndp.Listen(ifi, ndp.LinkLocal)
		}
		if err != nil {
			return err
		}
		defer c.Close()
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			ra := &ndp.RouterAdvertisement{RouterLifetime: time.Hour, CurrentHopLimit: 64}
			if err := c.WriteTo(ra, nil, netip.MustParseAddr("ff02::1")); err != nil {
				return err
			}
			if strings.Contains(host.run("ip -6 route show default"), "proto ra") {
				return nil
			}
		}
		return fmt.Errorf("no default route")
	})
}

// Forwarding would cost the machine the default route that a router advertises.
func TestForwardingKeepsTheAdvertisedRoute(t *testing.T) {
	router, d := newMachine(t), newDirector(t)
	d.run("echo 1 > /proc/sys/net/ipv6/conf/default/accept_ra")
	cable(router, d.machine, "eth0", "fd00::2/64", "fd00::1/64")
	cable(router, d.machine, "eth1", "fd01::2/64", "fd01::1/64")
	advertise(t, router, d.machine, "eth0")

	// This is what it is there for.
	d.run("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
	if out := d.run("ip -6 route show default"); strings.Contains(out, "proto ra") {
		t.Fatalf("the kernel kept it anyway: %s", out)
	}
	d.run("echo 0 > /proc/sys/net/ipv6/conf/all/forwarding")
	advertise(t, router, d.machine, "eth0")

	for range 2 { // the second time the record alone says so
		d.wish(Desired{Sysctls: map[string]string{forwarding6: "1"}})
	}
	if out := d.run("ip -6 route show default"); !strings.Contains(out, "proto ra") {
		t.Error("the default route is gone")
	}
	for path, want := range map[string]string{"eth0/accept_ra": "2", "eth1/accept_ra": "1", "all/forwarding": "1"} {
		if got := strings.TrimSpace(d.run("cat /proc/sys/net/ipv6/conf/" + path)); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	d.run("ip -6 route del default")
	if d.wish(Desired{Sysctls: map[string]string{}}); strings.TrimSpace(d.run("cat /proc/sys/net/ipv6/conf/eth0/accept_ra")) != "2" {
		t.Error("given back while the machine forwards")
	}
	d.Do(func() error {
		_, err := d.r.Restore(t.Context())
		return err
	})
	for path, want := range map[string]string{"eth0/accept_ra": "1", "all/forwarding": "0"} {
		if got := strings.TrimSpace(d.run("cat /proc/sys/net/ipv6/conf/" + path)); got != want {
			t.Errorf("after the release %s is %s, want %s", path, got, want)
		}
	}
}
