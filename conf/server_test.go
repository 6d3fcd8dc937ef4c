package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"failover/lvs"
)

// serviceHead is the rest of a file that virtual servers stand in.
const serviceHead = `
[director.lb1]
address = "192.168.33.91"
[director.lb2]
address = "192.168.33.94"
[virtual_router.outside]
interface = "eth2"
vrid = 51
addresses = ["172.20.10.4/28"]
group = "nat"
[virtual_router.outside6]
interface = "eth2"
vrid = 51
addresses = ["2001:db8:20::4/64"]
group = "nat"
[virtual_router.inside]
interface = "eth1"
vrid = 52
addresses = ["192.168.33.90/24"]
group = "nat"
[virtual_router.inside6]
interface = "eth1"
vrid = 52
addresses = ["2001:db8:33::90/64"]
group = "nat"
`

// TestServicesOfATable: each address and protocol is a service, in the order of
// the file, with what is its own; the rest they share.
func TestServicesOfATable(t *testing.T) {
	d := parse(t, serviceHead+`
[virtual_server.dns]
addresses = ["172.20.10.4:53", "[2001:db8:20::4]:53"]
protocol = ["udp", "tcp"]
forward = "tun"
tunnel = { type = "gue", port = 6080, checksum = "remcsum" }
persistence = "5m"
persistence_mask = 32
sorry_server = "192.168.33.99:53"
real_server = [
  { name = "a", address = "192.168.33.92:53", max_connections = 100, min_connections = 80 },
  { name = "b", address = "[2001:db8:33::93]:53", tunnel = { type = "gre" }, check = { kind = "tcp" } },
]
[virtual_server.shop]
fwmark = 7
match = ["tcp [2001:db8:20::4]:80", "tcp [2001:db8:20::4]:443"]
forward = "dr"
scheduler = "mh"
scheduler_flags = ["mh-fallback", "mh-port"]
real_server = [{ address = "2001:db8:33::92" }]
`)
	var got []string
	for _, vs := range d.VirtualServers {
		if vs.Name == "dns" && len(vs.Servers) != 2 {
			t.Errorf("%s has the real servers %v", vs.Key, vs.Servers)
		}
		got = append(got, vs.Name+" "+vs.Key.String()+" "+vs.VirtualRouter)
	}
	want := []string{
		"dns -u 172.20.10.4:53 outside", "dns -t 172.20.10.4:53 outside",
		"dns -u [2001:db8:20::4]:53 outside6", "dns -t [2001:db8:20::4]:53 outside6",
		"shop -f 7 -6 outside6",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	four, six, shop := d.VirtualServers[0], d.VirtualServers[2], d.VirtualServers[4]
	if four.PersistenceMask != 0 || six.PersistenceMask != 32 || four.Flags != lvs.FlagPersistent {
		t.Errorf("masks %d and %d, flags %#x: 32 bits are all of IPv4", four.PersistenceMask, six.PersistenceMask, four.Flags)
	}
	gue := lvs.Tunnel{Type: 1, Port: 6080, Flags: 2}
	if a, b := four.Servers[0], four.Servers[1]; a.Tunnel != gue || b.Tunnel != (lvs.Tunnel{Type: 2}) || four.Sorry.Tunnel != gue {
		t.Errorf("tunnels %v, %v, sorry %v", a.Tunnel, b.Tunnel, four.Sorry.Tunnel)
	}
	if shop.Flags != lvs.FlagSched1|lvs.FlagSched2 || !shop.Quiesce || len(shop.Match) != 2 || shop.Servers[0].Name != "2001:db8:33::92" {
		t.Errorf("shop: %+v", shop)
	}
}

// TestExpireNeedsSync: what ends single connections is synchronisation.
func TestExpireNeedsSync(t *testing.T) {
	file := serviceHead + `
[virtual_server.dns]
address = "172.20.10.4:53"
protocol = ["udp", "tcp"]
real_server = [{ address = "192.168.33.92:53" }]
`
	for text, want := range map[string]bool{file: false, file + "[ipvs.sync]": true, file + "[ipvs.sync]\nenabled = false": false} {
		d := parse(t, text)
		if udp, tcp := d.VirtualServers[0].ExpireDown, d.VirtualServers[1].ExpireDown; udp != want || tcp {
			t.Errorf("udp expires: %v, want %v; tcp: %v", udp, want, tcp)
		}
	}
	_, err := Parse("f", []byte(strings.Replace(file, "real_server", "on_server_down = \"expire\"\nreal_server", 1)))
	if err == nil || !strings.Contains(err.Error(), "synchronisation is off") {
		t.Errorf("got %v", err)
	}
}

// TestMaglevWithoutFallback is possible and unwise.
func TestMaglevWithoutFallback(t *testing.T) {
	d := parse(t, serviceHead+`
[virtual_server.web]
address = "172.20.10.4:80"
scheduler = "mh"
scheduler_flags = ["mh-port"]
real_server = [{ address = "192.168.33.92:80" }]
`)
	if d.VirtualServers[0].Flags != lvs.FlagSched2 || len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0].Error(), "no mh-fallback") {
		t.Errorf("flags %#x, warnings %v", d.VirtualServers[0].Flags, d.Warnings)
	}
}

