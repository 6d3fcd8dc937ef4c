package policy

import (
	"slices"
	"testing"

	"failover/conf"
	"failover/vrrp"
)

func TestMaintenance(t *testing.T) {
	w := World{Node: conf.Node{Groups: []vrrp.GroupConfig{{Name: "nat"}, {Name: "dmz"}}}, SinceStart: FirstVerdicts}
	for group, h := range Desired(w).Health {
		if !h.Ready || h.Lowest || len(h.Causes) != 0 {
			t.Errorf("%s without maintenance: %+v", group, h)
		}
	}
	w.Maintenance = true
	for group, h := range Desired(w).Health {
		because := slices.ContainsFunc(h.Causes, func(c vrrp.Cause) bool { return c.Kind == vrrp.CauseMaintenance })
		if h.Ready || !h.Lowest || h.Fault || !because {
			t.Errorf("%s in maintenance: %+v", group, h)
		}
	}
}
