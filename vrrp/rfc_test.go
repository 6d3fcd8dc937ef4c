package vrrp

import (
	"testing"
	"time"
)

// The rules of RFC 9568 section 6.4 for IPv4, one test each; the text above each
// is the RFC's, with Active for the master. Rules on ARP, MAC addresses and
// packet filtering belong to the machine and are tested there.

// skew100 and down100 are Skew_Time and Master_Down_Interval at priority 100 and
// 1 s: 156/256 s, and 3 s more.
const (
	skew100 = 609375 * time.Microsecond
	down100 = 3*time.Second + skew100
)

func TestRFC9568Section6_1Timers(t *testing.T) {
	for _, tt := range []struct {
		interval   time.Duration
		priority   uint8
		skew, down time.Duration
	}{
		{time.Second, 100, skew100, down100},
		{time.Second, 255, 3906250, 3003906250},
		{time.Second, 1, 996093750, 3996093750},
		{10 * time.Millisecond, 254, 78125, 30078125},
		{40950 * time.Millisecond, 128, 20475 * time.Millisecond, 143325 * time.Millisecond},
	} {
		if got := SkewTime(tt.interval, tt.priority); got != tt.skew {
			t.Errorf("SkewTime(%v, %d) = %v, want %v", tt.interval, tt.priority, got, tt.skew)
		}
		if got := MasterDownInterval(tt.interval, tt.priority); got != tt.down {
			t.Errorf("MasterDownInterval(%v, %d) = %v, want %v", tt.interval, tt.priority, got, tt.down)
		}
	}
}

func TestEffectivePriority(t *testing.T) {
	for _, tt := range []struct {
		configured uint8
		health     Health
		want       uint8
	}{
		{100, Health{}, 100}, {100, Health{Delta: 20}, 120}, {100, Health{Delta: -99}, 1}, {100, Health{Delta: -253}, 1},
		{254, Health{Delta: 253}, 254}, {1, Health{Delta: -1}, 1}, {100, Health{Lowest: true, Delta: 50}, 1},
		{255, Health{Delta: -50}, 255}, {255, Health{Lowest: true}, 255},
	} {
		if got := EffectivePriority(tt.configured, tt.health); got != tt.want {
			t.Errorf("EffectivePriority(%d, %+v) = %d, want %d", tt.configured, tt.health, got, tt.want)
		}
	}
}

// "If the Priority = 255, i.e., the router owns the IPvX address: Send an
// ADVERTISEMENT; broadcast a gratuitous ARP; set the Adver_Timer to
// Advertisement_Interval; transition to the {Active} state."
func TestRFC9568Section6_4_1StartupOwner(t *testing.T) {
	c := pair()
	c.Priority = 255
	b := bare(t, c)
	b.step(Input{Kind: InputLinks, Links: up(2)})
	b.health(Health{Ready: true})
	b.step(Input{Kind: InputStart})
	b.did("release", "advert outside 255", "advert inside 255", "init>master owner", "hold")
	if b.adver() != time.Second {
		t.Errorf("next advert in %v", b.adver())
	}
}

// "else: Set Active_Adver_Interval to Advertisement_Interval; set the
// Active_Down_Timer to Active_Down_Interval; transition to the {Backup} state."
func TestRFC9568Section6_4_1StartupBackup(t *testing.T) {
	b := bare(t, pair())
	b.step(Input{Kind: InputLinks, Links: up(2)})
	b.health(Health{Ready: true})
	b.step(Input{Kind: InputStart})
	b.did("release", "init>backup started")
	if b.down(0) != down100 {
		t.Errorf("Master_Down_Timer %v, want %v", b.down(0), down100)
	}
}

