package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"failover/lvs"
	"failover/vrrp"
)

func parse(t testing.TB, text string) Deployment {
	t.Helper()
	d, err := Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func node(t testing.TB, d Deployment, name string) Node {
	t.Helper()
	n, err := d.Node(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const two = `
[director.lb1]
address = ["2001:db8::1", "192.168.33.91"]
priority = 150
[director.lb2]
address = "192.168.33.94"
`

func TestNodeFor(t *testing.T) {
	d := parse(t, two+"[director.\"lb3.example.org\"]\naddress = \"192.0.2.3\"\n")
	for _, c := range []struct{ flag, host, want, err string }{
		{"lb2", "lb1", "lb2", ""},
		{"", "lb1", "lb1", ""},
		{"", "lb2.example.org", "lb2", ""},
		{"", "lb3.example.org", "lb3.example.org", ""},
		{"", "lb3", "", "the file has lb1, lb2, lb3.example.org; choose one with --node"},
		{"lb9", "lb1", "", `no director is named "lb9": the file has lb1, lb2, lb3.example.org`},
		{"", "", "", "--node"},
	} {
		n, err := d.NodeFor(c.flag, c.host)
		if n.Name != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("NodeFor(%q, %q) = %q, %v; want %q, %q", c.flag, c.host, n.Name, err, c.want, c.err)
		}
	}
}

func TestOrderIsTheFiles(t *testing.T) {
	var b strings.Builder
	b.WriteString("[director.z]\naddress = \"192.0.2.1\"\n[director.a]\naddress = \"192.0.2.2\"\n")
	for _, r := range []struct{ name, group, third string }{
		{"z2", "g2", "1"}, {"m", "g1", "2"}, {"a1", "g2", "3"}, {"z1", "g1", "4"}, {"k", "", "5"},
	} {
		b.WriteString("[virtual_router." + r.name + "]\ninterface = \"eth" + r.third + "\"\nvrid = 1\naddresses = [\"10.0." + r.third + ".1/24\"]\n")
		if r.group != "" {
			b.WriteString("group = \"" + r.group + "\"\n")
		}
	}
	for i, s := range []string{"z", "b", "a"} {
		fmt.Fprintf(&b, "[virtual_server.%s]\naddress = \"10.0.1.1:%d\"\nreal_server = [{ address = \"10.0.1.9:80\" }, { address = \"10.0.1.8:80\" }]\n", s, 80+i)
	}
	d := parse(t, b.String())
	var got []string
	for _, g := range node(t, d, "a").Groups {
		for _, r := range g.Routers {
			got = append(got, g.Name+"/"+r.Name)
		}
	}
	if want := []string{"g2/z2", "g2/a1", "g1/m", "g1/z1", "k/k"}; !slices.Equal(got, want) {
		t.Errorf("groups and routers %v, want %v", got, want)
	}
	got = nil
	for _, vs := range d.VirtualServers {
		got = append(got, vs.Name, vs.Servers[0].Name, vs.Servers[1].Name)
	}
	if want := []string{"z", "10.0.1.9:80", "10.0.1.8:80", "b", "10.0.1.9:80", "10.0.1.8:80", "a", "10.0.1.9:80", "10.0.1.8:80"}; !slices.Equal(got, want) {
		t.Errorf("servers %v, want %v", got, want)
	}
	if got := d.directorNames(); got != "z, a" {
		t.Errorf("directors %s, want z, a", got)
	}
}

func TestSourceDefault(t *testing.T) {
	router := func(name, iface, vrid, address, more string) string {
		return "[virtual_router." + name + "]\ninterface = \"" + iface + "\"\nvrid = " + vrid + "\naddresses = [\"" + address + "\"]\n" + more + "\n"
	}
	d := parse(t, two+
		router("inside", "eth1", "1", "192.168.33.90/24", "")+
		router("same", "eth1", "2", "10.9.9.9/32", "")+ // another router there has the subnet
		router("outside", "eth2", "1", "172.20.10.4/28", "")+
		router("written", "eth2", "2", "172.20.11.4/28", `source = { lb1 = "172.20.11.5" }`))
	want := map[string][2]string{
		"inside":  {"192.168.33.91", "192.168.33.94"},
		"same":    {"192.168.33.91", "192.168.33.94"},
		"outside": {"", ""},
		"written": {"172.20.11.5", ""},
	}
	for i, name := range []string{"lb1", "lb2"} {
		for _, g := range node(t, d, name).Groups {
			var w netip.Addr
			if s := want[g.Name][i]; s != "" {
				w = netip.MustParseAddr(s)
			}
			if got := g.Routers[0].Source; got != w {
				t.Errorf("source of %s on %s: %v, want %v", g.Name, name, got, w)
			}
		}
	}
}

func TestPerDirectorValues(t *testing.T) {
	d := parse(t, two+`
[virtual_router.r]
interface = { lb2 = "ens5", lb1 = "eth2" }
vrid = 7
addresses = ["172.20.10.4/28"]
priority = { lb2 = 200 }
preempt = { lb1 = false }
preempt_delay = { lb2 = "5s" }
transport = "unicast"
source = { lb1 = "172.20.10.5", lb2 = "172.20.10.6" }
peers = ["172.20.10.7"]
advert_interval = "5s"
[ipvs.sync]
interface = { lb2 = "ens6" }
`)
	one, other := node(t, d, "lb1"), node(t, d, "lb2")
	g1, g2 := one.Groups[0], other.Groups[0]
	type decisive struct {
		priority uint8
		preempt  bool
		delay    time.Duration
		iface    string
		peers    string
		sync     string
	}
	of := func(n Node, g vrrp.GroupConfig) decisive {
		return decisive{g.Priority, g.Preempt, g.PreemptDelay, g.Routers[0].Interface, words(g.Routers[0].Peers), n.Sync[0].Interface}
	}
	if got, want := of(one, g1), (decisive{150, false, 0, "eth2", "172.20.10.6, 172.20.10.7", ""}); got != want {
		t.Errorf("lb1: got %+v, want %+v", got, want)
	}
	if got, want := of(other, g2), (decisive{200, true, 5 * time.Second, "ens5", "172.20.10.5, 172.20.10.7", "ens6"}); got != want {
		t.Errorf("lb2: got %+v, want %+v", got, want)
	}
	if got, want := g1.Routers[0].Lease, 20*time.Second; got != want {
		t.Errorf("lease %v, want four advert intervals, %v", got, want)
	}
	if r := other.Sync[1]; r.Role != lvs.SyncBackup || r.Interface != "ens6" {
		t.Errorf("the other sync role is %+v", r)
	}
}

func TestDefaultLeaseIsWholeSeconds(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		10 * time.Millisecond: 5 * time.Second, 1250 * time.Millisecond: 5 * time.Second,
		1260 * time.Millisecond: 6 * time.Second, 40950 * time.Millisecond: 164 * time.Second,
	} {
		if got := defaultLease(interval); got != want {
			t.Errorf("at %v the lease is %v, want %v", interval, got, want)
		}
	}
}

// TestServersInherit: forwarding method, checks and names of real servers come
// from the virtual server unless they have their own.
func TestServersInherit(t *testing.T) {
	d := parse(t, two+`
[virtual_server.web]
address = "203.0.113.1:80"
virtual_router = "none"
scheduler = "mh"
forward = "dr"
check = [{ kind = "tcp", interval = "500ms" }, { kind = "exec", argv = ["/bin/check"] }]
[[virtual_server.web.real_server]]
address = "10.0.0.1:80"
[[virtual_server.web.real_server]]
name = "own"
address = "10.0.0.2:8080"
forward = "nat"
weight = 0
check = { kind = "https", host = "www.example.org:8443" }
[[virtual_server.web.real_server]]
address = "10.0.0.3:80"
check = []
`)
	vs := d.VirtualServers[0]
	if vs.Flags != lvs.FlagSched1 || vs.VirtualRouter != NoRouter {
		t.Errorf("flags %#x, router %q; want mh's fallback flag and none", vs.Flags, vs.VirtualRouter)
	}
	first, own, third := vs.Servers[0], vs.Servers[1], vs.Servers[2]
	if first.Name != "10.0.0.1:80" || first.Forward != lvs.DR || first.Weight != 1 || len(first.Checks) != 2 {
		t.Errorf("first server %+v", first)
	}
	if c := first.Checks[0]; c.Target != first.Address || c.Timeout != 500*time.Millisecond {
		t.Errorf("its check %+v: the timeout is at most the interval", c)
	}
	if x := first.Checks[1].Exec; x.User != "failover-script" || first.Checks[1].Timeout != time.Second {
		t.Errorf("its program runs as %q, want the daemon's script_user", x.User)
	}
	if own.Name != "own" || own.Forward != lvs.NAT || own.Weight != 0 || len(own.Checks) != 1 || own.Checks[0].HTTP.ServerName != "www.example.org" {
		t.Errorf("second server %+v", own)
	}
	if len(third.Checks) != 0 {
		t.Errorf("third server has checks %+v, want none", third.Checks)
	}
}

func TestDefaultDaemonIsTheSchemas(t *testing.T) {
	if diff := cmp.Diff(load(t, pairFile).Daemon, DefaultDaemon(), compareAddresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTooMany: an advert counts at most 255 addresses, and an announcement
// schedule ends.
func TestTooMany(t *testing.T) {
	var addresses, times []string
	for i := range 256 {
		addresses = append(addresses, fmt.Sprintf(`"10.0.%d.%d/32"`, i/200, i%200+1))
	}
	for i := range 33 {
		times = append(times, fmt.Sprintf(`"%ds"`, i))
	}
	text := func(addresses, times []string) string {
		return two + fmt.Sprintf("[virtual_router.r]\ninterface = \"eth1\"\nvrid = 1\naddresses = [%s]\nannounce.times = [%s]\n",
			strings.Join(addresses, ", "), strings.Join(times, ", "))
	}
	if n := len(parse(t, text(addresses[:255], times[:32])).VirtualRouters[0].Addresses); n != 255 {
		t.Errorf("%d addresses, want 255", n)
	}
	_, err := Parse("test.toml", []byte(text(addresses, times)))
	for _, want := range []string{"256 addresses; an advert carries at most 255", "33 times; at most 32"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
