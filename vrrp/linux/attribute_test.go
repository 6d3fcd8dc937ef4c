package linux

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"failover/vrrp"
)

// ipAddress is one address as `ip -j addr` shows it.
type ipAddress struct {
	Local         string
	PrefixLen     int
	Scope         string
	Label         string
	NoPrefixRoute bool
	Dynamic       bool
}

// ip runs ip(8) on the machine.
func (m *machine) ip(args ...string) string {
	m.t.Helper()
	var out []byte
	m.do(func() (err error) {
		// The thread's namespace is the child's.
		out, err = exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return err
	})
	return string(out)
}

// shown is one address of an interface in the words of ip(8); empty: it is not
// there.
func (m *machine) shown(iface, address string) string {
	m.t.Helper()
	var links []struct {
		Addresses []ipAddress `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(m.ip("-j", "addr", "show", "dev", iface)), &links); err != nil {
		m.t.Fatal(err)
	}
	for _, l := range links {
		for _, a := range l.Addresses {
			if fmt.Sprintf("%s/%d", a.Local, a.PrefixLen) != address {
				continue
			}
			words := []string{"scope", a.Scope}
			if a.Label != "" {
				words = append(words, "label", a.Label)
			}
			if a.NoPrefixRoute {
				words = append(words, "noprefixroute")
			}
			if !a.Dynamic {
				words = append(words, "without a lease")
			}
			return strings.Join(words, " ")
		}
	}
	return ""
}

// hold has group g hold exactly these addresses.
func (l *lodger) hold(list ...vrrp.OwnedAddress) (added int, err error) {
	for i := range list {
		list[i].Router, list[i].LeaseSecs = "r", 30
	}
	err = l.m.try(func() (err error) {
		added, err = l.Set(context.Background(), vrrp.Owned{Group: "g", Addresses: list})
		return err
	})
	return added, err
}

// mustHold is hold for those that must succeed.
func (l *lodger) mustHold(list ...vrrp.OwnedAddress) int {
	l.m.t.Helper()
	added, err := l.hold(list...)
	if err != nil {
		l.m.t.Fatal(err)
	}
	return added
}

// full and full6 are addresses with everything that can be said of them.
func full() vrrp.OwnedAddress {
	return vrrp.OwnedAddress{Interface: "eth1", Address: prefix("203.0.113.9/24"), Label: "eth1:vip", Scope: vrrp.ScopeSite, NoPrefixRoute: true}
}

func full6() vrrp.OwnedAddress {
	return vrrp.OwnedAddress{Interface: "eth1", Address: prefix("2001:db8:9::9/64"), NoPrefixRoute: true}
}

// TestAttributes: what is written of an address is what ip(8) shows of it, on the
// interface that is written, and a renewal leaves it.
func TestAttributes(t *testing.T) {
	m, peer := pair(t)
	connect(m, peer, "eth1")
	h := newHost(m)
	plain := vrrp.OwnedAddress{Interface: "eth0", Address: prefix("192.0.2.10/24")}
	for round, added := range []int{3, 0} {
		same(t, "added", h.mustHold(full(), full6(), plain), added)
		same(t, "IPv4", m.shown("eth1", "203.0.113.9/24"), "scope site label eth1:vip noprefixroute")
		same(t, "IPv6", m.shown("eth1", "2001:db8:9::9/64"), "scope global noprefixroute")
		same(t, "plain", m.shown("eth0", "192.0.2.10/24"), "scope global label eth0")
		if routes := m.ip("route") + m.ip("-6", "route"); strings.Contains(routes, "203.0.113.0/24") || strings.Contains(routes, "2001:db8:9::/64") {
			t.Errorf("round %d: a route to the subnet:\n%s", round, routes)
		}
	}
	h.mustHold()
	same(t, "left on eth1", m.shown("eth1", "203.0.113.9/24")+m.shown("eth1", "2001:db8:9::9/64"), "")
	same(t, "on disk", h.onDisk(), "[]")
}

// TestAttributesChange: the kernel changes none of an address that is there, so a
// changed one is given anew; what stays is not touched.
func TestAttributesChange(t *testing.T) {
	m, peer := pair(t)
	connect(m, peer, "eth1")
	h := newHost(m)
	stays := vrrp.OwnedAddress{Interface: "eth0", Address: prefix("192.0.2.11/24"), Label: "eth0:stays"}
	a, a6 := full(), full6()
	h.mustHold(a, a6, stays)
	for _, step := range []struct {
		name   string
		change func()
		want   string
	}{
		{"another label", func() { a.Label = "eth1:b" }, "scope site label eth1:b noprefixroute"},
		{"no label", func() { a.Label = "" }, "scope site label eth1 noprefixroute"},
		{"another scope", func() { a.Scope = vrrp.ScopeLink }, "scope link label eth1 noprefixroute"},
		{"with its route", func() { a.NoPrefixRoute = false }, "scope link label eth1"},
		{"as usual", func() { a.Scope = "" }, "scope global label eth1"},
		{"elsewhere", func() { a.Interface = "eth0" }, ""},
	} {
		step.change()
		same(t, step.name+": added", h.mustHold(a, a6, stays), 1)
		same(t, step.name, m.shown("eth1", "203.0.113.9/24"), step.want)
		same(t, step.name+": added again", h.mustHold(a, a6, stays), 0)
	}
	same(t, "elsewhere", m.shown("eth0", "203.0.113.9/24"), "scope global label eth0")
	same(t, "what stays", m.shown("eth0", "192.0.2.11/24"), "scope global label eth0:stays")
	a6.NoPrefixRoute = false
	same(t, "IPv6: added", h.mustHold(a, a6, stays), 1)
	same(t, "IPv6", m.shown("eth1", "2001:db8:9::9/64"), "scope global")
	h.mustHold()
	same(t, "addresses of eth0", m.addresses("eth0"), "[192.0.2.1/24]")
}

// TestAttributesOfTheNextProcess: it adopts an address with its attributes, gives
// one anew that it wants otherwise, and takes off all that it does not want.
func TestAttributesOfTheNextProcess(t *testing.T) {
	m, peer := pair(t)
	connect(m, peer, "eth1")
	h := newHost(m)
	a, a6 := full(), full6()
	h.mustHold(a, a6)
	h.restart()
	same(t, "added by the next process", h.mustHold(a, a6), 0)
	same(t, "adopted", m.shown("eth1", "203.0.113.9/24"), "scope site label eth1:vip noprefixroute")
	a.Label = ""
	h.restart()
	same(t, "added by one that wants no label", h.mustHold(a, a6), 1)
	same(t, "adopted", m.shown("eth1", "203.0.113.9/24"), "scope site label eth1 noprefixroute")
	h.restart()
	m.do(func() error {
		n, err := h.Purge(context.Background())
		same(t, "purged", n, Purged{Addresses: 2})
		return err
	})
	same(t, "left", m.shown("eth1", "203.0.113.9/24")+m.shown("eth1", "2001:db8:9::9/64"), "")
}

// TestLabelsOfARenamedInterface: the kernel makes up labels for the addresses of
// an interface that gets another name. That is no reason to give them anew.
func TestLabelsOfARenamedInterface(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	one := vrrp.OwnedAddress{Interface: "eth0", Address: prefix("192.0.2.10/24")}
	two := vrrp.OwnedAddress{Interface: "eth0", Address: prefix("192.0.2.11/24"), Label: "eth0:vip"}
	h.mustHold(one, two)
	m.down("eth0")
	for _, name := range []string{"other0", "eth0"} {
		from := map[string]string{"other0": "eth0", "eth0": "other0"}[name]
		m.ip("link", "set", from, "name", name)
	}
	m.up("eth0")
	if got := m.shown("eth0", "192.0.2.10/24"); got == "scope global label eth0" {
		t.Fatalf("the kernel has made up no label, so this proves nothing: %s", got)
	}
	h.mustHold(one, two)
	same(t, "with a label", m.shown("eth0", "192.0.2.11/24"), "scope global label eth0:vip")
	same(t, "added", h.mustHold(one, two), 0)
}

// TestScopeOfASubnet: the kernel has one scope for the addresses of a subnet; the
// error says whose is in the way.
func TestScopeOfASubnet(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	_, err := h.hold(vrrp.OwnedAddress{Interface: "eth0", Address: prefix("192.0.2.10/24"), Scope: vrrp.ScopeLink})
	want := "vrrp: add 192.0.2.10/24 to eth0: 192.0.2.1/24 is there with another scope, and one subnet of an interface has one"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	same(t, "on disk", h.onDisk(), "[]")
}
