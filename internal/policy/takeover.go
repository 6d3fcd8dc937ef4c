package policy

import "failover/vrrp"

// Rule: a group whose take-over step has failed after its retries advertises
// priority 1, so that a healthy neighbour takes over; where none does it stays
// master and goes on trying. It is fit again when the step has succeeded, not
// before: with a higher priority it would take the mastership back and fail again.

// stepHealth is what a failed take-over step makes of a group's health.
func stepHealth(w *World, group string, h vrrp.Health) vrrp.Health {
	if detail, failed := w.StepFailed[group]; failed {
		h.Lowest = true
		h.Causes = append(h.Causes, vrrp.Cause{Kind: vrrp.CauseTakeOver, Detail: "take-over step failed: " + detail})
	}
	return h
}
