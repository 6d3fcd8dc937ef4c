package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"failover/vrrp"
)

const both = `
[director.lb1]
address = ["192.168.33.91", "2001:db8:1::91"]
[director.lb2]
address = ["192.168.33.94", "2001:db8:1::94"]
`

// router6 is a file with one router of IPv6.
func router6(more string, addresses ...string) string {
	for i, a := range addresses {
		addresses[i] = `"` + a + `"`
	}
	return both + "[virtual_router.r]\ninterface = \"eth1\"\nvrid = 51\naddresses = [" + strings.Join(addresses, ", ") + "]\n" + more + "\n"
}

// TestLinkLocalFirst: RFC 9568 section 5.2.9. The one that is derived is the one
// of the virtual router's MAC address, on every director.
func TestLinkLocalFirst(t *testing.T) {
	for _, c := range []struct{ written, want string }{
		{"2001:db8:1::90/64", "[fe80::200:5eff:fe00:233/64 2001:db8:1::90/64]"},
		{"fe80::90/64 2001:db8:1::90/64", "[fe80::90/64 2001:db8:1::90/64]"},
		{"fe80::90/128", "[fe80::90/128]"},
	} {
		d := parse(t, router6("", strings.Fields(c.written)...))
		for _, name := range []string{"lb1", "lb2"} {
			r := node(t, d, name).Groups[0].Routers[0]
			if got := fmt.Sprint(r.Addresses); got != c.want || !r.IPv6() || r.Version != 3 {
				t.Errorf("%s has %s, want %s", name, got, c.want)
			}
		}
	}
	if got := derivedLinkLocal(255).String(); got != "fe80::200:5eff:fe00:2ff/64" {
		t.Errorf("VRID 255: %s", got)
	}
}

// TestSourceOfIPv6: multicast comes from the interface's link-local address;
// unicast from the one that the file tells, of the router's family.
func TestSourceOfIPv6(t *testing.T) {
	for _, c := range []struct{ more, sources, peers string }{
		{"", "invalid IP, invalid IP", ""},
		{`source = { lb1 = "fe80::91" }`, "fe80::91, invalid IP", ""},
		{`transport = "unicast"`, "2001:db8:1::91, 2001:db8:1::94", "2001:db8:1::94"},
		{"transport = \"unicast\"\nsource = { lb1 = \"fe80::91\", lb2 = \"fe80::94\" }\npeers = [\"fe80::7\"]", "fe80::91, fe80::94", "fe80::94, fe80::7"},
	} {
		d := parse(t, router6(c.more, "2001:db8:1::90/64"))
		one, two := node(t, d, "lb1").Groups[0].Routers[0], node(t, d, "lb2").Groups[0].Routers[0]
		if got := words([]netip.Addr{one.Source, two.Source}); got != c.sources || words(one.Peers) != c.peers {
			t.Errorf("%q: sources %s, peers %s", c.more, got, words(one.Peers))
		}
	}
	// The family of IPv4 does not take the director's other address.
	d := parse(t, both+"[virtual_router.r]\ninterface = \"eth1\"\nvrid = 51\naddresses = [\"192.168.33.90/24\"]\n")
	if s := node(t, d, "lb1").Groups[0].Routers[0].Source.String(); s != "192.168.33.91" {
		t.Errorf("source %s", s)
	}
}

// TestFamiliesShareAnInterface: a VRID is unique in its family only, and one
// group has both.
func TestFamiliesShareAnInterface(t *testing.T) {
	d := parse(t, router6("group = \"g\"", "2001:db8:1::90/64")+`
[virtual_router.four]
interface = "eth1"
vrid = 51
group = "g"
addresses = ["192.168.33.90/24"]
version = 2
auth = "secret"
[virtual_router.elsewhere]
interface = "eth2"
vrid = 51
addresses = ["2001:db8:2::90/64"]   # and the same link-local address
`)
	g := node(t, d, "lb1").Groups[0]
	if len(g.Routers) != 2 || g.Routers[1].Version != vrrp.Version2 || g.Routers[1].Auth != "secret" {
		t.Errorf("%+v", g.Routers)
	}
}

// TestTooManyIPv6: an advert is never fragmented.
func TestTooManyIPv6(t *testing.T) {
	var addresses []string
	for i := range 77 {
		addresses = append(addresses, fmt.Sprintf("2001:db8:1::%x/64", i+1))
	}
	if n := len(parse(t, router6("", slices.Clone(addresses[:76])...)).VirtualRouters[0].Addresses); n != 77 {
		t.Errorf("%d addresses, want 77", n)
	}
	_, err := Parse("test.toml", []byte(router6("", addresses...)))
	if want := "78 addresses with the link-local one; an advert over IPv6 carries at most 77"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// TestPasswordIsNotShown: a change of it is a change, and neither side is told.
func TestPasswordIsNotShown(t *testing.T) {
	with := func(auth string) Node {
		text := both + "[virtual_router.r]\ninterface = \"eth1\"\nvrid = 51\nversion = 2\naddresses = [\"192.168.33.90/24\"]\nauth = \"" + auth + "\"\n"
		return node(t, parse(t, text), "lb1")
	}
	for _, c := range []struct{ old, new, want string }{
		{"one", "two", "[~ virtual_router.r.auth: a secret → another secret]"},
		{"", "two", "[~ virtual_router.r.auth: (none) → another secret]"},
		{"one", "", "[~ virtual_router.r.auth: a secret → (none)]"},
		{"one", "one", "[]"},
	} {
		if got := fmt.Sprint(Diff(with(c.old), with(c.new))); got != c.want {
			t.Errorf("%q to %q: %s, want %s", c.old, c.new, got, c.want)
		}
	}
	// A password of 8 bytes could be guessed from a digest that has it.
	if with("one").Digest != with("two").Digest || with("").Digest == with("two").Digest {
		t.Error("the digest sees the password, or does not see that there is one")
	}
}