// TestUnwiseServers are possible all the same.
func TestUnwiseServers(t *testing.T) {
	d := parse(t, serviceHead+`
[virtual_server.sh]
address = "172.20.10.4:80"
scheduler = "sh"
real_server = [{ address = "192.168.33.92:80", weight = 0 }, { address = "192.168.33.93:80" }]
[virtual_server.sh-fallback]
address = "172.20.10.4:81"
scheduler = "sh"
scheduler_flags = ["sh-fallback"]
real_server = [{ address = "192.168.33.92:80", weight = 0 }]
[virtual_server.mark]
fwmark = 7
match = ["tcp 172.20.10.4:443", "tcp 172.20.10.4:8443"]
persistence = "5m"
real_server = [{ address = "192.168.33.92:8080" }, { address = "192.168.33.93:443" }, { address = "192.168.33.95" }]
`)
	var got []string
	for _, w := range d.Warnings {
		got = append(got, w.Key+": "+w.Message)
	}
	want := []string{
		"virtual_server.sh.real_server[0].weight: 0, but sh refuses the clients of a server of weight 0",
		"virtual_server.mark.real_server[0].address: with a mark and persistence the kernel keeps the client's port: 8080 is what checks connect to, no more",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A check may go to another port than the clients do, and has to where a real
// server has none.
func TestCheckPort(t *testing.T) {
	d := parse(t, serviceHead+`
[virtual_server.shop]
fwmark = 7
match = ["tcp 172.20.10.4:80", "tcp 172.20.10.4:443"]
persistence = "5m"
check = [{ kind = "tcp", port = 443 }, { kind = "http", port = 8080 }]
real_server = [{ address = "192.168.33.92" }, { address = "192.168.33.93:80", check = { kind = "tcp" } }]
`)
	var got []string
	for _, rs := range d.VirtualServers[0].Servers {
		for _, c := range rs.Checks {
			got = append(got, c.Target.String())
		}
	}
	want := []string{"192.168.33.92:443", "192.168.33.92:8080", "192.168.33.93:80"}
	if !slices.Equal(got, want) {
		t.Errorf("checks go to %v, want %v", got, want)
	}
	other := parse(t, serviceHead+`
[virtual_server.shop]
address = "172.20.10.4:80"
check = { kind = "tcp", port = 443 }
real_server = [{ address = "192.168.33.92:80" }]
`)
	if words := realWords(other.VirtualServers[0].Servers[0]).fields; !strings.Contains(fmt.Sprint(words), "to port 443") {
		t.Errorf("a plan says %v", words)
	}
}
