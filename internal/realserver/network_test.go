package realserver_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"failover/conf"
	"failover/internal/host"
	"failover/internal/policy"
	"failover/internal/realserver"
	"failover/internal/testenv"
	"failover/lvs"
)

// node is a machine of the network.
type node struct {
	*testenv.Machine
	t    *testing.T
	name string
	host *host.Reconciler
	want host.Desired // of a director
}

// network is
//
//	client --- far === outside === lb1, lb2 === inside === rs1, rs2, rs3
//	            |                                  |
//	            +----------------------------------+
//
// far is the clients' router. It sends nothing larger than 1300 bytes to them, and
// says so in ICMP.
type network struct {
	t                             *testing.T
	client, far, outside, inside  *node
	lb1, lb2, rs1, rs2, rs3, none *node // none has no default route
	all                           []*node
}

// head is the part of every configuration here.
const head = `
[director.lb1]
address = ["192.0.2.11", "fd00::11"]
[director.lb2]
address = ["192.0.2.12", "fd00::12"]
[virtual_router.out]
interface = "out"
vrid = 1
addresses = ["203.0.113.4/24"]
group = "g"
[virtual_router.in]
interface = "in"
vrid = 2
addresses = ["192.0.2.90/24"]
group = "g"
[virtual_router.out6]
interface = "out"
vrid = 1
addresses = ["2001:db8:1::4/64"]
group = "g"
[virtual_router.in6]
interface = "in"
vrid = 2
addresses = ["fd00::90/64"]
group = "g"
`

