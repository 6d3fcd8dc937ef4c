package vrrp_test

import (
	"strings"
	"testing"

	"failover/vrrp"
)

// TestRoutesInWords: what users of `ip route` write is read, and written as they
// read it.
func TestRoutesInWords(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.0/24 via 192.168.33.1":                   "",
		"192.0.2.7 via 192.168.33.1":                      "",
		"192.0.2.7/32 via 192.168.33.1":                   "192.0.2.7 via 192.168.33.1",
		"default via 192.168.33.1 dev eth1 metric 100":    "",
		"0.0.0.0/0 via 192.168.33.1":                      "default via 192.168.33.1",
		"default via fe80::1 dev eth1":                    "",
		"default dev eth1 src 2001:db8::1":                "",
		"default dev eth1":                                "",
		"unicast 192.0.2.0/24 dev eth1":                   "192.0.2.0/24 dev eth1",
		"192.0.2.0/24   dev eth1  src 192.168.33.90":      "192.0.2.0/24 dev eth1 src 192.168.33.90",
		"192.0.2.0/24 table 100 dev eth1 scope link":      "192.0.2.0/24 dev eth1 table 100 scope link",
		"192.0.2.0/24 table main dev eth1":                "192.0.2.0/24 dev eth1",
		"192.0.2.0/24 table default dev eth1 metric 0x10": "192.0.2.0/24 dev eth1 metric 16 table default",
		"192.0.2.0/24 via 10.9.9.9 dev eth1 onlink":       "",
		"blackhole 192.0.2.0/24":                          "",
		"unreachable 2001:db8:1::/48 metric 7 table 10":   "",
		"prohibit default table 10":                       "",
		"2001:db8:1::/48 via 2001:db8::1":                 "",
		"2001:db8:1::/48 via 2001:db8::1 metric 1024":     "2001:db8:1::/48 via 2001:db8::1",
		"192.0.2.0/24 via 192.168.33.1 scope global":      "",
		"192.0.2.0/24 via 192.168.33.1 table 4294967295":  "",
	} {
		if want == "" {
			want = text
		}
		r, err := vrrp.ParseRoute(text, false)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if r.String() != want {
			t.Errorf("%q is written %q, want %q", text, r, want)
		}
		again, err := vrrp.ParseRoute(r.String(), r.To.Addr().Is6())
		if err != nil || again != r {
			t.Errorf("%q read again: %v, %v", r, again, err)
		}
	}
}

