package main

import (
	"strings"
	"testing"

	"failover/e2e/compare"
	"failover/e2e/lab"
	"failover/internal/testenv"
	"failover/lvs"
)

// program is the failover to look at.
func program(t *testing.T) lab.Failover {
	t.Helper()
	f, err := lab.BuiltFailover(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestShortLook goes through everything that is measured of failover with a small
// table, and holds what does not depend on the size or the machine.
func TestShortLook(t *testing.T) {
	testenv.Need(t, "lab", lab.HasIPVS())
	const changes = 1
	var rows []compare.Row
	err := withBed(func(b *bed) (err error) {
		rows, err = b.ours(t.Context(), program(t), 20, changes)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range rows {
		t.Logf("%s: %v", r.Event, r.Values)
		count[r.Event]++
		if r.Event == eventAgain && r.Values[figure] != 0 {
			t.Errorf("%s: %v, want 0", r.Event, r.Values)
		}
	}
	for event, want := range map[string]int{
		eventStart: 1, eventMemory: 1, eventEach: 1, eventWeight: changes, eventAgain: 1, eventParse: reloads, eventDecide: reloads, eventRight: looks,
	} {
		if count[event] != want {
			t.Errorf("%s: measured %d times, want %d", event, count[event], want)
		}
	}
}

// TestShape: the three texts say the same.
func TestShape(t *testing.T) {
	s := shape{services: 300, weight: 7}
	table := s.table()
	if len(table.Services) != 300 || len(lvs.Sorted(table).Services[299].Servers) != serversEach {
		t.Fatalf("%d services", len(table.Services))
	}
	for name, text := range map[string]string{"failover.toml": string(s.failover()), "keepalived.conf": string(s.keepalived())} {
		for _, r := range table.Services[299].Servers {
			if !strings.Contains(text, r.Address.Addr().String()) {
				t.Errorf("%s lacks %s", name, r.Address)
			}
		}
		if strings.Count(text, "weight 7")+strings.Count(text, "weight = 7") != 1 {
			t.Errorf("%s: the last weight is not 7, once", name)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		t    target
		met  bool
		text string
	}{
		{target{ours: &cell{median: 4}, share: true, limit: 0.8}, false, "not measured"},
		{target{ours: &cell{median: 4}, other: &cell{median: 5}, share: true, limit: 0.8}, true, "0.8 (4 against 5)"},
		{target{ours: &cell{median: 5}, other: &cell{median: 5}, share: true, limit: 0.8}, false, "1 (5 against 5)"},
		{target{ours: &cell{median: 48}, limit: 48}, true, "48"},
		{target{limit: 48}, false, "not measured"},
	} {
		if met, text := c.t.verdict(); met != c.met || text != c.text {
			t.Errorf("%+v: %t, %s; want %t, %s", c.t, met, text, c.met, c.text)
		}
	}
}
