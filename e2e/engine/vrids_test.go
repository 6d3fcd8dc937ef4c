package engine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// vridCount is how many virtual routers an interface can have.
const vridCount = 255

// everyVRID is a file with every VRID on each of two interfaces, every router a
// group of its own.
func everyVRID() string {
	var b strings.Builder
	b.WriteString("[director.lb1]\naddress = \"192.168.33.91\"\npriority = 150\n[director.lb2]\naddress = \"192.168.33.94\"\npriority = 100\n")
	for i, link := range []struct{ name, sources string }{
		{"eth1", `lb1 = "192.168.33.91", lb2 = "192.168.33.94"`}, {"eth2", `lb1 = "172.20.10.5", lb2 = "172.20.10.6"`},
	} {
		for vrid := 1; vrid <= vridCount; vrid++ {
			fmt.Fprintf(&b, "[virtual_router.%s-%d]\ninterface = %q\nvrid = %d\naddresses = [\"10.%d.1.%d/16\"]\nsource = { %s }\n",
				link.name, vrid, link.name, vrid, 101+i, vrid, link.sources)
		}
	}
	return b.String()
}

// vridsHeld counts the virtual addresses of everyVRID that a director has.
func (p *pair) vridsHeld(n *lab.Node) int {
	p.t.Helper()
	out := p.ip(n, "-4", "-o", "addr", "show")
	return strings.Count(out, " 10.101.1.") + strings.Count(out, " 10.102.1.")
}

// vridsMove waits until a director has every address and the other none.
func (p *pair) vridsMove(what string, to *lab.Node, begin time.Time, within time.Duration) {
	p.t.Helper()
	p.await(within, fmt.Sprintf("%s: %s is master of %d routers", what, to.Name, 2*vridCount), func() bool {
		for _, n := range p.Directors() {
			want := 0
			if n == to {
				want = 2 * vridCount
			}
			if p.vridsHeld(n) != want {
				return false
			}
		}
		return true
	})
	figure(p.t, what, time.Since(begin).Seconds(), "s")
}

// cpu is the processor time of a process so far.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, i := range []int{11, 12} { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// TestEveryVRID: 255 virtual routers on each of two interfaces are elected, fail
// over when their director stops and when it is killed, come back, and are
// released, each within what one router takes and a little.
func TestEveryVRID(t *testing.T) {
	p := newPair(t, spec{once: true, alone: true})
	for _, n := range p.Directors() {
		p.must(n.WriteFile(configFile, []byte(everyVRID()), 0o644))
	}
	// A Master_Down_Interval of the backup, and the time that 510 groups take.
	const downAfter, grace = 3610 * time.Millisecond, 10 * time.Second
	begin := time.Now()
	p.start(p.Directors()...)
	p.vridsMove("elected", p.LB1, begin, downAfter+grace)
	was := cpu(t, p.units[p.LB1].MainPID())
	begin = time.Now()
	time.Sleep(5 * time.Second) // a load is an amount in a time
	load := float64(cpu(t, p.units[p.LB1].MainPID())-was) / float64(time.Since(begin)) * 100
	figure(t, "processor time of the master's engine", load, "%")
	if load > 60 { // it was 112 with a look at all addresses for each renewal
		t.Errorf("the master's engine takes %.0f %% of a core", load)
	}

	begin = time.Now()
	p.must(p.units[p.LB1].Stop(p.within(20 * time.Second)))
	p.vridsMove("stopped", p.LB2, begin, grace)
	begin = time.Now()
	p.start(p.LB1)
	p.vridsMove("back", p.LB1, begin, downAfter+grace)
	begin = time.Now()
	p.must(p.units[p.LB1].Kill9(false))
	p.vridsMove("killed", p.LB2, begin, downAfter+5*time.Second+grace) // the addresses go with their lease
	p.must(p.units[p.LB2].Kill9(false))
	out, err := p.LB2.Run(p.within(20*time.Second), program, "release")
	if err != nil || !strings.Contains(out, "510 addresses taken off") {
		t.Errorf("release: %v: %q", err, out)
	}
	if n := p.vridsHeld(p.LB2); n != 0 {
		t.Errorf("%d addresses are left", n)
	}
}
