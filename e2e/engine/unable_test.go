package engine

import (
	"strings"
	"testing"
	"time"
)

// TestWithoutNetAdmin: a director that may change nothing on its machine goes on
// trying, and its status names each thing.
func TestWithoutNetAdmin(t *testing.T) {
	p := newPair(t, spec{})
	unit := p.units[p.LB1]
	unit.Spec.ExecStart = append([]string{"setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"}, unit.Spec.ExecStart...)
	p.start(p.LB1)
	var out string
	want := []string{
		"problem: nat: master, but vrrp: add 172.20.10.4/28 to eth2: operation not permitted; vrrp: add 192.168.33.90/24 to eth1: operation not permitted",
		"problem: settings of this machine: host: list nftables tables: netlink receive: operation not permitted: that takes CAP_NET_ADMIN",
	}
	p.await(20*time.Second, "the status names what is not permitted", func() bool {
		out, _ = p.LB1.Run(p.within(10*time.Second), program, "status") // it is not healthy, and says so by its exit code
		for _, line := range want {
			if !strings.Contains(out, line+"\n") {
				return false
			}
		}
		return true
	})
	if t.Failed() {
		t.Logf("the status:\n%s", out)
	}
}
