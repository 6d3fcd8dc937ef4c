package vrrp_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"failover/vrrp"
	"failover/vrrp/vrrptest"
)

var engineSeeds = flag.Int("sim.engine.seeds", 300, "how many seeds the simulation of whole engines runs")

// town is two to four machines on two segments.
type town struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	wires   wires
	nodes   []*townNode
	strange bool // one machine speaks what the others discard
	// The addresses of both sides.
	outside, inside netip.Addr
	log             []string
	start           time.Time
}

type townNode struct {
	*node
	config vrrp.GroupConfig
	alive  bool
	frozen bool
}

// TestEngineSimulation is the simulation of the state machine once more, through
// engines, executors and hosts.
func TestEngineSimulation(t *testing.T) {
	run := func(seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			w := newTown(t, seed)
			defer w.end()
			for range 12 + w.rng.IntN(12) {
				wait(time.Duration(w.rng.Int64N(int64(3 * time.Second))))
				w.trouble(w.nodes[w.rng.IntN(len(w.nodes))])
			}
			w.heal()
			w.promises()
		})
	}
	if seed := flag.Lookup("seed").Value.(flag.Getter).Get().(uint64); seed != 0 {
		run(seed)
		return
	}
	for seed := range uint64(*engineSeeds) {
		run(seed + 1)
		if t.Failed() {
			return
		}
	}
}

func newTown(t *testing.T, seed uint64) *town {
	w := &town{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 4)), wires: newWires(seed), start: time.Now()}
	equal, config := w.rng.IntN(3) == 0, groupOf
	w.outside, w.inside = outsideVIP, insideVIP
	if w.rng.IntN(2) == 0 {
		config, w.inside = mixedOf, inside6
	}
	for i := range 2 + w.rng.IntN(3) {
		n := &townNode{node: newNode(t, w.wires, uint8(5+i)), config: config(uint8(5+i), 100)}
		if !equal {
			n.config.Priority = uint8(50 + w.rng.IntN(150))
		}
		if i == 0 && w.rng.IntN(4) == 0 {
			w.strange = true
			r := &n.config.Routers[0]
			if r.Version == vrrp.Version2 {
				r.Auth = "another"
			} else {
				r.Version = vrrp.Version2
			}
		}
		n.host.Slow(time.Duration(w.rng.IntN(20)) * time.Millisecond)
		w.nodes = append(w.nodes, n)
	}
	for _, n := range w.nodes {
		for _, o := range w.nodes {
			if r := &n.config.Routers[0]; o != n { // as the file tells
				r.Fellows = append(r.Fellows, vrrp.Fellow{Source: o.config.Routers[0].Source, Full: o.config.Priority})
			}
		}
		w.boot(n, nil)
	}
	return w
}

func (w *town) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%8v  ", time.Since(w.start))+fmt.Sprintf(format, args...))
}

func (w *town) fatalf(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.log {
		w.t.Log(line)
	}
	for _, n := range w.nodes {
		w.t.Logf("%s alive %v priority %d moved %q\n%s", n.name, n.alive, n.config.Priority, n.moved(), n.host)
	}
	w.t.Fatalf("seed %d: %s (again with -seed=%d)", w.seed, fmt.Sprintf(format, args...), w.seed)
}

func (w *town) boot(n *townNode, adopt map[string]vrrp.Record) {
	n.alive = true
	n.run(adopt, n.config)
}

// trouble is one thing that happens, mostly to node n.
func (w *town) trouble(n *townNode) {
	segment := []*vrrptest.Segment{w.wires.outside, w.wires.inside}[w.rng.IntN(2)]
	switch w.rng.IntN(16) {
	case 14, 15: // another process goes on, or this one where there is no moment for it
		if n.alive && !n.frozen {
			err := n.restart(w.wires)
			w.note("%s restarts in place: %v", n.name, err)
		}
	case 12, 13: // what it says is not heard, and it hears all
		mute := w.rng.IntN(3) > 0 && !w.strange // of two reasons not to be heard nobody knows which
		segment.Disturb(n.name, vrrptest.Faults{Loss: map[bool]float64{true: 1}[mute], Delay: time.Millisecond})
		w.note("%s mute %v", n.name, mute)
	case 0:
		segment.Disturb("", vrrptest.Faults{
			Loss: w.rng.Float64() / 2, Duplicate: w.rng.Float64() / 2, Jitter: time.Duration(1 + w.rng.Int64N(int64(time.Second))),
		})
		w.note("disturbed")
	case 1:
		segment.Disturb("", vrrptest.Faults{})
	case 2:
		segment.Partition([]string{n.name})
		w.note("%s partitioned", n.name)
	case 3:
		segment.Partition()
	case 4, 5:
		w.killOrBoot(n)
	case 6:
		frozen := w.rng.IntN(2) == 0
		n.freeze(frozen)
		w.note("%s frozen %v", n.name, frozen)
	case 7:
		n.engine.SetLinks([]vrrp.Link{{Name: "eth1", Index: 2, Up: w.rng.IntN(2) == 0, Carrier: true}})
		w.note("%s eth1", n.name)
	case 8:
		n.engine.SetLinks(n.up())
	case 9:
		h := vrrp.Health{Ready: w.rng.IntN(4) > 0, Fault: w.rng.IntN(3) == 0, Lowest: w.rng.IntN(3) == 0}
		n.engine.SetHealth(map[string]vrrp.Health{"nat": h})
		w.note("%s health %+v", n.name, h)
	case 10:
		fail := w.rng.IntN(2) == 0
		n.host.Fail(map[bool]error{true: errors.New("no buffer space available")}[fail])
		w.note("%s host fails %v", n.name, fail)
	case 11:
		n.config.Priority = uint8(50 + w.rng.IntN(150))
		n.engine.Configure([]vrrp.GroupConfig{n.config}, nil)
		w.note("%s priority %d", n.name, n.config.Priority)
	}
}

