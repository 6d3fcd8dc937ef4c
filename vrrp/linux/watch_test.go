package linux

import (
	"context"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// observer is a Watch in progress and what it reports.
type observer struct {
	t     *testing.T
	links chan vrrp.Link
	lost  chan Held
	ways  chan string
}

// watch runs a Watch on a machine until the test ends.
func (l *lodger) watch(interfaces ...string) *observer {
	l.m.t.Helper()
	o := &observer{t: l.m.t, links: make(chan vrrp.Link, 100), lost: make(chan Held, 100), ways: make(chan string, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	// The subscription belongs to the namespace of the thread that makes it.
	second := sameNamespace(l.m)
	done := make(chan error, 1)
	go func() {
		done <- second.try(func() error {
			return l.Watch(ctx, interfaces, Reports{
				Link: func(link vrrp.Link) { o.links <- link },
				Lost: func(e Held) { o.lost <- e },
				Way:  func(group string) { o.ways <- group },
			})
		})
	}()
	l.m.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			l.m.t.Error(err)
		}
	})
	return o
}

// until waits for a report that is as wanted and returns it.
func (o *observer) until(what string, want func(vrrp.Link) bool) vrrp.Link {
	o.t.Helper()
	for {
		select {
		case l := <-o.links:
			if want(l) {
				return l
			}
		case <-time.After(patience):
			o.t.Fatalf("no report of %s", what)
		}
	}
}

// loses waits for the report that an address is gone.
func (o *observer) loses(want string) {
	o.t.Helper()
	select {
	case e := <-o.lost:
		same(o.t, "lost", e.Address, want)
	case <-time.After(patience):
		o.t.Fatalf("no report that %s is gone", want)
	}
}

func TestWatchReportsLinks(t *testing.T) {
	a, b := newMachine(t), newMachine(t)
	connect(a, b, "eth0")
	o := newHost(a).watch("eth0", "eth1")
	first := o.until("eth0", func(l vrrp.Link) bool { return l.Name == "eth0" && l.Up && l.Carrier })
	same(t, "index", first.Index, a.link("eth0").Attrs().Index)
	same(t, "source", first.Source4, "invalid IP")
	o.until("eth1 missing", func(l vrrp.Link) bool { return l == vrrp.Link{Name: "eth1"} })

	a.address("eth0", "192.0.2.9/24")
	o.until("source .9", func(l vrrp.Link) bool { return l.Source4 == addr("192.0.2.9") })
	a.address("eth0", "192.0.2.1/24")
	o.until("source .1", func(l vrrp.Link) bool { return l.Source4 == addr("192.0.2.1") })
	a.unaddress("eth0", "192.0.2.1/24")
	o.until("source .9 again", func(l vrrp.Link) bool { return l.Source4 == addr("192.0.2.9") })

	b.down("eth0")
	o.until("no carrier", func(l vrrp.Link) bool { return l.Up && !l.Carrier })
	b.up("eth0")
	o.until("carrier", func(l vrrp.Link) bool { return l.Up && l.Carrier })
	a.down("eth0")
	o.until("down", func(l vrrp.Link) bool { return l.Index != 0 && !l.Up && !l.Carrier })

	eth0 := a.link("eth0")
	a.do(func() error { return netlink.LinkSetName(eth0, "eth1") })
	o.until("eth0 renamed away", func(l vrrp.Link) bool { return l == vrrp.Link{Name: "eth0"} })
	o.until("eth1 by renaming", func(l vrrp.Link) bool { return l.Name == "eth1" && l.Index == first.Index })
	a.remove("eth1")
	o.until("eth1 deleted", func(l vrrp.Link) bool { return l == vrrp.Link{Name: "eth1"} })
	connect(a, b, "eth9")
	connect(a, b, "eth0")
	again := o.until("eth0 made anew", func(l vrrp.Link) bool { return l.Name == "eth0" && l.Up && l.Carrier })
	if again.Index == first.Index {
		t.Error("the new eth0 is reported with the old index")
	}
}

