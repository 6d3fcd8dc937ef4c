package e2e

import (
	"testing"

	"failover/e2e/lab"
)

// TestPair is one pair at the default interval, through what happens to pairs.
// The same twenty connections are held from one scenario to the next.
func TestPair(t *testing.T) {
	s := newScene(t, lab.Setup{})
	for _, scenario := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"balance", s.balances},
		{"carrier", s.cutCarrier},
		{"beyond", s.cutBeyond},
		{"stop", s.stops},
	} {
		if !t.Run(scenario.name, scenario.run) {
			t.Logf("logs:\n%s", s.Logs(60))
		}
	}
}
