package engine

import (
	"strings"
	"testing"
	"time"

	"failover/internal/api"
)

// TestOneSidedSilence: a backup that hears the master on one of two wires stays
// backup, says so in status and metrics, and no longer when the wire is whole.
func TestOneSidedSilence(t *testing.T) {
	p := newPair(t, spec{})
	p.settled()
	metric := func(router string) string {
		out, err := p.LB2.Run(p.within(10*time.Second), "bash", "-c",
			`exec 3<>/dev/tcp/127.0.0.1/9650; printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3; cat <&3`)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out) {
			if value, ok := strings.CutPrefix(line, `failover_vrrp_one_sided_silence{router="`+router+`"} `); ok {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	p.must(p.Isolate(p.LB2, "outside"))
	p.problem(p.LB2, "outside: no advert is heard on eth2, though the master is heard on inside")
	if got := p.router(p.LB2, "outside"); got.State != "backup" || got.OneSided != "inside" {
		t.Errorf("outside: %+v", got)
	}
	if metric("outside") != "1" || metric("inside") != "0" {
		t.Errorf("metrics: outside %q, inside %q", metric("outside"), metric("inside"))
	}
	p.holder(p.LB1)
	p.must(p.Restore(p.LB2, "outside"))
	p.await(10*time.Second, "the problem is over", func() bool { return p.status(p.LB2).Healthy })
	p.holder(p.LB1)
	if got := p.router(p.LB2, "outside"); got.OneSided != "" {
		t.Errorf("outside: %+v", got)
	}
}

// TestUnmatchedAdverts: what is heard for a VRID that is not configured on the
// interface is counted where nobody else counts it.
func TestUnmatchedAdverts(t *testing.T) {
	p := newPair(t, spec{only: "outside"})
	other := spec{only: "inside"}
	p.configure(p.LB2, other)
	p.start(p.Directors()...)
	// lb2 is moved to the wire that lb1 listens on, under its own VRID 52.
	file := strings.ReplaceAll(other.toml(), `"eth1"`, `"eth2"`)
	file = strings.ReplaceAll(file, "192.168.33.90/24", "172.20.10.9/28")
	file = strings.NewReplacer(`lb1 = "192.168.33.91"`, `lb1 = "172.20.10.5"`, `lb2 = "192.168.33.94"`, `lb2 = "172.20.10.6"`).Replace(file)
	p.must(p.LB2.WriteFile(configFile, []byte(file), 0o644))
	if _, err := p.LB2.Run(p.within(10*time.Second), program, "reload"); err != nil {
		t.Fatal(err)
	}
	var self api.Director
	p.await(10*time.Second, "lb1 counts adverts of nobody", func() bool {
		for _, d := range p.status(p.LB1).Directors {
			if d.Self {
				self = d
			}
		}
		return self.UnmatchedAdverts["eth2"]["unknown-vrid"] > 2
	})
	if len(self.UnmatchedAdverts) != 1 || len(self.UnmatchedAdverts["eth2"]) != 1 {
		t.Errorf("%v", self.UnmatchedAdverts)
	}
}
