package host

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"failover/lvs"
)

// director is a reconciler in a namespace of its own.
type director struct {
	*machine
	r      *Reconciler
	writes atomic.Int64
}

func newDirector(t *testing.T) *director {
	d := &director{machine: newMachine(t)}
	d.restart()
	return d
}

// restart is a new process on the same machine.
func (d *director) restart() {
	d.r = New(Config{
		Store: NewFileStore(filepath.Join(d.t.TempDir(), "sysctl.json"), "boot"),
		Owned: NewOwnedFile(filepath.Join(d.t.TempDir(), "host.json"), "boot"),
		Log:   slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	d.r.nft = kernelTable{writes: &d.writes}
}

// guard sets a guard and reports whether it was written.
func (d *director) guard(g Guard) bool {
	d.t.Helper()
	var report Report
	d.Do(func() (err error) {
		report, err = d.r.Set(d.t.Context(), Desired{Guard: g})
		return err
	})
	if !report.GuardStands {
		d.t.Error("the guard does not stand")
	}
	return report.GuardWritten
}

// handles is the ruleset with the numbers that the kernel gives to every new
// object: a table that was written again has others.
func (d *director) handles() string { return d.run("nft -a list ruleset") }

// list is our table as nft writes it, the elements of each set in order: the
// kernel's own order is another at every boot.
func (d *director) list() string {
	out := d.run("nft --stateless --numeric-protocol list table inet failover")
	return regexp.MustCompile(`elements = \{[^}]*\}`).ReplaceAllStringFunc(out, func(s string) string {
		s = strings.TrimSuffix(strings.TrimPrefix(s, "elements = {"), "}")
		elements := strings.Split(strings.Join(strings.Fields(s), " "), ", ")
		slices.Sort(elements)
		return "elements = { " + strings.Join(elements, ", ") + " }"
	})
}

var full = Guard{
	Services: []lvs.Key{
		keyOf(lvs.TCP, "192.0.2.1:80"), keyOf(lvs.UDP, "192.0.2.1:53"), keyOf(lvs.TCP, "[fd00::1]:80"),
	},
	Replies:  []lvs.Key{keyOf(lvs.TCP, "198.51.100.2:80"), keyOf(lvs.TCP, "[fd01::2]:80")},
	Refusals: []lvs.Key{keyOf(lvs.TCP, "192.0.2.1:80"), keyOf(lvs.TCP, "[fd00::1]:80")},
	Closed:   []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("fd00::7")},
	Here:     []lvs.Key{keyOf(lvs.TCP, "192.0.2.7:81"), keyOf(lvs.TCP, "[fd00::7]:81")},
}

func TestGuardAsNftShowsIt(t *testing.T) {
	d := newDirector(t)
	d.guard(full)
	got := d.list()
	const golden = "testdata/guard.nft"
	if os.Getenv("REWRITE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if all := d.run("nft list ruleset"); strings.Contains(all, " ct ") || strings.Contains(all, "type nat") {
		t.Errorf("connection tracking in\n%s", all)
	}
}

func TestGuardKeepsTheMachineFromAnswering(t *testing.T) {
	client, d := newMachine(t), newDirector(t)
	cable(client, d.machine, "eth0", "192.0.2.2/24 fd00::2/64", "192.0.2.1/24 fd00::1/64")
	d.listen("192.0.2.1:82")
	if f := client.tcp("192.0.2.1:80"); f != refused {
		t.Fatalf("without a guard: %s", f)
	}
	d.guard(full)
	for _, test := range []struct {
		address string
		want    fate
	}{
		{"192.0.2.1:80", silence}, {"192.0.2.1:81", refused}, {"192.0.2.1:82", connected}, {"192.0.2.1:53", refused},
		{"[fd00::1]:80", silence}, {"[fd00::1]:81", refused},
	} {
		if f := client.tcp(test.address); f != test.want {
			t.Errorf("tcp %s: %s, want %s", test.address, f, test.want)
		}
	}
	for address, want := range map[string]fate{"192.0.2.1:53": silence, "192.0.2.1:80": refused} {
		if f := client.udp(address); f != want {
			t.Errorf("udp %s: %s, want %s", address, f, want)
		}
	}
	d.Do(func() error { _, err := d.r.Remove(t.Context()); return err })
	if f := client.tcp("192.0.2.1:80"); f != refused {
		t.Errorf("after Remove: %s", f)
	}
}

func TestGuardDropsUntranslatedReplies(t *testing.T) {
	client, d, server := newMachine(t), newDirector(t), newMachine(t)
	cable(client, d.machine, "eth0", "192.0.2.2/24 fd00::2/64", "192.0.2.1/24 fd00::1/64")
	cable(d.machine, server, "eth1", "198.51.100.1/24 fd01::1/64", "198.51.100.2/24 fd01::2/64")
	client.run("ip route add default via 192.0.2.1", "ip route add default via fd00::1")
	server.run("ip route add default via 198.51.100.1", "ip route add default via fd01::1")
	d.Do(func() error {
		_, err := d.r.Set(t.Context(), Desired{Sysctls: map[string]string{
			forward: "1", "net.ipv6.conf.all.forwarding": "1",
		}})
		return err
	})
	for _, address := range []string{"198.51.100.2:80", "198.51.100.2:81", "[fd01::2]:80", "[fd01::2]:81"} {
		server.listen(address)
		if f := client.tcp(address); f != connected {
			t.Fatalf("without a guard, %s: %s", address, f)
		}
	}
	d.guard(full)
	for address, want := range map[string]fate{
		"198.51.100.2:80": silence, "198.51.100.2:81": connected, "[fd01::2]:80": silence, "[fd01::2]:81": connected,
	} {
		if f := client.tcp(address); f != want {
			t.Errorf("client to %s: %s, want %s", address, f, want)
		}
	}
	if f := d.tcp("198.51.100.2:80"); f != connected {
		t.Errorf("the director's own check: %s", f)
	}
}

// A refusal that IPVS sends is an ICMP port unreachable; here a reject rule sends
// the like for tcp, and a closed port for udp. (IPv6 clients on a cable of this
// machine hear of their first SYN's refusal only when they repeat it: udp tells.)
func TestGuardKeepsRefusalsIn(t *testing.T) {
	client, d := newMachine(t), newDirector(t)
	cable(client, d.machine, "eth0", "192.0.2.2/24 fd00::2/64", "192.0.2.1/24 fd00::1/64")
	d.run("echo 0 >/proc/sys/net/ipv4/icmp_ratelimit", "echo 0 >/proc/sys/net/ipv6/icmp/ratelimit",
		"nft 'table inet ipvs { chain input { type filter hook input priority 99; tcp dport { 80, 81 } reject with icmpx port-unreachable; }; }'")
	fates := func(when string, service fate) {
		t.Helper()
		for address, want := range map[string]fate{
			"192.0.2.1:80": service, "192.0.2.1:81": refused,
		} {
			if f := client.tcp(address); f != want {
				t.Errorf("%s: tcp %s: %s, want %s", when, address, f, want)
			}
		}
		for address, want := range map[string]fate{
			"192.0.2.1:53": service, "192.0.2.1:80": refused, "[fd00::1]:53": service, "[fd00::1]:80": refused,
		} {
			if f := client.udp(address); f != want {
				t.Errorf("%s: udp %s: %s, want %s", when, address, f, want)
			}
		}
	}
	fates("without a guard", refused)
	d.guard(Guard{Refusals: []lvs.Key{
		keyOf(lvs.TCP, "192.0.2.1:80"), keyOf(lvs.UDP, "192.0.2.1:53"), keyOf(lvs.TCP, "[fd00::1]:80"), keyOf(lvs.UDP, "[fd00::1]:53"),
	}})
	fates("with the guard", silence)
	d.guard(Guard{})
	fates("without it again", refused)
}

// RFC 9568 sections 6.1 and 6.4.3: packets to an address with Accept_Mode False
// are not accepted; neighbour discovery, VRRP and what the machine says to itself
// are, and so is a service with a server here.
func TestClosedAddresses(t *testing.T) {
	client, d := newMachine(t), newDirector(t)
	cable(client, d.machine, "eth0", "192.0.2.2/24 fd00::2/64", "192.0.2.1/24 192.0.2.7/24 fd00::1/64 fd00::7/64")
	for _, address := range []string{"192.0.2.1:82", "192.0.2.7:82", "192.0.2.7:81", "[fd00::7]:82", "[fd00::7]:81"} {
		d.listen(address)
		client.connects(address)
	}
	d.guard(full)
	client.run("ip neigh flush dev eth0", "ip -6 neigh flush dev eth0")
	for address, want := range map[string]fate{
		"192.0.2.7:82": silence, "192.0.2.7:83": silence, "[fd00::7]:82": silence, "[fd00::7]:83": silence,
		"192.0.2.7:81": connected, "[fd00::7]:81": connected, "192.0.2.1:82": connected, "192.0.2.1:83": refused, "[fd00::1]:83": refused,
	} {
		if f := client.tcp(address); f != want {
			t.Errorf("tcp %s: %s, want %s", address, f, want)
		}
		if f := d.tcp(address); want == silence && f == silence {
			t.Errorf("tcp %s from the machine itself: %s", address, f)
		}
	}
	for _, address := range []string{"192.0.2.7", "fd00::7"} {
		if out, err := client.attempt("ping -c1 -W1 " + address); err == nil {
			t.Errorf("ping %s: %s", address, out)
		}
		if out := client.run("ip neigh show " + address + " dev eth0"); !strings.Contains(out, "lladdr") || strings.Contains(out, "FAILED") {
			t.Errorf("neighbour discovery of %s: %s", address, out)
		}
	}
	// A solicitation to the address itself, as of a neighbour that looks whether it is
	// still there.
	client.run("ip -6 neigh replace fd00::7 lladdr $(ip -6 neigh show fd00::7 dev eth0 | sed 's/.*lladdr \\([^ ]*\\).*/\\1/') nud probe dev eth0")
	client.eventually("ip -6 neigh show fd00::7 dev eth0 nud reachable", "fd00::7")
	before := d.run("nft list chain inet failover input")
	if !strings.Contains(before, "daddr @closed4") {
		t.Fatalf("no rule in\n%s", before)
	}
	// An advert by unicast is one of VRRP's; a raw socket of that protocol hears it.
	heard := d.hear(112, "192.0.2.7")
	client.send(112, "192.0.2.7")
	if !heard() {
		t.Error("VRRP to the address was dropped")
	}
	d.Do(func() error { _, err := d.r.Remove(t.Context()); return err })
	client.connects("192.0.2.7:82")
}

func TestGuardIsWrittenOnce(t *testing.T) {
	d := newDirector(t)
	if !d.guard(full) {
		t.Error("the first Set wrote nothing")
	}
	before := d.handles()
	d.guard(full)
	d.restart()
	if d.guard(full) || d.handles() != before || d.writes.Load() != 1 {
		t.Errorf("%d transactions; before\n%s\nafter\n%s", d.writes.Load(), before, d.handles())
	}
	d.guard(Guard{})
	if out := d.run("nft list ruleset"); out != "" {
		t.Errorf("an empty guard left\n%s", out)
	}
	if d.guard(Guard{}) || d.writes.Load() != 2 {
		t.Error("an empty guard was written twice")
	}
}

// Whatever somebody does to our table is put back, and seen as needing it.
func TestGuardIsRepaired(t *testing.T) {
	d := newDirector(t)
	d.guard(full)
	want := d.list()
	for _, damage := range []string{
		"flush chain inet failover input",
		"flush table inet failover",
		"delete table inet failover",
		"add rule inet failover input accept",
		"insert rule inet failover forward tcp dport 22 drop",
		"add chain inet failover more",
		"add chain inet failover input { policy drop; }",
		"add set inet failover more { type ipv4_addr; }",
		"delete element inet failover services4 { 192.0.2.1 . tcp . 80 }",
		"add element inet failover replies4 { 192.0.2.9 . tcp . 80 }",
		"flush set inet failover services6",
		"flush chain inet failover output",
		"delete element inet failover closed4 { 192.0.2.7 }",
		"insert rule inet failover input ip daddr 192.0.2.7 accept",
		"add table inet failover { flags dormant; }",
		"delete table inet failover; add table inet failover { chain input { type filter hook input priority 0; }; }",
	} {
		d.run("nft '" + damage + "'")
		if !d.guard(full) {
			t.Errorf("%s: not seen", damage)
		}
		if got := d.list(); got != want {
			t.Errorf("%s: left\n%s", damage, got)
		}
	}
}

func TestGuardLeavesOthersAlone(t *testing.T) {
	d := newDirector(t)
	d.run(
		"nft 'table inet filter { set s { type ipv4_addr; elements = { 192.0.2.7 } }; chain input { type filter hook input priority 0; tcp dport 22 accept; }; }'",
		"nft 'table ip failover { chain c { counter drop; }; }'", // another family: not ours
	)
	before := d.run("nft list ruleset")
	d.guard(full)
	d.guard(Guard{Services: full.Services[:1]})
	d.Do(func() error { _, err := d.r.Remove(t.Context()); return err })
	if after := d.run("nft list ruleset"); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// A change of the guard keeps counting where the rule before had got to.
func TestGuardKeepsCounting(t *testing.T) {
	client, d := newMachine(t), newDirector(t)
	cable(client, d.machine, "eth0", "192.0.2.2/24", "192.0.2.1/24")
	d.guard(full)
	client.udp("192.0.2.1:53")
	if out := d.run("nft list chain inet failover input"); !strings.Contains(out, "counter packets 1 bytes") {
		t.Fatalf("not counted:\n%s", out)
	}
	d.guard(Guard{Services: full.Services[1:2]})
	if out := d.run("nft list chain inet failover input"); !strings.Contains(out, "counter packets 1 bytes") {
		t.Errorf("the count was lost:\n%s", out)
	}
}

func TestGuardOfThousands(t *testing.T) {
	d := newDirector(t)
	var g Guard
	for n := range 10_000 {
		g.Services = append(g.Services, keyOf(lvs.TCP, fmt.Sprintf("10.0.%d.%d:80", n>>8, n&255)))
		g.Replies = append(g.Replies, keyOf(lvs.TCP, fmt.Sprintf("[fd00::%x]:80", n)))
	}
	began := time.Now()
	d.guard(g)
	wrote := time.Since(began)
	if began = time.Now(); d.guard(g) {
		t.Error("written again")
	}
	t.Logf("20 000 elements: written in %v, compared in %v", wrote, time.Since(began))
}
