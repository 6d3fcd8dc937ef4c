package realserver_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"failover/lvs"
	"failover/lvs/ipvs"
)

// segmentOf is the largest segment that the kernel sends on a connection.
func segmentOf(c net.Conn) (size int) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			size = int(info.Snd_mss)
		}
	})
	return size
}

// one is a virtual server of one real server.
func one(address string, port int, more, server string) string {
	family := strings.Count(address, ":") // a name for each
	return fmt.Sprintf("[virtual_server.p%d-%d]\naddress = \"%s:%d\"\n%s\nreal_server = [{ address = \"%s:%d\" }]\n", port, family, address, port, more, server, port)
}

// TestLab has real traffic in a network of its own.
func TestLab(t *testing.T) {
	needIPVS(t)
	w := newNetwork(t)
	for _, n := range []*node{w.lb1, w.lb2, w.rs1, w.rs2, w.rs3, w.none} {
		n.serve(8001, 8002, 8003)
	}
	w.in(t, "forwarding", w.forwarding)
	w.in(t, "every port", w.everyPort)
	w.in(t, "without forwarding", w.withoutForwarding)
	w.in(t, "by mark", w.byMark)
	w.in(t, "masquerade", w.masquerade)
	w.in(t, "stateless", w.stateless)
	w.in(t, "told before the server", w.toldBefore)
	w.in(t, "directors are real servers", w.directorsServe)
	w.in(t, "nothing left", w.nothingLeft)
}

// forwarding: each method, tunnel and family carries a datagram, and a page over a path that
// is too narrow for the server's packets: ICMP about them comes to the director,
// which has to pass it on to the server.
func (w *network) forwarding(t *testing.T) {
	const vip, vip6 = "203.0.113.4", "[2001:db8:1::4]"
	rows := []struct {
		name, address, more, server string
		segment                     int // 0: as large as the path has it
	}{
		// The closed ports of the first six are asked, too.
		{"nat", vip, `forward = "nat"`, "192.0.2.21", 0},
		{"nat of IPv6", vip6, `forward = "nat"`, "[fd00::21]", 0},
		{"dr", vip, `forward = "dr"`, "192.0.2.22", 0},
		{"dr of IPv6", vip6, `forward = "dr"`, "[fd00::22]", 0},
		{"tun", vip, `forward = "tun"`, "192.0.2.22", 1440},
		{"tun of IPv6", vip6, `forward = "tun"`, "[fd00::22]", 1400},
		{"IPv6 in IPv4", vip6, `forward = "tun"`, "192.0.2.22", 1420},
		{"IPv4 in IPv6", vip, `forward = "tun"`, "[fd00::22]", 1420},
		{"gre", vip, "forward = \"tun\"\ntunnel = { type = \"gre\" }", "192.0.2.22", 1436},
		{"gre with checksums", vip, "forward = \"tun\"\ntunnel = { type = \"gre\", checksum = \"csum\" }", "192.0.2.23", 1432},
		{"gre over IPv6", vip6, "forward = \"tun\"\ntunnel = { type = \"gre\" }", "[fd00::22]", 1396},
		{"gue", vip, "forward = \"tun\"\ntunnel = { type = \"gue\", port = 5555 }", "192.0.2.22", 1428},
		{"gue with remote checksums", vip, "forward = \"tun\"\ntunnel = { type = \"gue\", port = 5556, checksum = \"remcsum\" }", "192.0.2.22", 1420},
		{"gue of IPv6 over IPv6", vip6, "forward = \"tun\"\ntunnel = { type = \"gue\", port = 5555 }", "[fd00::22]", 1388},
	}
	text := ""
	for i, r := range rows {
		text += one(r.address, 8101+i, "protocol = [\"tcp\", \"udp\"]\n"+r.more, r.server)
		for _, n := range []*node{w.rs1, w.rs2, w.rs3} {
			n.serve(8101 + i)
		}
		if i < 6 {
			text += one(r.address, 8201+i, "protocol = \"udp\"\n"+r.more, r.server)
		}
	}
	w.configure(text)
	w.lead(w.lb1, w.lb2)
	for i, r := range rows {
		// An address of its own, which no server knows the path to yet.
		from := fmt.Sprintf("198.51.100.%d", 10+i)
		if r.address == vip6 {
			from = fmt.Sprintf("2001:db8:2::%d", 10+i)
		}
		a := w.get(from, fmt.Sprintf("%s:%d", r.address, 8101+i))
		if a.err != nil {
			t.Errorf("%s: %v, answered by %q", r.name, a.err, a.who)
			continue
		}
		if u := w.ask(from, fmt.Sprintf("%s:%d", r.address, 8101+i)); u.err != nil || u.who != a.who {
			t.Errorf("%s: udp: %v, answered by %q and not %q", r.name, u.err, u.who, a.who)
		}
		// Timestamps take 12 bytes of each segment.
		if full := a.segment + 12; r.segment != 0 && full != r.segment {
			t.Errorf("%s: the client sends segments of %d bytes, want %d", r.name, full, r.segment)
		}
		if i >= 6 {
			continue
		}
		if u := w.ask(from, fmt.Sprintf("%s:%d", r.address, 8201+i)); !errors.Is(u.err, syscall.ECONNREFUSED) {
			t.Errorf("%s: a datagram to a closed port: %v, answered by %q, want it refused", r.name, u.err, u.who)
		}
	}
}

