package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/internal/api"
	"failover/internal/testenv"
)

const configFile = "/etc/failover/failover.toml"

// outside and inside are the virtual addresses of the pair's one group.
var (
	outside = lab.VirtualOutside.Addr()
	inside  = lab.VirtualInside.Addr()
)

// spec is what differs between the pairs of the tests.
type spec struct {
	interval time.Duration // of the adverts; 100 ms when zero
	daemon   string        // lines of [daemon]
	router   string        // lines of every virtual router
	outside  string        // lines of the virtual router outside
	also     string        // an item that its addresses have beside the usual one
	only     string        // the one virtual router there is; empty: both
	once     bool          // a service that ends stays down
	alone    bool          // beside no other test: it takes the processors
	program  string        // that runs; empty: the one under test
}

func (s spec) every() time.Duration {
	if s.interval == 0 {
		return 100 * time.Millisecond
	}
	return s.interval
}

// downAfter is the Master_Down_Interval at the lower of the two priorities.
func (s spec) downAfter() time.Duration { return 3*s.every() + s.every()*156/256 }

func (s spec) toml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[director.lb1]\naddress = \"192.168.33.91\"\npriority = 150\n")
	fmt.Fprintf(&b, "[director.lb2]\naddress = \"192.168.33.94\"\npriority = 100\n")
	fmt.Fprintf(&b, "[daemon]\n%s\n", s.daemon)
	for _, r := range []struct {
		name, link, address, sources string
		vrid                         int
	}{
		{"outside", "eth2", lab.VirtualOutside.String(), `lb1 = "172.20.10.5", lb2 = "172.20.10.6"`, 51},
		{"inside", "eth1", lab.VirtualInside.String(), `lb1 = "192.168.33.91", lb2 = "192.168.33.94"`, 52},
	} {
		if s.only != "" && s.only != r.name {
			continue
		}
		also, lines := "", s.router
		if r.name == "outside" {
			also, lines = s.also, s.router+"\n"+s.outside
		}
		fmt.Fprintf(&b, "[virtual_router.%s]\ninterface = %q\nvrid = %d\naddresses = [%q, %s]\n", r.name, r.link, r.vrid, r.address, also)
		fmt.Fprintf(&b, "source = { %s }\nadvert_interval = %q\ngroup = \"nat\"\naddress_lease = \"3s\"\n", r.sources, s.every())
		fmt.Fprintln(&b, lines)
	}
	return b.String()
}

// pair is two directors that run the program.
type pair struct {
	*lab.Lab
	t     *testing.T
	spec  spec
	units map[*lab.Node]*lab.Unit
}