func (w *town) killOrBoot(n *townNode) {
	switch {
	case !n.alive:
		adopt := n.kept()
		if w.rng.IntN(2) == 0 {
			adopt = nil
		}
		w.note("%s boots with %v", n.name, adopt)
		w.boot(n, adopt)
	case w.rng.IntN(2) == 0:
		w.note("%s killed", n.name)
		w.kill(n)
	default:
		w.note("%s stops", n.name)
		n.freeze(false)
		n.engine.Stop()
		<-n.ended
		w.gone(n)
	}
}

func (n *townNode) freeze(frozen bool) {
	n.frozen = frozen
	n.conn.Freeze(frozen)
}

func (w *town) kill(n *townNode) {
	n.freeze(false)
	n.kill()
	w.gone(n)
}

// gone: who dies or resigns in another half of the segment cannot be announced
// over, for nobody else knows of it; what it announced does not count.
func (w *town) gone(n *townNode) {
	n.alive = false
	n.host.Announced()
}

// heal ends every fault.
func (w *town) heal() {
	for _, s := range []*vrrptest.Segment{w.wires.outside, w.wires.inside} {
		s.Disturb("", vrrptest.Faults{Delay: time.Millisecond})
		for _, n := range w.nodes {
			s.Disturb(n.name, vrrptest.Faults{Delay: time.Millisecond})
		}
		s.Partition()
	}
	for _, n := range w.nodes {
		n.freeze(false)
		n.host.Fail(nil)
		if !n.alive {
			w.boot(n, nil)
		}
		n.engine.SetLinks(n.up())
		n.ready(n.config)
	}
	w.note("faults end")
	wait(time.Second) // what was delayed has arrived
}

// promises: one machine holds both addresses and was the last to announce them;
// then nothing moves any more.
func (w *town) promises() {
	down := vrrp.MasterDownInterval(time.Second, 1)
	wait(down + time.Second)
	if w.strange {
		wait(4 * down) // for trying once, and being left the mastership, and its silence
	}
	if len(w.masters()) == 0 {
		w.fatalf("no master")
	}
	wait(down)
	masters := w.masters()
	if len(masters) != 1 {
		w.fatalf("%d masters", len(masters))
	}
	master := masters[0]
	last, when := "", vrrp.Instant(0)
	for _, n := range w.nodes {
		holds := n == master
		if n.host.Has(w.outside) != holds || n.host.Has(w.inside) != holds {
			w.fatalf("the master is %s, but %s has\n%s", master.name, n.name, n.host)
		}
		for _, a := range n.host.Announced() {
			if a.At > when && (n == master || n.yielded()) {
				last, when = n.name, a.At
			}
		}
		n.moved()
	}
	if last != master.name {
		w.fatalf("the master is %s, the last to announce was %s", master.name, last)
	}
	wait(30 * time.Second)
	for _, n := range w.nodes {
		if moved := n.moved(); len(moved) > 0 {
			w.fatalf("it flaps: %s %q", n.name, moved)
		}
		// Beside one that did not fit and was not heard it may have been left the role.
		if n.config.Priority > master.config.Priority && !w.strange {
			w.fatalf("%s is master with %d, %s has %d", master.name, master.config.Priority, n.name, n.config.Priority)
		}
	}
}

func (w *town) masters() []*townNode {
	var m []*townNode
	for _, n := range w.nodes {
		if n.status("outside").State == vrrp.Master {
			m = append(m, n)
		}
	}
	return m
}

func (w *town) end() {
	for _, n := range w.nodes {
		if n.alive {
			w.kill(n)
		}
	}
}
