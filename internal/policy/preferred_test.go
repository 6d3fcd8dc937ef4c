package policy

import (
	"testing"
	"time"

	"failover/conf"
	"failover/vrrp"
)

func TestPreferred(t *testing.T) {
	for _, c := range []struct {
		name      string
		own       uint8
		preferred map[string]Preferred
		delta     int
	}{
		{"nobody", 150, nil, 0},
		{"this one", 150, map[string]Preferred{"nat": {"lb1", 150}}, 0},
		{"the other one, lower", 150, map[string]Preferred{"nat": {"lb2", 100}}, -51},
		{"the other one, alike", 100, map[string]Preferred{"nat": {"lb2", 100}}, -1},
		{"the other one, higher", 100, map[string]Preferred{"nat": {"lb2", 150}}, 0},
		{"in another group", 150, map[string]Preferred{"dmz": {"lb2", 100}}, 0},
	} {
		w := World{Node: conf.Node{Name: "lb1", Groups: []vrrp.GroupConfig{{Name: "nat", Priority: c.own}}}, Preferred: c.preferred}
		h := Desired(w).Health["nat"]
		if h.Delta != c.delta || (len(h.Causes) > 0) != (c.delta != 0) {
			t.Errorf("%s: %+v", c.name, h)
		}
	}
}

func TestMergePreferences(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0).UTC() }
	for _, c := range []struct {
		name             string
		have, told, want Preference
		heard            bool
	}{
		{"the first", Preference{}, Preference{"lb2", at(1)}, Preference{"lb2", at(1)}, false},
		{"a later one", Preference{"lb2", at(1)}, Preference{"lb1", at(2)}, Preference{"lb1", at(2)}, true},
		{"an older one", Preference{"lb2", at(3)}, Preference{"lb1", at(2)}, Preference{"lb2", at(3)}, true},
		{"over", Preference{"lb2", at(1)}, Preference{"", at(2)}, Preference{"", at(2)}, true},
		{"of the same moment", Preference{"lb1", at(1)}, Preference{"lb2", at(1)}, Preference{"lb2", at(1)}, true},
		{"of the same moment, the other way", Preference{"lb2", at(1)}, Preference{"lb1", at(1)}, Preference{"lb2", at(1)}, true},
	} {
		all := map[string]Preference{}
		if c.heard {
			all["nat"] = c.have
		}
		MergePreferences(all, map[string]Preference{"nat": c.told})
		if all["nat"] != c.want {
			t.Errorf("%s: %+v", c.name, all["nat"])
		}
	}
}
