package policy

import (
	"testing"
	"time"

	"failover/check"
	"failover/lvs"
)

// TestLow: interval 2 s, timeout 1 s, fall 3 make 5 s of possible disagreement,
// and a recovery of at most 5 s.
func TestLow(t *testing.T) {
	full := lvs.Table{Services: []lvs.Service{{
		Key:     lvs.Key{Protocol: lvs.TCP, Address: vip},
		Servers: []lvs.Server{{Address: web1, Weight: 1}},
	}}}
	short, long := 4*time.Second, 5*time.Second
	for _, c := range []struct {
		name          string
		sight         Sight
		kernel        lvs.Table
		master, other bool // whether a master, and who is not, are low
	}{
		{"never lost", Sight{For: short}, lvs.Table{}, false, false},
		{"just lost", Sight{Lost: true, Ever: true, For: short}, full, false, true},
		{"lost for long", Sight{Lost: true, Ever: true, For: long}, full, true, true},
		{"just back", Sight{Ever: true, For: short}, full, false, true},
		{"back for long, the table is full", Sight{Ever: true, For: long}, full, false, false},
		{"back for the longest recovery", Sight{Ever: true, For: time.Minute}, lvs.Table{}, false, false},
	} {
		w := pair("rr")
		for i := range w.Node.Servers[0].Servers {
			w.Node.Servers[0].Servers[i].Checks = []check.Spec{{Kind: check.TCP, Interval: 2 * time.Second, Timeout: time.Second, Rise: 2, Fall: 3}}
		}
		for id, v := range map[string]check.Status{"web1": check.Up, "web2": check.Down} {
			w.judge(id, v)
		}
		w.Sight, w.Kernel = c.sight, c.kernel
		for id, v := range w.Verdicts {
			v.Asked, v.Streak = true, 0
			w.Verdicts[id] = v
		}
		if got := low(&w, true); got != c.master {
			t.Errorf("%s, master: low %v", c.name, got)
		}
		if got := low(&w, false); got != c.other {
			t.Errorf("%s, not master: low %v", c.name, got)
		}
	}
}

func TestSees(t *testing.T) {
	w := pair("rr")
	for _, c := range []struct {
		name   string
		change func()
		want   bool
	}{
		{"nothing is known", func() {}, true},
		{"one is down", func() { w.judge("web1", check.Down) }, true},
		{"both are down", func() { w.judge("web2", check.Down) }, false},
		{"one has no check", func() { w.Node.Servers[0].Servers[1].Checks = nil }, true},
		{"there is none", func() { w.Node.Servers = nil }, true},
	} {
		c.change()
		if got := Sees(&w); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