func TestWatchIgnoresOurAddressesAsSource(t *testing.T) {
	a, b := newMachine(t), newMachine(t)
	connect(a, b, "eth0")
	a.address("eth0", "192.0.2.50/24")
	h := newHost(a)
	h.mustSet("g", 30, "192.0.2.3/24")
	o := h.watch("eth0")
	l := o.until("eth0", func(l vrrp.Link) bool { return l.Name == "eth0" })
	same(t, "source", l.Source4, "192.0.2.50")
}

func TestWatchReportsLostAddresses(t *testing.T) {
	a, b := pair(t)
	h := newHost(a)
	h.mustSet("g", 30, "192.0.2.10/24", "192.0.2.11/24", "192.0.2.12/24")
	o := h.watch("eth0")
	o.until("eth0", func(vrrp.Link) bool { return true })

	start := time.Now()
	a.unaddress("eth0", "192.0.2.10/24")
	o.loses("192.0.2.10/24")
	if took := time.Since(start); took > 100*time.Millisecond {
		t.Errorf("reported after %v", took)
	}
	// Put back and lost again: reported again.
	same(t, "added", h.mustSet("g", 30, "192.0.2.10/24", "192.0.2.11/24", "192.0.2.12/24"), 1)
	a.unaddress("eth0", "192.0.2.10/24")
	o.loses("192.0.2.10/24")
	// What we remove ourselves is no loss, nor is a stranger's address.
	h.mustSet("g", 30, "192.0.2.12/24")
	a.address("eth0", "192.0.2.99/24")
	a.unaddress("eth0", "192.0.2.99/24")
	// The interface takes its addresses along.
	a.remove("eth0")
	o.loses("192.0.2.12/24")
	connect(a, b, "eth0")
	same(t, "added to the new interface", h.mustSet("g", 30, "192.0.2.12/24"), 1)
	select {
	case e := <-o.lost:
		t.Errorf("reported as lost: %v", e)
	default:
	}
}

func TestLeaseEndsByItself(t *testing.T) {
	t.Parallel()
	a, _ := pair(t)
	h := newHost(a)
	h.mustSet("g", 3, "192.0.2.10/24")
	o := h.watch("eth0")
	start := time.Now()
	o.loses("192.0.2.10/24")
	took := time.Since(start)
	t.Logf("a lease of 3 s ended after %v", took)
	if took < 2*time.Second || took > 4500*time.Millisecond {
		t.Errorf("a lease of 3 s ended after %v", took)
	}
	same(t, "addresses", a.addresses("eth0"), "[192.0.2.1/24]")
}

func TestRenewalKeepsTheAddress(t *testing.T) {
	t.Parallel()
	a, _ := pair(t)
	h := newHost(a)
	o := h.watch("eth0")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); <-tick.C {
		h.mustSet("g", 3, "192.0.2.10/24")
	}
	select {
	case e := <-o.lost:
		t.Errorf("lost although renewed: %v", e)
	default:
	}
	same(t, "addresses", a.addresses("eth0"), "[192.0.2.1/24 192.0.2.10/24]")
}

func TestWatchSurvivesAStorm(t *testing.T) {
	a, _ := pair(t)
	h := newHost(a)
	h.mustSet("g", 30, "192.0.2.10/24")
	o := h.watch("eth0")
	o.until("eth0", func(vrrp.Link) bool { return true })
	eth0 := a.link("eth0")
	a.do(func() error {
		// More events than the buffer holds are not needed: any number must do.
		for range 2000 {
			x, err := netlink.ParseAddr("198.51.100.1/24")
			if err != nil {
				return err
			}
			if err := netlink.AddrAdd(eth0, x); err != nil {
				return err
			}
			if err := netlink.AddrDel(eth0, x); err != nil {
				return err
			}
		}
		return nil
	})
	a.unaddress("eth0", "192.0.2.10/24")
	o.loses("192.0.2.10/24")
}

// sameNamespace is a second thread in a machine's namespace.
func sameNamespace(m *machine) *machine {
	m.t.Helper()
	second := newMachine(m.t)
	second.do(func() error { return unix.Setns(int(m.NS), unix.CLONE_NEWNET) })
	return second
}