func TestWrongRoutes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "does not say where it goes",
		"blackhole":                            "does not say where it goes",
		"via 192.168.33.1":                     `"via" is neither a network`,
		"192.0.2.1/24 via 192.168.33.1":        "the network is 192.0.2.0/24",
		"192.0.2.0/33 dev eth1":                `"192.0.2.0/33" is neither`,
		"224.0.0.0/4 dev eth1":                 "multicast",
		"192.0.2.0/24":                         "via and dev are missing",
		"default metric 5":                     "via and dev are missing",
		"192.0.2.0/24 via":                     "via: its value is missing",
		"192.0.2.0/24 via gateway":             `via: "gateway" is not an IP address`,
		"192.0.2.0/24 via 192.168.33.1/24":     `via: "192.168.33.1/24" is not`,
		"192.0.2.0/24 via 0.0.0.0":             "not an address of a machine",
		"192.0.2.0/24 via fe80::1%eth0":        "via: ",
		"192.0.2.0/24 via 2001:db8::1":         "different families",
		"192.0.2.0/24 dev eth1 src ::1":        "different families",
		"192.0.2.0/24 vai 192.168.33.1":        `"vai" is not known: the words are via, dev, src, metric, table, scope and onlink`,
		"192.0.2.0/24 dev eth1 proto 4":        `"proto" is not known`,
		"192.0.2.0/24 dev eth1 dev eth2":       "dev is there twice",
		"192.0.2.0/24 dev interface-of-16c":    "not a name an interface can have",
		"192.0.2.0/24 dev eth1 metric x":       `metric: "x" is not a number`,
		"192.0.2.0/24 dev eth1 metric -1":      "not a number of 0–4294967295",
		"192.0.2.0/24 dev eth1 table local":    "table: local is the kernel's own",
		"192.0.2.0/24 dev eth1 table 255":      "table: local is the kernel's own",
		"192.0.2.0/24 dev eth1 table 0":        "neither main, default nor a number",
		"192.0.2.0/24 dev eth1 table vpn":      `"vpn" is neither main`,
		"192.0.2.0/24 dev eth1 scope far":      "one of global, site, link, host",
		"192.0.2.0/24 via 10.0.0.1 scope link": "nearer than a gateway",
		"2001:db8:1::/48 dev eth1 scope link":  "scope: is for IPv4",
		"192.0.2.0/24 via 10.0.0.1 onlink":     "onlink: needs via and dev",
		"192.0.2.0/24 dev eth1 onlink":         "onlink: needs via and dev",
		"2001:db8:1::/48 via fe80::1":          "link-local address, which needs dev",
		"blackhole 192.0.2.0/24 via 10.0.0.1":  "blackhole: such a route goes nowhere",
		"unreachable 192.0.2.0/24 dev eth1":    "unreachable: such a route goes nowhere",
		"local 192.0.2.1 dev lo":               `"local" is neither a network`,
	} {
		if _, err := vrrp.ParseRoute(text, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestFamilyOfADefaultRoute: an address tells it, else the router.
func TestFamilyOfADefaultRoute(t *testing.T) {
	for _, c := range []struct {
		text  string
		ipv6  bool
		want6 bool
	}{
		{"default dev eth1", false, false}, {"default dev eth1", true, true},
		{"default via 192.0.2.1", true, false}, {"default dev eth1 src 2001:db8::1", false, true},
	} {
		r, err := vrrp.ParseRoute(c.text, c.ipv6)
		if err != nil || r.To.Addr().Is6() != c.want6 || r.To.Bits() != 0 {
			t.Errorf("%q of an IPv6 router %v: %v, %v", c.text, c.ipv6, r.To, err)
		}
	}
}

func TestRulesInWords(t *testing.T) {
	for text, want := range map[string]string{
		"from 192.0.2.0/24 table 100 priority 1000":         "",
		"from 192.0.2.7 lookup 100 pref 1000":               "from 192.0.2.7 table 100 priority 1000",
		"table 100 priority 1000":                           "from all table 100 priority 1000",
		"from all iif eth1 table main order 5":              "from all iif eth1 table main priority 5",
		"to 2001:db8::/32 table 7 preference 5":             "from all to 2001:db8::/32 table 7 priority 5",
		"from all fwmark 7 table 7 priority 5":              "from all fwmark 0x7 table 7 priority 5",
		"from all fwmark 0x10/0xf0 table 7 priority 5":      "",
		"from all fwmark 0/0xf0 table 7 priority 5":         "from all fwmark 0x0/0xf0 table 7 priority 5",
		"from all to 192.0.2.1 oif eth0 table 7 priority 5": "",
	} {
		if want == "" {
			want = text
		}
		r, err := vrrp.ParseRule(text, false)
		if err != nil || r.String() != want {
			t.Errorf("%q is written %q, %v, want %q", text, r, err, want)
			continue
		}
		if again, err := vrrp.ParseRule(r.String(), r.IPv6); err != nil || again != r {
			t.Errorf("%q read again: %v, %v", r, again, err)
		}
	}
	if r, err := vrrp.ParseRule("iif eth1 table 7 priority 5", true); err != nil || !r.IPv6 {
		t.Errorf("a rule of an IPv6 router: %+v, %v", r, err)
	}
}

func TestWrongRules(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "table is missing",
		"from 192.0.2.0/24 priority 5":         "table is missing",
		"from 192.0.2.0/24 table 7":            "priority is missing",
		"table 7 priority 0":                   "priority is missing, or 0",
		"from 192.0.2.1/24 table 7 priority 5": "from: 192.0.2.1/24 has bits beyond its length",
		"from 0.0.0.0/0 table 7 priority 5":    "write all",
		"from 192.0.2.1 to 2001:db8::1 table 7 priority 5": "different families",
		"fwmark x table 7 priority 5":                      `fwmark: "x" is not a number`,
		"fwmark 1/y table 7 priority 5":                    `fwmark: "y" is not a number`,
		"fwmark 1/0 table 7 priority 5":                    "with mask 0 every mark fits",
		"fwmark 0x11/0xf0 table 7 priority 5":              "write 0x10",
		"tos 8 table 7 priority 5":                         `"tos" is not known: the words are from, to, iif, oif, fwmark, table and priority`,
		"table 7 lookup 8 priority 5":                      "lookup is there twice",
		"iif a/b table 7 priority 5":                       "iif: ",
	} {
		if _, err := vrrp.ParseRule(text, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzRoute: what is read is written so that it is read again as the same.
func FuzzRoute(f *testing.F) {
	for _, s := range []string{"192.0.2.0/24 via 192.168.33.1", "default dev eth1", "blackhole ::/0", "1.1.1.1 dev x onlink via 2.2.2.2 table 9"} {
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, ipv6 bool) {
		if r, err := vrrp.ParseRoute(text, ipv6); err == nil {
			if again, err := vrrp.ParseRoute(r.String(), r.To.Addr().Is6()); err != nil || again != r {
				t.Errorf("%q is written %q and read as %+v, %v", text, r, again, err)
			}
		}
		if r, err := vrrp.ParseRule(text, ipv6); err == nil {
			if again, err := vrrp.ParseRule(r.String(), r.IPv6); err != nil || again != r {
				t.Errorf("%q is written %q and read as %+v, %v", text, r, again, err)
			}
		}
	})
}