func newNode(t *testing.T, name string) *node {
	n := &node{Machine: testenv.NewMachine(t), t: t, name: name}
	n.run("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad", "echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad")
	dir := t.TempDir()
	n.host = host.New(host.Config{
		Store: host.NewFileStore(filepath.Join(dir, "sysctls.json"), "boot"),
		Owned: host.NewOwnedFile(filepath.Join(dir, "host.json"), "boot"),
		Log:   slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	return n
}

// run runs command lines, by one shell, and returns what they print.
func (n *node) run(lines ...string) (out string) {
	n.t.Helper()
	n.Do(func() error {
		b, err := exec.Command("/bin/sh", "-ec", strings.Join(lines, "\n")).CombinedOutput()
		if out = string(b); err != nil {
			return fmt.Errorf("%s: %q: %w: %s", n.name, lines, err, out)
		}
		return nil
	})
	return out
}

// ip runs lines of ip(8), all by one process.
func (n *node) ip(lines ...string) {
	n.t.Helper()
	n.run("ip -batch - <<'.'\n" + strings.Join(lines, "\n") + "\n.")
}

// plug connects an interface of a node to a switch.
func plug(n, sw *node, name string, addresses ...string) {
	port := n.name + name
	testenv.Cable(n.Machine, sw.Machine, port)
	sw.ip("link set " + port + " master br0 up")
	n.ip(append([]string{"link set " + port + " name " + name, "link set " + name + " up"}, adding(name, addresses...)...)...)
}

// adding are the lines that add addresses. Nobody looks whether they are taken.
func adding(name string, addresses ...string) []string {
	var lines []string
	for _, a := range addresses {
		line := "addr add " + a + " dev " + name
		if strings.Contains(a, ":") {
			line += " nodad"
		}
		lines = append(lines, line)
	}
	return lines
}

func newNetwork(t *testing.T) *network {
	w := &network{t: t}
	for _, one := range []struct {
		name string
		at   **node
	}{
		{"client", &w.client}, {"far", &w.far}, {"outside", &w.outside}, {"inside", &w.inside},
		{"lb1", &w.lb1}, {"lb2", &w.lb2}, {"rs1", &w.rs1}, {"rs2", &w.rs2}, {"rs3", &w.rs3}, {"none", &w.none},
	} {
		*one.at = newNode(t, one.name)
		w.all = append(w.all, *one.at)
	}
	for _, sw := range []*node{w.outside, w.inside} {
		sw.ip("link add br0 type bridge mcast_snooping 0", "link set br0 up")
	}
	testenv.Cable(w.client.Machine, w.far.Machine, "c")
	clients := []string{"link set c up"}
	for i := range 70 { // each of them a client that nobody knows a path to yet
		clients = append(clients, adding("c", fmt.Sprintf("198.51.100.%d/24", 1+i), fmt.Sprintf("2001:db8:2::%d/64", 1+i))...)
	}
	w.client.ip(append(clients, "route add default via 198.51.100.254", "route add default via 2001:db8:2::fe")...)
	w.far.run("echo 1 >/proc/sys/net/ipv4/ip_forward", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	w.far.ip(append(adding("c", "198.51.100.254/24", "2001:db8:2::fe/64"), "link set c up",
		"route replace 198.51.100.0/24 dev c mtu 1300", "route replace 2001:db8:2::/64 dev c mtu 1300")...)
	plug(w.far, w.outside, "out", "203.0.113.254/24", "2001:db8:1::fe/64")
	plug(w.far, w.inside, "in", "192.0.2.254/24", "fd00::fe/64")
	for i, lb := range []*node{w.lb1, w.lb2} {
		plug(lb, w.outside, "out", fmt.Sprintf("203.0.113.%d/24", 11+i), fmt.Sprintf("2001:db8:1::%d/64", 11+i))
		plug(lb, w.inside, "in", fmt.Sprintf("192.0.2.%d/24", 11+i), fmt.Sprintf("fd00::%d/64", 11+i))
		lb.ip("route add default via 203.0.113.254", "route add default via 2001:db8:1::fe")
	}
	for i, rs := range []*node{w.rs1, w.rs2, w.rs3, w.none} {
		plug(rs, w.inside, "in", fmt.Sprintf("192.0.2.%d/24", 21+i), fmt.Sprintf("fd00::%d/64", 21+i))
		if rs != w.none {
			rs.ip("route add default via 192.0.2.254", "route add default via fd00::fe")
		}
	}
	return w
}

// in runs a part of the test on the network as the last one has left it.
func (w *network) in(t *testing.T, name string, f func(*testing.T)) {
	t.Run(name, func(t *testing.T) {
		w.t = t
		for _, n := range w.all {
			n.t = t
		}
		f(t)
	})
}

// configure sets every machine of the file up by it, and its table on both
// directors.
func (w *network) configure(text string) {
	w.t.Helper()
	d, err := conf.Parse("test.toml", []byte(head+text))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, lb := range []*node{w.lb1, w.lb2} {
		n, err := d.Node(lb.name)
		if err != nil {
			w.t.Fatal(err)
		}
		want := policy.Desired(policy.World{Node: n, SinceStart: time.Hour})
		lb.want = want.Host
		lb.set(want.Host)
		lb.Do(func() error {
			cmd := exec.Command("sh", "-c", "ipvsadm -C; ipvsadm -R")
			cmd.Stdin = strings.NewReader(lvs.Format(want.Table))
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("ipvsadm -R: %w: %s", err, out)
			}
			return nil
		})
	}
	for _, rs := range []*node{w.rs1, w.rs2, w.rs3} {
		rs.Do(func() error {
			own, err := realserver.Machine()
			if err != nil {
				return err
			}
			p, err := realserver.For(d, own)
			if errors.Is(err, realserver.ErrNone) {
				p, err = realserver.Plan{Host: host.Desired{Sysctls: map[string]string{}}}, nil
			}
			if err == nil {
				_, err = rs.host.Set(w.t.Context(), p.Host)
			}
			for _, i := range rs.host.Look(p.Host) {
				if !i.OK {
					err = errors.Join(err, fmt.Errorf("%s %s: %s", i.Kind, i.Name, i.Have))
				}
			}
			return err
		})
	}
}

func (n *node) set(want host.Desired) {
	n.t.Helper()
	n.Do(func() error {
		_, err := n.host.Set(n.t.Context(), want)
		return err
	})
}

// lead makes one director master and the other not.
func (w *network) lead(master, backup *node) {
	w.t.Helper()
	backup.each(virtual, func(l netlink.Link, a *netlink.Addr) error {
		if err := netlink.AddrDel(l, a); !errors.Is(err, unix.EADDRNOTAVAIL) {
			return err
		}
		return nil
	})
	master.each(virtual, netlink.AddrReplace)
	for _, n := range w.all {
		n.forget() // as an announcement has them do
	}
}

// virtual are the addresses of the master, with their interfaces.
var virtual = [][2]string{
	{"out", "203.0.113.4/24"}, {"in", "192.0.2.90/24"}, {"out", "2001:db8:1::4/64"}, {"in", "fd00::90/64"},
}

// each does something with addresses of the node. Starting a program for it would
// take the guest ten times as long.
func (n *node) each(list [][2]string, do func(netlink.Link, *netlink.Addr) error) {
	n.t.Helper()
	n.Do(func() error {
		for _, one := range list {
			link, err := netlink.LinkByName(one[0])
			if err != nil {
				return fmt.Errorf("%s: %s: %w", n.name, one[0], err)
			}
			a, err := netlink.ParseAddr(one[1])
			if err != nil {
				return err
			}
			if a.IP.To4() == nil {
				a.Flags = unix.IFA_F_NODAD
			}
			if err := do(link, a); err != nil {
				return fmt.Errorf("%s: %s: %w", n.name, one[1], err)
			}
		}
		return nil
	})
}

// forget drops what the node knows of its neighbours.
func (n *node) forget() {
	n.t.Helper()
	n.Do(func() error {
		for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
			list, err := netlink.NeighList(0, family)
			if err != nil {
				return fmt.Errorf("%s: neighbours: %w", n.name, err)
			}
			for _, one := range list {
				if one.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP) != 0 {
					continue
				}
				if err := netlink.NeighDel(&one); err != nil && !errors.Is(err, unix.ENOENT) {
					return fmt.Errorf("%s: forget %s: %w", n.name, one.IP, err)
				}
			}
		}
		return nil
	})
}

// page is larger than what a path of 1300 bytes carries at once.
const page = 40_000

