package host

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"failover/lvs"
)

func markOf(p lvs.Protocol, address string, mark uint32) Mark { return Mark{keyOf(p, address), mark} }

func markedBy(mark uint32, family string) lvs.Key {
	return lvs.Key{FWMark: mark, Address: netip.AddrPortFrom(netip.MustParseAddr(family), 0)}
}

// everything has each set that the table can have.
var everything = Desired{
	Guard: Guard{
		Services: append([]lvs.Key{
			keyOf(lvs.SCTP, "192.0.2.1:5060"), keyOf(lvs.TCP, "192.0.2.8:0"), keyOf(lvs.UDP, "[fd00::8]:0"),
		}, full.Services...),
		Marked:  []lvs.Key{markedBy(9, "0.0.0.0"), markedBy(10, "::")},
		Replies: full.Replies, Refusals: full.Refusals, Closed: full.Closed, Here: full.Here,
	},
	Marks: Marks{
		Services: []Mark{
			markOf(lvs.TCP, "192.0.2.1:80", 7), markOf(lvs.TCP, "192.0.2.1:443", 7), markOf(lvs.UDP, "192.0.2.1:443", 8),
			markOf(lvs.TCP, "[fd00::1]:443", 7),
		},
		Directors: []netip.Addr{netip.MustParseAddr("192.0.2.9")},
		Tunnels:   []string{"failover1"},
	},
	Clamps: []Clamp{
		{keyOf(lvs.TCP, "192.0.2.1:80"), narrow, 60}, {keyOf(lvs.TCP, "[fd00::1]:80"), narrow, 100},
		{keyOf(lvs.TCP, "192.0.2.8:0"), narrow, 60}, {keyOf(lvs.TCP, "[fd00::8]:0"), narrow, 100},
	},
	Masquerade: []Masquerade{
		{keyOf(lvs.TCP, "192.0.2.1:8080"), netip.MustParseAddr("198.51.100.2")},
		{keyOf(lvs.TCP, "[fd00::1]:80"), netip.MustParseAddr("fd01::2")},
		{keyOf(lvs.TCP, "192.0.2.8:0"), netip.MustParseAddr("198.51.100.2")},
		{keyOf(lvs.UDP, "[fd00::8]:0"), netip.MustParseAddr("fd01::2")},
		{markedBy(9, "0.0.0.0"), netip.MustParseAddr("198.51.100.2")},
		{markedBy(10, "::"), netip.MustParseAddr("fd01::2")},
	},
}

// narrow is a real server by tun on an interface with an MTU of 1500.
var narrow = netip.MustParseAddr("198.51.100.9")

func narrowMTU() (map[netip.Addr]int, error) { return map[netip.Addr]int{narrow: 1500}, nil }

// wish sets everything that is wished and returns the report.
func (d *director) wish(want Desired) (report Report) {
	d.t.Helper()
	d.Do(func() (err error) {
		report, err = d.r.Set(d.t.Context(), want)
		return err
	})
	return report
}

func (d *director) knows(address, mac string) {
	hardware, err := net.ParseMAC(mac)
	if err != nil {
		d.t.Fatal(err)
	}
	d.r.neighbours = func() map[netip.Addr]string {
		return map[netip.Addr]string{netip.MustParseAddr(address): string(hardware)}
	}
}

func TestWholeTableAsNftShowsIt(t *testing.T) {
	d := newDirector(t)
	d.knows("192.0.2.9", "02:00:00:00:00:09")
	d.r.mtus = narrowMTU
	if !d.wish(everything).GuardWritten {
		t.Error("nothing written")
	}
	got := d.list()
	const golden = "testdata/everything.nft"
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
	for set := range rulesetOf(everything, []string{"x"}, segmentsOf(everything.Clamps, map[netip.Addr]int{narrow: 1500})) {
		if !strings.Contains(got, "@"+set) {
			t.Errorf("no rule looks into %s", set)
		}
	}
	d.restart()
	d.knows("192.0.2.9", "02:00:00:00:00:09")
	d.r.mtus = narrowMTU
	if d.wish(everything).GuardWritten {
		t.Error("written again by the next process")
	}
	for _, damage := range []string{
		"delete element inet failover marks4 { 192.0.2.1 . tcp . 443 }",
		"delete element inet failover marks4 { 192.0.2.1 . tcp . 443 }; add element inet failover marks4 { 192.0.2.1 . tcp . 443 : 9 }",
		"flush chain inet failover postrouting", "flush set inet failover directors",
		"add element inet failover directors { 02:00:00:00:00:08 }",
	} {
		d.run("nft '" + damage + "'")
		if !d.wish(everything).GuardWritten || d.list() != got {
			t.Errorf("%s: left\n%s", damage, d.list())
		}
	}
}

