package policy

import (
	"testing"

	"failover/vrrp"
)

func TestFailedStepYields(t *testing.T) {
	w := pair("rr")
	w.StepFailed = map[string]string{"nat": "/bin/move: exit status 1"}
	h := Desired(w).Health["nat"]
	if p := vrrp.EffectivePriority(150, h); p != 1 || h.Fault || h.Causes[0].Detail != "take-over step failed: /bin/move: exit status 1" {
		t.Errorf("priority %d, health %+v", p, h)
	}
	w.StepFailed = map[string]string{"other": "x"}
	if h := Desired(w).Health["nat"]; h.Lowest {
		t.Errorf("the step of another group: %+v", h)
	}
}
