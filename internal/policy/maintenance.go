package policy

import "failover/vrrp"

// Rule: a director in maintenance does not become master, of any group, whoever else
// is missing: the operator is at work on the machine. One that is master when he says
// so advertises priority 1 and goes on serving until a neighbour has taken over, as a
// master does that another one outbids: nothing is lost on the way. Where there is no
// neighbour it stays master, because an interrupted service was not what he asked for;
// what he waits for is that it is not.

// InMaintenance says why a group is as it is.
const InMaintenance = "this director is in maintenance"

// maintenanceHealth is what maintenance makes of a group's health.
func maintenanceHealth(w *World, h vrrp.Health) vrrp.Health {
	if w.Maintenance {
		h.Ready, h.Lowest = false, true
		h.Causes = append(h.Causes, vrrp.Cause{Kind: vrrp.CauseMaintenance, Detail: InMaintenance})
	}
	return h
}
