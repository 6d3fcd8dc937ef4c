package policy

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"failover/check"
	"failover/conf"
	"failover/lvs"
)

var sorry = netip.MustParseAddrPort("192.168.33.99:80")

// threshold is a world with a quorum of 4 ± 2 out of the weights 1, 3 and 4.
func threshold() World {
	w := pair("rr")
	vs := &w.Node.Servers[0]
	vs.Quorum, vs.Hysteresis = 4, 2
	vs.Servers = append(vs.Servers, conf.RealServer{Name: "web3", Address: netip.MustParseAddrPort("192.168.33.94:80"), Weight: 4, Checks: probe})
	vs.Sorry = &conf.RealServer{Name: "sorry", Address: sorry, Forward: lvs.NAT, Weight: 1}
	return w
}

// TestQuorum goes through a life: each step is who is up, and what follows.
func TestQuorum(t *testing.T) {
	w := threshold()
	for i, step := range []struct {
		up    string // of web1 web2 web3: u up, d down, ? unknown
		known bool   // the state is worth keeping
		want  bool
		sorry bool
	}{
		{"???", false, false, false}, // a start waits for the checks
		{"?u?", false, false, false},
		{"uu?", true, true, false}, // 4: enough without hysteresis
		{"uud", true, true, false},
		{"dud", true, true, false}, // 3, above 4-2
		{"udd", true, false, true}, // 1
		{"uud", true, false, true}, // 4, below 4+2
		{"duu", true, true, false}, // 7
		{"ddd", true, false, true},
		{"ddu", true, false, true}, // 4
		{"udu", true, false, true}, // 5
		{"uuu", true, true, false},
		{"ddu", true, true, false},
	} {
		for j, c := range step.up {
			status := map[rune]check.Status{'u': check.Up, 'd': check.Down, '?': check.Unknown}[c]
			w.judge([]string{"web1", "web2", "web3"}[j], status)
		}
		got := Desired(w)
		up, known := got.Quorum["web"]
		if up != step.want || known != step.known || QuorumUp(&w, &w.Node.Servers[0]) != step.want {
			t.Errorf("step %d, %s: quorum %v (known %v), want %v (%v)", i, step.up, up, known, step.want, step.known)
		}
		if in := strings.Contains(lvs.Format(got.Table), "-r "+sorry.String()); in != step.sorry {
			t.Errorf("step %d, %s: sorry server in the table: %v, want %v", i, step.up, in, step.sorry)
		}
		w.Quorum = got.Quorum
		if again := Desired(w).Quorum["web"]; again != up {
			t.Errorf("step %d, %s: decided again on the same facts: %v, was %v", i, step.up, again, up)
		}
	}
}

// TestQuorumNeedsAServer: however wide the hysteresis, nothing is no quorum.
func TestQuorumNeedsAServer(t *testing.T) {
	w := threshold()
	w.Node.Servers[0].Hysteresis = 4
	w.Quorum = map[string]bool{"web": true}
	for _, name := range []string{"web1", "web2", "web3"} {
		w.judge(name, check.Down)
	}
	if QuorumUp(&w, &w.Node.Servers[0]) {
		t.Error("quorum up without any server")
	}
}

// TestSorryAfterAWhile: a start with a check that hangs does not wait for it for
// ever.
func TestSorryAfterAWhile(t *testing.T) {
	w := threshold()
	w.judge("web1", check.Down)
	for age, want := range map[time.Duration]bool{FirstVerdicts - 1: false, FirstVerdicts: true} {
		w.SinceStart = age
		if got := Sorry(&w, &w.Node.Servers[0]); got != want {
			t.Errorf("after %v: %v, want %v", age, got, want)
		}
	}
}

// TestOperatorAndQuorum: whom the operator took out does not count, and whom he
// weighs counts so. A track does not ask the operator.
func TestOperatorAndQuorum(t *testing.T) {
	w := threshold()
	for _, name := range []string{"web1", "web2", "web3"} {
		w.judge(name, check.Up)
	}
	says := func(server string, o Override) { w.Overrides[check.ID{VirtualServer: "web", RealServer: server}] = o }
	w.Overrides = map[check.ID]Override{}
	says("web3", Override{Kind: Disable})
	says("web2", Override{Kind: Weigh, Weight: 2})
	if got := Available(&w, &w.Node.Servers[0]); got != 3 {
		t.Errorf("weight %d, want 1 + 2", got)
	}
	if QuorumUp(&w, &w.Node.Servers[0]) {
		t.Error("quorum of 4 up with 3")
	}
	if v := quorumVerdict(&w, conf.Track{Name: "web"}); v.Status != check.Up {
		t.Errorf("track %s, want up: every check is", v.Status)
	}
}

// TestNoInstantWithoutAServer carries the way into the sorry server and back out
// operation by operation: at each there is a server that takes connections, and
// none of those that are up leaves.
func TestNoInstantWithoutAServer(t *testing.T) {
	for _, scheduler := range []string{"wlc", "rr", "mh", "sh"} {
		w := threshold()
		vs := &w.Node.Servers[0]
		vs.Scheduler, vs.Flags = scheduler, lvs.FlagSched1
		judge := func(s check.Status) lvs.Table {
			w.judge("web1", check.Up)
			w.judge("web2", s)
			w.judge("web3", s)
			got := Desired(w)
			w.Quorum = got.Quorum
			return got.Table
		}
		for from, to, n := judge(check.Up), judge(check.Down), 0; n < 2; from, to, n = to, judge(check.Up), n+1 {
			at := map[netip.AddrPort]int{}
			for _, s := range from.Services[0].Servers {
				at[s.Address] = s.Weight
			}
			ops := lvs.Diff(from, to, lvs.Owned{})
			if len(ops) == 0 {
				t.Fatalf("%s: nothing to do", scheduler)
			}
			for _, op := range ops {
				if op.Kind == lvs.DelServer {
					delete(at, op.Server.Address)
				} else {
					at[op.Server.Address] = op.Server.Weight
				}
				takers := 0
				for _, weight := range at {
					takers += weight
				}
				if _, in := at[web1]; takers == 0 || !in {
					t.Errorf("%s: after %s: %v", scheduler, op, at)
				}
			}
		}
	}
}