// What is marked when it comes to IPVS, as a chain at its place counts it.
func TestMarks(t *testing.T) {
	client, other, d := newMachine(t), newMachine(t), newDirector(t)
	cable(client, d.machine, "eth0", "192.0.2.2/24 fd00::2/64", "192.0.2.1/24 fd00::1/64")
	cable(other, d.machine, "eth1", "198.51.100.2/24", "198.51.100.1/24")
	other.run("ip route add 192.0.2.1 via 198.51.100.1")
	d.run("nft 'table inet ipvs { chain pre { type filter hook prerouting priority 0; udp dport 445 meta mark set 5; }; chain in { type filter hook input priority 98; meta mark 7 counter; }; chain out { type filter hook output priority -99; meta mark 7 counter; }; }'")
	counted := func(chain string) string {
		_, rest, _ := strings.Cut(d.run("nft list chain inet ipvs "+chain), "counter packets ")
		number, _, _ := strings.Cut(rest, " ")
		return number
	}
	want := Desired{Marks: Marks{Services: []Mark{
		markOf(lvs.UDP, "192.0.2.1:443", 7), markOf(lvs.UDP, "192.0.2.1:445", 7), markOf(lvs.UDP, "[fd00::1]:443", 7),
	}}}
	d.wish(want)
	for i, c := range []struct {
		from    *machine
		address string
		in      int // marked so far
	}{
		{client, "192.0.2.1:443", 1}, {client, "192.0.2.1:444", 1}, {client, "[fd00::1]:443", 2},
		{client, "192.0.2.1:445", 3}, // which carried a foreign mark
		{other, "192.0.2.1:443", 4},
	} {
		c.from.udp(c.address)
		if got := counted("in"); got != fmt.Sprint(c.in) {
			t.Errorf("%d: after %s: %s marked, want %d", i, c.address, got, c.in)
		}
	}
	d.udp("192.0.2.1:443")
	if got := counted("out"); got != "1" {
		t.Errorf("of our own: %s marked, want 1", got)
	}
	before := counted("in") // the loopback interface brought it in as well

	// The other one is a director too: what comes from its card is not marked.
	want.Marks.Directors = []netip.Addr{netip.MustParseAddr("198.51.100.2")}
	d.wish(want)
	other.udp("192.0.2.1:443")
	if got := counted("in"); got != before {
		t.Errorf("from the other director: %s marked, want %s", got, before)
	}
	client.udp("192.0.2.1:443")
	if got := counted("in"); got == before {
		t.Error("from a client: not marked")
	}
}

// A director is found when it is looked for, and stays known when it falls silent,
// also to the next process.
func TestDirectorsAreFound(t *testing.T) {
	other, d := newMachine(t), newDirector(t)
	cable(other, d.machine, "eth0", "192.0.2.2/24", "192.0.2.1/24")
	// /sys is that of the machine that the test runs on.
	_, rest, _ := strings.Cut(other.run("ip -o link show eth0"), "link/ether ")
	mac, _, _ := strings.Cut(rest, " ")
	want := Desired{Marks: Marks{
		Services:  []Mark{markOf(lvs.TCP, "192.0.2.7:80", 7)},
		Directors: []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("203.0.113.9")},
	}}
	// The other address is behind no link of ours: nobody waits for it.
	if report := d.wish(want); report.Missing || !strings.Contains(d.list(), mac) {
		t.Fatalf("missing %v: %s is not in\n%s", report.Missing, mac, d.list())
	}
	d.run("ip neigh flush all", "ip link set eth0 down")
	for range 2 {
		if d.wish(want); !strings.Contains(d.list(), mac) {
			t.Errorf("forgotten:\n%s", d.list())
		}
		d.restart()
	}
	d.run("ip link set eth0 up")
	want.Marks.Directors[1] = netip.MustParseAddr("192.0.2.3")
	if report := d.wish(want); !report.Missing || !strings.Contains(d.list(), mac) {
		t.Errorf("one is there and one is not: missing %v\n%s", report.Missing, d.list())
	}
	want.Marks.Directors = nil
	if d.wish(want); strings.Contains(d.list(), mac) {
		t.Errorf("still there:\n%s", d.list())
	}
}
