package engine

import (
	"strings"
	"testing"
	"time"
)

// TestWithoutCapability: who may change no address, or send no advert, is no master
// that holds nothing: the service does not start, and says what it lacks.
func TestWithoutCapability(t *testing.T) {
	p := newPair(t, spec{})
	p.start(p.LB2)
	p.holder(p.LB2)
	for dropped, missing := range map[string]string{
		"-net_admin":          "vrrp: CAP_NET_ADMIN is missing: operation not permitted",
		"-net_raw":            "vrrp: CAP_NET_RAW is missing: operation not permitted",
		"-net_admin,-net_raw": "vrrp: CAP_NET_ADMIN and CAP_NET_RAW are missing: operation not permitted",
	} {
		_, err := p.LB1.Run(p.within(10*time.Second), "setpriv", "--bounding-set="+dropped, "--inh-caps="+dropped,
			program, "run", "--node", "lb1")
		for _, want := range []string{
			"exit status 1", "failover: error: " + missing + "\n",
			"failover: hint: the daemon needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("without %s: %v, want %q", dropped, err, want)
			}
		}
	}
	if !p.holds(p.LB2, outside) || p.holds(p.LB1, outside) {
		t.Error("the addresses are not where they were")
	}
}
