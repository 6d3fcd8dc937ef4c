package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// The rules of RFC 3768 section 6 that are not those of RFC 9568, one test each.
// The others are the same code and tested there.

// version2 is lone, in version 2.
func version2() GroupConfig {
	c := lone()
	c.Routers[0].Version = Version2
	return c
}

// "Skew_Time: Time to skew Master_Down_Interval in seconds. Calculated as:
// ((256 - Priority) / 256). Master_Down_Interval: Calculated as:
// (3 * Advertisement_Interval) + Skew_time."
func TestRFC3768Section6_1Timers(t *testing.T) {
	for _, tt := range []struct {
		interval   time.Duration
		priority   uint8
		skew, down time.Duration
	}{
		{time.Second, 100, skew100, down100},
		{5 * time.Second, 100, skew100, 15*time.Second + skew100},
		{255 * time.Second, 1, 996093750, 765996093750},
		{2 * time.Second, 254, 7812500, 6007812500},
	} {
		c := RouterConfig{Version: Version2}
		if got := c.skewTime(tt.interval, tt.priority); got != tt.skew || got != SkewTimeV2(tt.priority) {
			t.Errorf("Skew_Time of %v, %d: %v, want %v", tt.interval, tt.priority, got, tt.skew)
		}
		if got := c.masterDown(tt.interval, tt.priority); got != tt.down {
			t.Errorf("Master_Down_Interval of %v, %d: %v, want %v", tt.interval, tt.priority, got, tt.down)
		}
	}
}

// "If the Master_Down_Timer fires, then: Send an ADVERTISEMENT; broadcast a
// gratuitous ARP request; set the Adver_Timer to Advertisement_Interval;
// transition to the {Master} state."
func TestRFC3768Section6_4_2DownTimer(t *testing.T) {
	c := version2()
	c.Routers[0].Interval = 5 * time.Second
	b := newBench(t, c)
	b.hear(0, above, 150, 5*time.Second)
	b.run(15*time.Second + skew100 - 1)
	b.did()
	b.run(1)
	b.did("advert outside 100", "backup>master timeout", "hold")
	if b.adver() != 5*time.Second {
		t.Errorf("Adver_Timer %v", b.adver())
	}
}

// "If the Priority in the ADVERTISEMENT is Zero, then: Set the Master_Down_Timer
// to Skew_Time", which no interval scales.
func TestRFC3768Section6_4_2PriorityZero(t *testing.T) {
	c := version2()
	c.Routers[0].Interval = 5 * time.Second
	b := newBench(t, c)
	b.hear(0, above, 0, 5*time.Second)
	if b.in() != skew100 {
		t.Errorf("timer %v, want Skew_Time %v", b.in(), skew100)
	}
}

// "If Preempt_Mode is False, or If the Priority in the ADVERTISEMENT is greater
// than or equal to the local Priority, then: Reset the Master_Down_Timer to
// Master_Down_Interval. else: Discard the ADVERTISEMENT."
func TestRFC3768Section6_4_2Advert(t *testing.T) {
	for _, tt := range []struct {
		name     string
		preempt  bool
		priority uint8
		accepted bool
	}{
		{"higher", true, 101, true}, {"equal", true, 100, true}, {"lower", true, 99, false},
		{"lower, Preempt_Mode False", false, 99, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := version2()
			c.Preempt = tt.preempt
			b := newBench(t, c)
			b.run(time.Second)
			b.hear(0, lower, tt.priority, time.Second)
			want := down100 - time.Second
			if tt.accepted {
				want = down100
			}
			if b.down(0) != want {
				t.Errorf("Master_Down_Timer %v, want %v", b.down(0), want)
			}
		})
	}
}

// Versions change role together where they are in one group, each by its timers.
func TestGroupOfBothVersions(t *testing.T) {
	c := pair()
	c.Routers[0].Version = Version2
	c.Routers[0].Interval, c.Routers[1].Interval = 2*time.Second, 2*time.Second
	b := newBench(t, c)
	b.run(6*time.Second + skew100)
	if b.g.Routers[0].DownAt != Never {
		t.Error("version 2 waits for longer than its Skew_Time")
	}
	b.state(Backup)
	b.run(skew100) // version 3's is twice as long at 2 s
	b.did("advert outside 100", "advert inside 100", "backup>master timeout", "hold")
}

// A reload that changes the version is another router to the neighbours: the old
// one resigns.
func TestReloadOfTheVersion(t *testing.T) {
	b := newMaster(t, lone())
	b.step(Input{Kind: InputConfigure, Config: version2(), Links: up(1)})
	b.did("advert outside 0", "advert outside 100")
	c := version2()
	c.Routers[0].Auth = "secret"
	b.step(Input{Kind: InputConfigure, Config: c, Links: up(1)})
	b.did("advert outside 100")
}

func TestNoLinkLocalAddressIsAFault(t *testing.T) {
	c := lone()
	c.Routers[0].Source = netip.Addr{}
	c.Routers[0].Addresses = []Address{{Prefix: netip.MustParsePrefix("fe80::200:5eff:fe00:233/64")}}
	b := bare(t, c)
	b.step(Input{Kind: InputLinks, Links: []RouterLink{{Exists: true, Usable: true}}})
	b.step(Input{Kind: InputStart})
	b.did("release", "init>fault interface")
	if b.g.Cause.Detail != "eth2 has no IPv6 link-local address to send from" {
		t.Errorf("cause %+v", b.g.Cause)
	}
}
