package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	self  = "10.0.0.5" // our address on every interface of these tests
	lower = "10.0.0.4"
	above = "10.0.0.6"
)

// bench is one group on a test bench: its clock, and what it did, one line each.
type bench struct {
	t   testing.TB
	g   Group
	now Instant
	out []Output
}

// pair is a group of two routers with 1 s adverts, priority 100.
func pair() GroupConfig {
	router := func(name, iface string, vrid uint8, addr string) RouterConfig {
		return RouterConfig{
			Name: name, Interface: iface, VRID: vrid, Interval: time.Second, Transport: Multicast,
			Addresses: []Address{{Prefix: netip.MustParsePrefix(addr)}}, Source: ip(self),
			Checksum: ChecksumRFC5798, Lease: 5 * time.Second,
		}
	}
	return GroupConfig{Name: "nat", Priority: 100, Preempt: true, Routers: []RouterConfig{
		router("outside", "eth2", 51, "172.20.10.4/28"),
		router("inside", "eth1", 52, "192.168.33.90/24"),
	}}
}

func lone() GroupConfig {
	c := pair()
	c.Routers = c.Routers[:1]
	return c
}

// newBench makes a group whose links are up and which is ready, and starts it.
func newBench(t testing.TB, c GroupConfig) *bench {
	b := bare(t, c)
	b.step(Input{Kind: InputLinks, Links: up(len(c.Routers))})
	b.step(Input{Kind: InputHealth, Health: Health{Ready: true}})
	b.step(Input{Kind: InputStart})
	b.out = nil
	return b
}

func bare(t testing.TB, c GroupConfig) *bench {
	return &bench{t: t, g: NewGroup(c), now: Instant(1000 * time.Second)}
}

// newMaster is newBench once its timers have run out.
func newMaster(t testing.TB, c GroupConfig) *bench {
	b := newBench(t, c)
	b.run(20 * time.Second)
	b.state(Master)
	b.out = nil
	return b
}

func up(n int) []RouterLink {
	return slices.Repeat([]RouterLink{{Exists: true, Usable: true, Source: ip(self)}}, n)
}

func (b *bench) step(in Input) {
	b.t.Helper()
	b.out = b.g.Step(b.now, in, b.out)
	if in.Kind == InputTimer && b.g.Deadline() <= b.now {
		b.t.Fatalf("at %v: deadline %v is not later", b.now, b.g.Deadline())
	}
	checkGroup(b.t, &b.g)
}

// checkGroup holds what is true of every group at all times.
func checkGroup(t testing.TB, g *Group) {
	t.Helper()
	if wrong := unsound(g); wrong != "" {
		t.Fatal(wrong)
	}
}

// unsound says what a group is that no group may be; empty: nothing.
func unsound(g *Group) string {
	if g.Hold != (g.State == Master || g.Leaving) {
		return fmt.Sprintf("holds %v in %s, leaving %v", g.Hold, g.State, g.Leaving)
	}
	if g.State == Master && !g.Started {
		return "master though stopped"
	}
	for i := range g.Routers {
		if (g.Routers[i].AdvertAt != Never) != (g.State == Master) {
			return fmt.Sprintf("router %d: advert timer %v in %s", i, g.Routers[i].AdvertAt, g.State)
		}
		if (g.Routers[i].DownAt != Never || g.Routers[i].LookAt != Never) && g.State != Backup {
			return fmt.Sprintf("router %d: down timer in %s", i, g.State)
		}
	}
	return ""
}

// run lets time pass, firing each deadline at its moment.
func (b *bench) run(d time.Duration) {
	b.t.Helper()
	for end := b.now.Add(d); b.now < end; {
		b.now = min(end, b.g.Deadline())
		b.step(Input{Kind: InputTimer})
	}
}

func (b *bench) hear(router int, src string, priority uint8, interval time.Duration) {
	b.t.Helper()
	b.step(Input{Kind: InputAdvert, Router: router, Heard: Heard{Src: ip(src), Priority: priority, Interval: interval}})
}

// hearAll is hear on every router.
func (b *bench) hearAll(src string, priority uint8) {
	b.t.Helper()
	for i := range b.g.Routers {
		b.hear(i, src, priority, time.Second)
	}
}

func (b *bench) health(h Health) { b.t.Helper(); b.step(Input{Kind: InputHealth, Health: h}) }

func (b *bench) state(want State) {
	b.t.Helper()
	if b.g.State != want {
		b.t.Fatalf("state %s, want %s (cause %+v)", b.g.State, want, b.g.Cause)
	}
}

// did compares what the group did since the last call with lines like
// "advert outside 100", "backup>master timeout", "hold", "release", "contested
// outside". Records are left out.
func (b *bench) did(want ...string) {
	b.t.Helper()
	got := lines(&b.g, b.out)
	b.out = nil
	if !slices.Equal(got, want) {
		b.t.Fatalf("did\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func lines(g *Group, out []Output) []string {
	var got []string
	name := func(o Output) string {
		if o.Gone != nil {
			return o.Gone.Name
		}
		return g.Config.Routers[o.Router].Name
	}
	for _, o := range out {
		switch o.Kind {
		case OutputAdvert:
			got = append(got, fmt.Sprintf("advert %s %d", name(o), o.Priority))
		case OutputTransition:
			got = append(got, fmt.Sprintf("%s>%s %s", o.Transition.From, o.Transition.To, o.Transition.Cause.Kind))
		case OutputAddresses:
			got = append(got, map[bool]string{true: "hold", false: "release"}[o.Hold])
		case OutputContested:
			got = append(got, "contested "+name(o))
		}
	}
	return got
}

// in says how long from now the deadline is.
func (b *bench) in() time.Duration { return b.g.Deadline().Sub(b.now) }

// adver is the time until the Adver_Timer of the first router.
func (b *bench) adver() time.Duration { return b.g.Routers[0].AdvertAt.Sub(b.now) }

// down is the time until the Master_Down_Timer of a router.
func (b *bench) down(i int) time.Duration { return b.g.Routers[i].DownAt.Sub(b.now) }
