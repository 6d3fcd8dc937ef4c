package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
)

// The addresses of the lab. The virtual ones belong to whoever is master.
var (
	VirtualOutside = netip.MustParsePrefix("172.20.10.4/28")
	VirtualInside  = netip.MustParsePrefix("192.168.33.90/24")
)

// Service is the address and port clients use.
const Service = "172.20.10.4:80"

// plug is one end of a cable: a node's interface, its address, its switch.
type plug struct {
	node, link, address, network string
}

var cables = []plug{
	{"client", "eth0", "172.20.10.1/28", "outside"},
	{"lb1", "eth2", "172.20.10.5/28", "outside"},
	{"lb1", "eth1", "192.168.33.91/24", "inside"},
	{"lb2", "eth2", "172.20.10.6/28", "outside"},
	{"lb2", "eth1", "192.168.33.94/24", "inside"},
	{"web1", "eth0", "192.168.33.92/24", "inside"},
	{"web2", "eth0", "192.168.33.93/24", "inside"},
}

// Lab is one instance of the network.
type Lab struct {
	Client   *Node
	LB1, LB2 *Node
	Web1     *Web
	Web2     *Web
	// Dir holds the logs of every process, captures and sockets, until Close.
	Dir string

	id       string
	nodes    map[string]*Node
	switches map[string]*Node
	plugs    []plug // what is connected
	cgroup   string // empty where the machine has no cgroup2
	ipv6     bool   // what is connected gets an address of IPv6, too

	mu      sync.Mutex
	closers []func() error
}

// Usable tells why a lab cannot be built here, nil where it can.
func Usable() error {
	if os.Geteuid() != 0 {
		return errors.New("lab: needs root")
	}
	return lookTools("tcpdump", "ping")
}

// HasIPVS tells why the running kernel cannot balance, nil where it can. The
// module is loaded where it can be.
func HasIPVS() error {
	if err := Usable(); err != nil {
		return err
	}
	if _, err := os.Stat("/proc/net/ip_vs"); err == nil {
		return nil
	}
	return LoadModule(context.Background(), "ip_vs")
}

// LoadModule loads a module of the running kernel, which does not find all of them by
// itself. It is an error where there is none.
func LoadModule(ctx context.Context, name string) error {
	out, err := exec.CommandContext(ctx, "modprobe", name).CombinedOutput()
	if err != nil {
		return fmt.Errorf("lab: this kernel has no %s: modprobe: %w: %s", name, err, out)
	}
	return nil
}

// New builds the network and starts both web servers. The caller closes it.
func New() (*Lab, error) {
	if err := Usable(); err != nil {
		return nil, err
	}
	sweep()
	var r [3]byte
	if _, err := rand.Read(r[:]); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	l := &Lab{
		id:       hex.EncodeToString(r[:]),
		nodes:    map[string]*Node{},
		switches: map[string]*Node{},
	}
	if err := l.build(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) build() error {
	dir, err := os.MkdirTemp("", "lab-"+l.id+"-")
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	l.Dir = dir
	l.onClose(func() error { return os.RemoveAll(dir) })
	if err := l.own(); err != nil {
		return err
	}
	// The notification sockets are in there.
	if err := os.Chmod(dir, 0o755); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if err := l.makeCgroup(); err != nil {
		return err
	}
	for _, name := range []string{"outside", "inside"} {
		if err := l.addSwitch(name); err != nil {
			return err
		}
	}
	for _, p := range cables {
		if err := l.plugIn(p); err != nil {
			return err
		}
	}
	l.Client, l.LB1, l.LB2 = l.nodes["client"], l.nodes["lb1"], l.nodes["lb2"]
	for _, w := range []struct {
		name string
		to   **Web
	}{{"web1", &l.Web1}, {"web2", &l.Web2}} {
		n := l.nodes[w.name]
		if err := n.DefaultRoute(VirtualInside.Addr()); err != nil {
			return err
		}
		if *w.to, err = n.Serve(w.name, ":80"); err != nil {
			return err
		}
	}
	return nil
}

// Directors returns both load balancers.
func (l *Lab) Directors() []*Node { return []*Node{l.LB1, l.LB2} }

// Node returns the node of that name, nil where there is none.
func (l *Lab) Node(name string) *Node { return l.nodes[name] }

// Other returns the director that n is not.
func (l *Lab) Other(n *Node) *Node {
	if n == l.LB1 {
		return l.LB2
	}
	return l.LB1
}

// onClose registers what Close has to undo; the last one registered goes first.
func (l *Lab) onClose(f func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers = append(l.closers, f)
}

// Close kills every process of the lab and removes all of it. A second call
// does nothing.
func (l *Lab) Close() error {
	l.mu.Lock()
	closers := l.closers
	l.closers = nil
	l.mu.Unlock()
	var errs []error
	for _, f := range slices.Backward(closers) {
		if err := f(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Logs returns the tail of every log, for a failed test.
func (l *Lab) Logs(lines int) string {
	files, _ := filepath.Glob(filepath.Join(l.Dir, "*.log"))
	var all []byte
	for _, f := range files {
		all = fmt.Appendf(all, "--- %s\n%s\n", filepath.Base(f), lastLines(f, lines))
	}
	return string(all)
}

// lookTools tells which of the programs is not installed, if any.
func lookTools(names ...string) error {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}