// "If a Shutdown event is received: Cancel the Active_Down_Timer; transition to
// the {Initialize} state."
func TestRFC9568Section6_4_2Shutdown(t *testing.T) {
	b := newBench(t, pair())
	b.step(Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	b.did("backup>init stopped")
	if b.g.Deadline() != Never || !b.g.Done() {
		t.Errorf("deadline %v, done %v", b.g.Deadline(), b.g.Done())
	}
}

// "If the Active_Down_Timer fires: Send an ADVERTISEMENT; broadcast a gratuitous
// ARP request; set the Adver_Timer to Advertisement_Interval; transition to the
// {Active} state."
func TestRFC9568Section6_4_2DownTimer(t *testing.T) {
	b := newBench(t, pair())
	b.run(down100 - 1)
	b.did()
	b.run(1)
	b.did("advert outside 100", "advert inside 100", "backup>master timeout", "hold")
	if b.adver() != time.Second {
		t.Errorf("Adver_Timer %v", b.adver())
	}
}

// The Adver_Timer of a new master runs by its own interval, not the learned one.
func TestRFC9568Section6_4_2OwnIntervalAsMaster(t *testing.T) {
	b := newBench(t, lone())
	b.hear(0, above, 200, 4*time.Second)
	b.run(MasterDownInterval(4*time.Second, 100))
	b.state(Master)
	if b.adver() != time.Second {
		t.Errorf("Adver_Timer %v", b.adver())
	}
}

// "If the Priority in the ADVERTISEMENT is zero: Set the Active_Down_Timer to
// Skew_Time."
func TestRFC9568Section6_4_2PriorityZero(t *testing.T) {
	b := newBench(t, lone())
	b.hear(0, above, 200, 2*time.Second)
	b.hear(0, above, 0, 2*time.Second)
	if want := SkewTime(2*time.Second, 100); b.in() != want {
		t.Errorf("timer %v, want Skew_Time %v of the learned interval", b.in(), want)
	}
	b.run(SkewTime(2*time.Second, 100))
	b.did("advert outside 100", "backup>master priority-zero", "hold")
}

// "else: If Preempt_Mode is False, or if the Priority in the ADVERTISEMENT is
// greater than or equal to the local Priority: Set Active_Adver_Interval to Max
// Advertise Interval contained in the ADVERTISEMENT; recompute the Skew_Time;
// recompute the Active_Down_Interval; reset the Active_Down_Timer to
// Active_Down_Interval. else: Discard the ADVERTISEMENT."
func TestRFC9568Section6_4_2Advert(t *testing.T) {
	for _, tt := range []struct {
		name     string
		preempt  bool
		priority uint8
		accepted bool
	}{
		{"higher", true, 101, true}, {"equal", true, 100, true}, {"lower", true, 99, false},
		{"owner", true, 255, true}, {"lower, Preempt_Mode False", false, 99, true},
		{"lowest, Preempt_Mode False", false, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := lone()
			c.Preempt = tt.preempt
			b := newBench(t, c)
			b.run(time.Second)
			b.hear(0, lower, tt.priority, 3*time.Second)
			want := down100 - time.Second
			if tt.accepted {
				want = MasterDownInterval(3*time.Second, 100)
			}
			if b.down(0) != want {
				t.Errorf("Master_Down_Timer %v, want %v", b.down(0), want)
			}
			b.hear(0, lower, 0, 3*time.Second)
			skew := map[bool]time.Duration{true: 3 * skew100, false: skew100}[tt.accepted]
			if b.down(0) != skew {
				t.Errorf("Skew_Time %v, want %v", b.down(0), skew)
			}
		})
	}
}

// "If a Shutdown event is received: Cancel the Adver_Timer; send an ADVERTISEMENT
// with Priority = 0; transition to the {Initialize} state."
func TestRFC9568Section6_4_3Shutdown(t *testing.T) {
	b := newMaster(t, pair())
	b.step(Input{Kind: InputStop, Cause: Cause{Kind: CauseStopped}})
	b.did("advert outside 0", "advert inside 0", "master>init stopped")
}

// "If the Adver_Timer fires: Send an ADVERTISEMENT; reset the Adver_Timer to
// Advertisement_Interval."
func TestRFC9568Section6_4_3AdverTimer(t *testing.T) {
	b := newMaster(t, lone())
	b.run(3 * time.Second)
	b.did("advert outside 100", "advert outside 100", "advert outside 100")
}

// "If the Priority in the ADVERTISEMENT is 0: Send an ADVERTISEMENT; reset the
// Adver_Timer to Advertisement_Interval."
func TestRFC9568Section6_4_3PriorityZero(t *testing.T) {
	b := newMaster(t, lone())
	b.run(b.in() - 300*time.Millisecond)
	b.hear(0, above, 0, time.Second)
	b.did("contested outside", "advert outside 100")
	if b.in() != time.Second {
		t.Errorf("Adver_Timer %v", b.in())
	}
}

// "If the Priority in the ADVERTISEMENT is greater than the local Priority, or
// equal and the primary IPvX address of the sender is greater than the local one
// (unsigned integer comparison in network byte order): Cancel Adver_Timer; set
// Active_Adver_Interval to that of the ADVERTISEMENT; recompute Skew_Time and
// Active_Down_Interval; set the Active_Down_Timer; transition to {Backup}. else:
// Discard the ADVERTISEMENT; send an ADVERTISEMENT immediately to assert the
// {Active} state."
func TestRFC9568Section6_4_3Advert(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		priority  uint8
		cause     CauseKind // empty: stays
	}{
		{"higher", lower, 101, CauseHigher},
		{"owner", lower, 255, CauseHigher},
		{"equal, higher address", above, 100, CauseTie},
		{"equal, higher address beyond the sign bit", "200.0.0.1", 100, CauseTie},
		{"equal, lower address", lower, 100, ""},
		{"lower, higher address", above, 99, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newMaster(t, lone())
			b.run(500 * time.Millisecond)
			b.out = nil
			b.hear(0, tt.src, tt.priority, 2*time.Second)
			if tt.cause == "" {
				b.did("contested outside", "advert outside 100")
				return
			}
			// The advert is not the RFC's: the one that wins shall announce over us.
			b.did("master>backup "+string(tt.cause), "release", "advert outside 1")
			if want := MasterDownInterval(2*time.Second, 100); b.down(0) != want {
				t.Errorf("Master_Down_Timer %v, want %v", b.down(0), want)
			}
		})
	}
}

// "Note that in the Active state, the Preempt_Mode Flag is not considered."
func TestRFC9568Section6_4_3PreemptModeIgnored(t *testing.T) {
	c := lone()
	c.Preempt = false
	b := newMaster(t, c)
	b.hear(0, above, 101, time.Second)
	b.state(Backup)
}