// everyPort: clients of a service of every port are told what fits into its tunnel.
func (w *network) everyPort(t *testing.T) {
	w.rs2.serve(8090)
	w.configure(`
[virtual_server.every]
address = "203.0.113.4"
persistence = "60s"
forward = "tun"
real_server = [{ address = "192.0.2.22" }]
[virtual_server.every6]
address = "2001:db8:1::4"
persistence = "60s"
forward = "tun"
real_server = [{ address = "192.0.2.22" }]
`)
	w.lead(w.lb1, w.lb2)
	for _, c := range []struct {
		from, to string
		want     int
	}{
		{"198.51.100.31", "203.0.113.4:8001", 1440}, {"198.51.100.32", "203.0.113.4:8090", 1440}, {"2001:db8:2::31", "[2001:db8:1::4]:8090", 1420},
	} {
		if a := w.get(c.from, c.to); a.err != nil || a.who != "rs2" || a.segment+12 != c.want {
			t.Errorf("%s: %q, %v, segments of %d bytes, want %d", c.to, a.who, a.err, a.segment+12, c.want)
		}
	}
}

// withoutForwarding: dr and tun need no forwarding on a director, and get none.
func (w *network) withoutForwarding(t *testing.T) {
	w.configure(one("203.0.113.4", 8001, `forward = "dr"`, "192.0.2.22") + one("203.0.113.4", 8002, `forward = "tun"`, "192.0.2.22") +
		one("[2001:db8:1::4]", 8001, `forward = "dr"`, "[fd00::22]"))
	w.lead(w.lb1, w.lb2)
	// What the part before needed stays until a release.
	w.lb1.run("echo 0 >/proc/sys/net/ipv4/ip_forward", "echo 0 >/proc/sys/net/ipv6/conf/all/forwarding")
	for _, to := range []string{"203.0.113.4:8001", "203.0.113.4:8002", "[2001:db8:1::4]:8001"} {
		if a := w.get("", to); a.err != nil {
			t.Errorf("%s: %v", to, a.err)
		}
	}
}