// newPair builds the network and configures both directors. Nothing runs yet.
func newPair(t *testing.T, s spec) *pair {
	t.Helper()
	testenv.Need(t, "netns", lab.Usable())
	if !s.alone {
		t.Parallel()
	}
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{Lab: l, t: t, spec: s, units: map[*lab.Node]*lab.Unit{}}
	t.Cleanup(func() {
		p.sane()
		if t.Failed() {
			t.Logf("logs:\n%s", l.Logs(40))
		}
		if err := l.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	for _, n := range l.Directors() {
		unit := lab.Failover{Binary: p.program()}.Unit(n)
		unit.Restart = !s.once
		if p.units[n], err = n.Supervise(unit); err != nil {
			t.Fatal(err)
		}
		p.configure(n, s)
	}
	return p
}

// sane complains about what no program may ever say: a race (where the program
// is built to find them) or a panic.
func (p *pair) sane() {
	for _, n := range p.Directors() {
		for _, cry := range []string{"DATA RACE", "panic:", "fatal error:"} {
			if p.units[n] != nil && p.said(n, cry) {
				p.t.Errorf("%s: %s:\n%s", n.Name, cry, p.units[n].LogTail(100))
			}
		}
	}
}

// configure writes a director's file; a reload makes it count.
func (p *pair) configure(n *lab.Node, s spec) {
	p.t.Helper()
	if err := n.WriteFile(configFile, []byte(s.toml()), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// start starts directors and waits until each is up.
func (p *pair) start(nodes ...*lab.Node) {
	p.t.Helper()
	for _, n := range nodes {
		if err := p.units[n].Start(p.within(20 * time.Second)); err != nil {
			p.t.Fatal(err)
		}
		p.status(n) // what is ready answers
	}
}

// settled starts both and waits until lb1 is the only holder.
func (p *pair) settled() {
	p.t.Helper()
	p.start(p.Directors()...)
	p.holder(p.LB1)
}

func (p *pair) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(p.t.Context(), d)
	p.t.Cleanup(cancel)
	return ctx
}

// addresses are the virtual addresses of the pair.
func (p *pair) addresses() []netip.Addr {
	switch p.spec.only {
	case "outside":
		return []netip.Addr{outside}
	case "inside":
		return []netip.Addr{inside}
	}
	return []netip.Addr{outside, inside}
}

// holders are the names of the directors that have an address.
func (p *pair) holders(a netip.Addr) (names []string) {
	p.t.Helper()
	for _, n := range p.Directors() {
		if p.holds(n, a) {
			names = append(names, n.Name)
		}
	}
	return names
}

func (p *pair) holds(n *lab.Node, a netip.Addr) bool {
	p.t.Helper()
	has, err := n.Holds(a)
	if err != nil {
		p.t.Fatal(err)
	}
	return has
}

// holder waits until one director has every address and the other none.
func (p *pair) holder(n *lab.Node) {
	p.t.Helper()
	p.await(10*time.Second, n.Name+" is the only holder", func() bool {
		for _, a := range p.addresses() {
			if got := p.holders(a); len(got) != 1 || got[0] != n.Name {
				return false
			}
		}
		return true
	})
}

// await waits until something is so.
func (p *pair) await(d time.Duration, what string, so func() bool) {
	p.t.Helper()
	if err := lab.Eventually(p.within(d), what, func() (bool, error) { return so(), nil }); err != nil {
		p.t.Fatal(err)
	}
}

// status is what the director itself says.
func (p *pair) status(n *lab.Node) api.Status {
	p.t.Helper()
	s, err := p.ask(n)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// ask asks a director that may be on its way down or up.
func (p *pair) ask(n *lab.Node) (s api.Status, err error) {
	// The exit code is 1 where something is wrong; the answer is complete.
	out, err := n.Run(p.within(10*time.Second), program, "status", "--json")
	if jsonErr := json.Unmarshal([]byte(out), &s); jsonErr != nil {
		return s, fmt.Errorf("status of %s: %w: %w", n.Name, err, jsonErr)
	}
	return s, nil
}

// answers waits until a director answers: one that was started again has its
// socket a moment after it has its process.
func (p *pair) answers(n *lab.Node) {
	p.t.Helper()
	p.await(20*time.Second, n.Name+" answers", func() bool { _, err := p.ask(n); return err == nil })
}

// router is one virtual router as the director itself shows it.
func (p *pair) router(n *lab.Node, name string) api.VirtualRouter {
	p.t.Helper()
	for _, d := range p.status(n).Directors {
		for _, r := range d.VirtualRouters {
			if d.Self && r.Name == name {
				return r
			}
		}
	}
	p.t.Fatalf("%s does not show %s", n.Name, name)
	return api.VirtualRouter{}
}

// ip runs ip(8) on a node.
func (p *pair) ip(n *lab.Node, args ...string) string {
	p.t.Helper()
	out, err := n.Run(p.within(10*time.Second), append([]string{"ip"}, args...)...)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// said tells whether a director has logged a text.
func (p *pair) said(n *lab.Node, text string) bool {
	return strings.Contains(p.units[n].LogTail(100000), text)
}

// director is the process id of the second process, 0 where there is none.
func (p *pair) director(n *lab.Node) int {
	main := p.units[n].MainPID()
	for _, pid := range p.units[n].PIDs() {
		cmdline, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if argv := bytes.Split(cmdline, []byte{0}); pid != main && len(argv) > 1 && string(argv[1]) == "director" {
			return pid
		}
	}
	return 0
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("there is no process to send %v to", sig)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("send %v to %d: %v", sig, pid, err)
	}
}

// figure prints and records one measurement.
func figure(t *testing.T, what string, value float64, unit string) {
	t.Helper()
	f, err := lab.Record(t.Name()+"/"+what, value, unit)
	if err != nil {
		t.Error(err)
	}
	t.Log(f)
}