// serve answers on TCP with its name and a page, on UDP with its name.
func (n *node) serve(ports ...int) {
	n.t.Helper()
	for _, port := range ports {
		n.Do(func() error {
			l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
			if err != nil {
				return err
			}
			c4, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", port))
			if err != nil {
				return err
			}
			c6, err := net.ListenPacket("udp6", fmt.Sprintf("[::]:%d", port))
			if err != nil {
				return err
			}
			n.t.Cleanup(func() { l.Close(); c4.Close(); c6.Close() })
			go n.accept(l)
			go n.reply4(ipv4.NewPacketConn(c4))
			go n.reply6(ipv6.NewPacketConn(c6))
			return nil
		})
	}
}

// reply4 answers from the address that it was asked at, as a server of udp has to.
func (n *node) reply4(c *ipv4.PacketConn) {
	_ = c.SetControlMessage(ipv4.FlagDst, true)
	for b := make([]byte, 64); ; {
		_, cm, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		_, _ = c.WriteTo([]byte(n.name), &ipv4.ControlMessage{Src: cm.Dst}, from)
	}
}

func (n *node) reply6(c *ipv6.PacketConn) {
	_ = c.SetControlMessage(ipv6.FlagDst, true)
	for b := make([]byte, 64); ; {
		_, cm, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		_, _ = c.WriteTo([]byte(n.name), &ipv6.ControlMessage{Src: cm.Dst}, from)
	}
}

func (n *node) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_, _ = c.Write([]byte(n.name + "\n" + strings.Repeat("x", page)))
		}()
	}
}

// hold answers each line on a port with its name, for as long as the client likes.
func (n *node) hold(port int) {
	n.t.Helper()
	n.Do(func() error {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return err
		}
		n.t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					for lines := bufio.NewScanner(c); lines.Scan(); {
						_, _ = c.Write([]byte(n.name + "\n"))
					}
				}()
			}
		}()
		return nil
	})
}

// held is a connection that a client holds.
type held struct {
	net.Conn
	lines *bufio.Reader
}

func (w *network) connect(from, to string) (h held) {
	w.t.Helper()
	w.client.Do(func() (err error) {
		d := net.Dialer{Timeout: 8 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		h.Conn, err = d.Dial("tcp", to)
		return err
	})
	w.t.Cleanup(func() { h.Close() })
	h.lines = bufio.NewReader(h.Conn)
	return h
}

// name asks who is at the other end.
func (h held) name(patience time.Duration) (string, error) {
	_ = h.SetDeadline(time.Now().Add(patience))
	if _, err := h.Write([]byte("who\n")); err != nil {
		return "", err
	}
	line, err := h.lines.ReadString('\n')
	return strings.TrimSpace(line), err
}

// answer is what a client hears: who answers, and the largest segment that it may
// send itself.
type answer struct {
	who     string
	segment int
	err     error
}

// get asks for the page, from an address of the client.
func (w *network) get(from, to string) (a answer) {
	w.t.Helper()
	w.client.Do(func() error {
		d := net.Dialer{Timeout: 8 * time.Second}
		if from != "" {
			d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
		}
		c, err := d.Dial("tcp", to)
		if err != nil {
			a.err = err
			return nil
		}
		defer c.Close()
		a.segment = segmentOf(c)
		_ = c.SetDeadline(time.Now().Add(15 * time.Second))
		text, err := io.ReadAll(c)
		who, rest, _ := strings.Cut(string(text), "\n")
		if a.who = who; err == nil && len(rest) != page {
			err = fmt.Errorf("%d bytes of the page", len(rest))
		}
		a.err = err
		return nil
	})
	return a
}

// stalls is how long silence lasts that is taken for one: a refusal is there at once,
// and what was lost is sent again within a second.
const stalls = 3 * time.Second

// reach tries to connect, and does not wait for long.
func (w *network) reach(to string) (err error) {
	w.t.Helper()
	w.client.Do(func() error {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", to, stalls); err == nil {
			c.Close()
		}
		return nil
	})
	return err
}

// ask sends a datagram, again after a second for want of an answer. What is refused
// is not repeated.
func (w *network) ask(from, to string) (a answer) {
	w.t.Helper()
	w.client.Do(func() error {
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("udp", to)
		if err != nil {
			return err
		}
		defer c.Close()
		b := make([]byte, 64)
		for range 8 {
			_ = c.SetDeadline(time.Now().Add(time.Second))
			if _, a.err = c.Write([]byte("who")); a.err != nil {
				continue
			}
			n, err := c.Read(b)
			if a.err = err; err == nil || errors.Is(err, unix.ECONNREFUSED) {
				a.who = string(b[:n])
				return nil
			}
		}
		return nil
	})
	return a
}

// needIPVS needs a kernel that balances.
func needIPVS(t *testing.T) {
	t.Helper()
	testenv.NeedRoot(t)
	if _, err := os.Stat("/proc/net/ip_vs"); err != nil {
		if out, loadErr := exec.Command("modprobe", "ip_vs").CombinedOutput(); loadErr != nil {
			testenv.Need(t, "lab", fmt.Errorf("no ip_vs: %w: %s", loadErr, out))
		}
	}
}