// byMark: two ports by one mark are one service to a
// client; by address they are two.
func (w *network) byMark(t *testing.T) {
	w.configure(`
[virtual_server.both]
fwmark = 7
match = ["tcp 203.0.113.4:8001", "tcp 203.0.113.4:8002"]
virtual_router = "out"
scheduler = "rr"
persistence = "60s"
forward = "dr"
real_server = [{ address = "192.0.2.22" }, { address = "192.0.2.23" }]
`)
	w.lead(w.lb1, w.lb2)
	servers := map[string]int{}
	for i := range 4 {
		from, first := fmt.Sprintf("198.51.100.%d", 1+i), ""
		for _, port := range []int{8001, 8002, 8001, 8002} {
			a := w.get(from, fmt.Sprintf("203.0.113.4:%d", port))
			if a.err != nil || first != "" && a.who != first {
				t.Errorf("%s to port %d: %q after %q, %v", from, port, a.who, first, a.err)
			}
			first = a.who
		}
		servers[first]++
	}
	if servers["rs2"] != 2 || servers["rs3"] != 2 {
		t.Errorf("clients by server: %v", servers)
	}
	// What carries no mark is the director's own.
	if a := w.get("", "203.0.113.4:8003"); a.who != "lb1" {
		t.Errorf("another port: %+v", a)
	}
	// The guard stands where IPVS does not take what carries the mark.
	w.lb1.run("ipvsadm -C")
	if err := w.reach("203.0.113.4:8001"); !isTimeout(err) {
		t.Errorf("without a table: %v, want silence", err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// masquerade: a server that knows no way back is reached, and only by a
// service that masquerades. Others keep the client's address.
func (w *network) masquerade(t *testing.T) {
	w.configure(one("203.0.113.4", 8001, `forward = "nat"`, "192.0.2.24") +
		one("203.0.113.4", 8002, "forward = \"nat\"\nmasquerade = true", "192.0.2.24") +
		one("[2001:db8:1::4]", 8002, "forward = \"nat\"\nmasquerade = true", "[fd00::24]") +
		"[virtual_server.mark]\nfwmark = 7\nmatch = [\"tcp 203.0.113.4:8003\"]\nvirtual_router = \"out\"\nforward = \"nat\"\nmasquerade = true\nreal_server = [{ address = \"192.0.2.24:8002\" }]\n")
	w.lead(w.lb1, w.lb2)
	for _, to := range []string{"203.0.113.4:8002", "[2001:db8:1::4]:8002", "203.0.113.4:8003"} {
		if a := w.get("", to); a.err != nil {
			t.Errorf("%s: %v", to, a.err)
		}
	}
	if err := w.reach("203.0.113.4:8001"); err == nil {
		t.Error("without masquerade: reached")
	}
}

// stateless: with mh and dr a connection lives on where the other director takes
// over without having heard of it, and so does ICMP about it. With a scheduler that
// has to remember it stalls, behind the guard, and is not reset.
func (w *network) stateless(t *testing.T) {
	for _, n := range []*node{w.rs2, w.rs3} {
		n.hold(8004)
	}
	for _, c := range []struct {
		scheduler string
		survives  bool
	}{{"mh", true}, {"rr", false}} {
		w.configure(fmt.Sprintf("[virtual_server.held]\naddress = \"203.0.113.4:8004\"\nscheduler = %q\nforward = \"dr\"\n"+
			"real_server = [{ address = \"192.0.2.22:8004\" }, { address = \"192.0.2.23:8004\" }]\n", c.scheduler))
		w.lead(w.lb1, w.lb2)
		var list []held
		var names []string
		for i := range 4 {
			h := w.connect(fmt.Sprintf("198.51.100.%d", 1+i), "203.0.113.4:8004")
			name, err := h.name(10 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			list, names = append(list, h), append(names, name)
		}
		w.lead(w.lb2, w.lb1)
		patience := map[bool]time.Duration{true: 10 * time.Second, false: stalls}[c.survives]
		for i, h := range list {
			name, err := h.name(patience)
			switch {
			case c.survives && (err != nil || name != names[i]):
				t.Errorf("%s: held by %s, now %q, %v", c.scheduler, names[i], name, err)
			case !c.survives && !isTimeout(err):
				t.Errorf("%s: %q, %v, want it to stall", c.scheduler, name, err)
			}
			if !c.survives {
				break // one stall takes long enough
			}
		}
	}
	if got := w.lb1.run("cat /proc/sys/net/ipv4/vs/sloppy_tcp /proc/sys/net/ipv4/vs/schedule_icmp"); got != "0\n0\n" {
		t.Errorf("sloppy_tcp and schedule_icmp beside rr: %q", got)
	}
}

// toldBefore: a connection that a director's kernel was told of before its table had the
// server goes on by dr. By tunnel its packets are dropped until the kernel is told once
// more, as policy.Binding has it done.
func (w *network) toldBefore(t *testing.T) {
	const service, server = "203.0.113.4:8005", "192.0.2.22:8005"
	w.rs2.hold(8005)
	backup := lvs.Sync{Role: lvs.SyncBackup, Interface: "in", ID: 51, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848}
	w.lb2.run("ipvsadm --start-daemon backup --mcast-interface in --syncid 51")
	defer w.lb2.run("ipvsadm --stop-daemon backup")
	for _, c := range []struct {
		forward  lvs.Forward
		flag     string
		survives bool
	}{{lvs.DR, "-g", true}, {lvs.TUN, "-i", false}} {
		w.configure(fmt.Sprintf("[virtual_server.held]\naddress = %q\nscheduler = \"rr\"\nforward = %q\nreal_server = [{ address = %q }]\n",
			service, c.forward, server))
		w.lead(w.lb1, w.lb2)
		h := w.connect("198.51.100.41", service)
		if _, err := h.name(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		w.lb2.run("ipvsadm -d -t " + service + " -r " + server)
		client := netip.MustParseAddrPort(h.LocalAddr().String())
		told := lvs.SyncMessages(backup.ID, []lvs.Move{{
			Conn: lvs.Conn{Protocol: lvs.TCP, Client: client, Virtual: netip.MustParseAddrPort(service),
				Server: netip.MustParseAddrPort(server), State: "ESTABLISHED", Expires: 10 * time.Minute},
			To: lvs.Server{Address: netip.MustParseAddrPort(server), Forward: c.forward},
		}})
		tell := func() { w.lb2.Do(func() error { return ipvs.TellBackup(backup, told) }) }
		tell()
		port := fmt.Sprintf(" %04X ", client.Port())
		for end := time.Now().Add(20 * time.Second); !strings.Contains(w.lb2.run("cat /proc/net/ip_vs_conn"), port); {
			if time.Now().After(end) {
				t.Fatalf("%s: the connection is not known", c.forward)
			}
		}
		w.lb2.run("ipvsadm -a -t " + service + " -r " + server + " " + c.flag)
		w.lead(w.lb2, w.lb1)
		name, err := h.name(stalls)
		if c.survives && (err != nil || name != "rs2") || !c.survives && !isTimeout(err) {
			t.Errorf("%s: before it was told of again: %q, %v", c.forward, name, err)
		}
		tell()
		if name, err := h.name(10 * time.Second); err != nil || name != "rs2" {
			t.Errorf("%s: told of again: %q, %v", c.forward, name, err)
		}
	}
}

// directorsServe: both directors are real servers by dr, then by tun; whichever is
// master, both get their share, and the other one never balances.
func (w *network) directorsServe(t *testing.T) {
	client := 40 // each asks once, before anybody knows the path to it
	for _, forward := range []string{"dr", "tun"} {
		w.configure(fmt.Sprintf(`
[virtual_server.own]
fwmark = 7
match = ["tcp 203.0.113.4:8001", "tcp 203.0.113.4:8002"]
virtual_router = "out"
scheduler = "rr"
forward = %q
real_server = [{ address = "192.0.2.11" }, { address = "192.0.2.12" }]
`, forward))
		for _, master := range []*node{w.lb1, w.lb2} {
			backup := map[*node]*node{w.lb1: w.lb2, w.lb2: w.lb1}[master]
			w.lead(master, backup)
			before := map[*node]int{}
			for _, lb := range []*node{w.lb1, w.lb2} {
				lb.settle(forward == "dr")
				before[lb] = lb.balanced()
			}
			servers := map[string]int{}
			for i := range 6 {
				client++
				a := w.get(fmt.Sprintf("198.51.100.%d", client), fmt.Sprintf("203.0.113.4:%d", 8001+i%2))
				if a.err != nil {
					t.Errorf("%s, %s is master: %v", forward, master.name, a.err)
				}
				if full := a.segment + 12; forward == "tun" && full != 1440 {
					t.Errorf("%s is master, %s answers: the client sends segments of %d bytes, want 1440", master.name, a.who, full)
				}
				servers[a.who]++
			}
			if servers["lb1"] != 3 || servers["lb2"] != 3 {
				t.Errorf("%s, %s is master: requests by server %v", forward, master.name, servers)
			}
			if m, b := master.balanced()-before[master], backup.balanced()-before[backup]; m != 6 || b != 0 {
				t.Errorf("%s, %s is master: it balanced %d connections, the other one %d", forward, master.name, m, b)
			}
		}
	}
}

// settle waits until the director knows the other one's card, where it has to.
func (n *node) settle(has bool) {
	n.t.Helper()
	for end := time.Now().Add(20 * time.Second); has; {
		n.set(n.want)
		if strings.Contains(n.run("nft list table inet failover"), "@directors") {
			return
		}
		if time.Now().After(end) {
			n.t.Fatalf("%s does not know the other director's card", n.name)
		}
	}
}

// balanced counts the connections that the director has balanced, for as long as
// the kernel remembers them: two minutes after their end.
func (n *node) balanced() int {
	return strings.Count(n.run("cat /proc/net/ip_vs_conn"), "\nTCP ")
}

// nothingLeft: what a real server was set up with goes when the file does not have
// it any more.
func (w *network) nothingLeft(t *testing.T) {
	w.configure(one("203.0.113.4", 8001, `forward = "nat"`, "192.0.2.21"))
	for _, n := range []*node{w.rs2, w.rs3, w.lb1, w.lb2} {
		out := n.run("ip -o addr show dev lo; ip -o link show; ip fou show; printf 'arp_ignore = '; cat /proc/sys/net/ipv4/conf/all/arp_ignore")
		for _, left := range []string{"203.0.113.4", "2001:db8:1::4", "foipip", "fogre", "fosit", "5555", "arp_ignore = 1"} {
			if strings.Contains(out, left) {
				t.Errorf("%s still has %s:\n%s", n.name, left, out)
			}
		}
	}
	if out := w.rs1.run("ip route show default"); !strings.HasPrefix(out, "default via 192.0.2.90") {
		t.Errorf("rs1: %s", out)
	}
}
