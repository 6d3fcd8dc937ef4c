package vrrp_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
	"failover/vrrp/vrrptest"
)

var outsideVIP, insideVIP = netip.MustParseAddr("172.20.10.4"), netip.MustParseAddr("192.168.33.90")

// wires are the two segments of the pair.
type wires struct{ outside, inside *vrrptest.Segment }

func newWires(seed uint64) wires {
	return wires{vrrptest.NewSegment(seed), vrrptest.NewSegment(seed + 1)}
}

// node is one machine: an engine on simulated segments.
type node struct {
	t      testing.TB
	last   uint8
	name   string
	conn   *vrrptest.Conn
	host   *vrrptest.Host
	log    *slog.Logger
	engine *vrrp.Engine
	stop   context.CancelFunc
	ended  chan struct{}
	err    error

	mu          sync.Mutex
	transitions []vrrp.Transition
	resigned    bool // it was master last and ended that by itself
	records     map[string]vrrp.Record
}

// groupOf is the pair's group as node n has it: last is the last byte of its
// addresses.
func groupOf(last, priority uint8) vrrp.GroupConfig {
	router := func(name, iface string, vrid uint8, vip, source string) vrrp.RouterConfig {
		return vrrp.RouterConfig{
			Name: name, Interface: iface, VRID: vrid, Interval: time.Second, Transport: vrrp.Multicast,
			Addresses: []vrrp.Address{{Prefix: netip.MustParsePrefix(vip)}},
			Source:    netip.MustParseAddr(fmt.Sprintf(source, last)),
			Checksum:  vrrp.ChecksumRFC5798, Lease: 5 * time.Second,
			Announce: vrrp.Announce{Times: []time.Duration{0, 50 * time.Millisecond, time.Second}},
		}
	}
	return vrrp.GroupConfig{Name: "nat", Priority: priority, Preempt: true, Routers: []vrrp.RouterConfig{
		router("outside", "eth2", 51, "172.20.10.4/28", "172.20.10.%d"),
		router("inside", "eth1", 52, "192.168.33.90/24", "192.168.33.%d"),
	}}
}

// mixedOf is groupOf with version 2 outside and IPv6 inside, where the address to
// send from is the interface's.
func mixedOf(last, priority uint8) vrrp.GroupConfig {
	c := groupOf(last, priority)
	c.Routers[0].Version = vrrp.Version2
	c.Routers[0].Auth = "secret"
	c.Routers[1].Addresses = []vrrp.Address{{Prefix: virtualLinkLocal}, {Prefix: netip.MustParsePrefix("2001:db8::90/64")}}
	c.Routers[1].Source = netip.Addr{}
	return c
}

var virtualLinkLocal = netip.MustParsePrefix("fe80::200:5eff:fe00:234/64")

// linkLocal is the address that node last sends IPv6 from.
func linkLocal(last uint8) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: last})
}

func newNode(t testing.TB, w wires, last uint8) *node {
	n := &node{t: t, last: last, name: fmt.Sprintf("n%d", last), records: map[string]vrrp.Record{}}
	n.conn = vrrptest.NewConn(n.name)
	n.plug(w)
	n.host = vrrptest.NewHost("eth1", "eth2")
	return n
}

func (n *node) plug(w wires) {
	n.conn.Plug("eth2", w.outside, netip.AddrFrom4([4]byte{172, 20, 10, n.last}))
	n.conn.Plug("eth1", w.inside, netip.AddrFrom4([4]byte{192, 168, 33, n.last}), linkLocal(n.last))
}

// heard keeps a transition.
func (n *node) heard(t vrrp.Transition) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.transitions = append(n.transitions, t)
	if t.From == vrrp.Master {
		n.resigned = t.To != vrrp.Backup
	}
}

// Record implements vrrp.Recorder.
func (n *node) Record(group string, r vrrp.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records[group] = r
}

func (n *node) kept() map[string]vrrp.Record {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.records)
}

// up is the interfaces of a node, well.
func (n *node) up() []vrrp.Link {
	return []vrrp.Link{
		{Name: "eth1", Index: 2, Up: true, Carrier: true, Source6: linkLocal(n.last)},
		{Name: "eth2", Index: 3, Up: true, Carrier: true},
	}
}

// run starts an engine that is ready, with the given groups.
func (n *node) run(adopt map[string]vrrp.Record, groups ...vrrp.GroupConfig) {
	n.engine = vrrp.NewEngine(vrrp.EngineConfig{Conn: n.conn, Host: n.host, Recorder: n, Log: n.log, OnTransition: n.heard})
	ctx, stop := context.WithCancel(context.Background())
	n.stop, n.ended = stop, make(chan struct{})
	n.engine.SetLinks(n.up())
	n.ready(groups...)
	n.engine.Configure(groups, adopt)
	go func() {
		defer close(n.ended)
		n.err = n.engine.Run(ctx)
	}()
	synctest.Wait()
}

func (n *node) ready(groups ...vrrp.GroupConfig) {
	health := map[string]vrrp.Health{}
	for _, g := range groups {
		health[g.Name] = vrrp.Health{Ready: true}
	}
	n.engine.SetHealth(health)
}

// kill ends the engine without a word.
func (n *node) kill() {
	n.stop()
	<-n.ended
}

// yielded tells that the node was outbid when it was master last.
func (n *node) yielded() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.resigned
}

// moved returns the transitions since the last call, as "backup>master timeout".
func (n *node) moved() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	var s []string
	for _, t := range n.transitions {
		s = append(s, fmt.Sprintf("%s>%s %s", t.From, t.To, t.Cause.Kind))
	}
	n.transitions = nil
	return s
}

func (n *node) wantMoved(want ...string) {
	n.t.Helper()
	if got := n.moved(); !slices.Equal(got, want) {
		n.t.Fatalf("%s moved %q, want %q", n.name, got, want)
	}
}

func (n *node) status(router string) vrrp.RouterStatus {
	n.t.Helper()
	all, err := n.engine.Status(context.Background())
	if err != nil {
		n.t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == router {
			return s
		}
	}
	n.t.Fatalf("%s: no router %s in %d", n.name, router, len(all))
	return vrrp.RouterStatus{}
}

// holds checks both addresses.
func (n *node) holds(want bool) {
	n.t.Helper()
	synctest.Wait()
	if n.host.Has(outsideVIP) != want || n.host.Has(insideVIP) != want {
		n.t.Fatalf("%s: addresses\n%swant them: %v", n.name, n.host, want)
	}
}

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
