package e2e

import (
	"fmt"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/internal/api"
)

// TestRestartInPlace: the master restarts in place five times, under requests and with
// held connections; then the backup. Nobody notices, and no check has forgotten
// anything.
func TestRestartInPlace(t *testing.T) {
	setup := lab.Setup{AdvertInterval: 100 * time.Millisecond, Check: "tcp", Rise: 2, Fall: 3}
	s := linkedPair(t, setup)
	s.play(t,
		scenario{"the master", func(t *testing.T) { s.restartsInPlace(t, s.LB1, 5) }},
		scenario{"the backup", func(t *testing.T) { s.restartsInPlace(t, s.LB2, 2) }},
	)
}

// restartsInPlace restarts a director several times.
func (s *scene) restartsInPlace(t *testing.T, n *lab.Node, times int) {
	c := s.clients(t, true)
	v := s.vigil(t, s.LB1)
	before, table := s.status(t, n), s.table(t, n)
	roles := map[*lab.Node]uint64{}
	for _, d := range s.Directors() {
		roles[d] = s.transitions(t, d)
	}
	var longest time.Duration
	for range times {
		pid, begin := s.pair.Unit(n).MainPID(), time.Now()
		s.says(t, n, "restart")
		longest = max(longest, time.Since(begin))
		if now := s.pair.Unit(n).MainPID(); now == pid {
			t.Error("the main process is the same")
		}
	}
	figure(t, "restart", longest.Seconds(), "s")
	s.insync(t, n)
	c.end().nothingLost(t)
	v.end()
	for _, d := range s.Directors() {
		if now := s.transitions(t, d); now != roles[d] {
			t.Errorf("%s changed its role: %d transitions, were %d", d.Name, now, roles[d])
		}
	}
	if now := s.table(t, n); now != table {
		t.Errorf("the table was\n%s\nand is\n%s", table, now)
	}
	was, is := sinces(before), sinces(s.status(t, n))
	if len(was) == 0 || fmt.Sprint(was) != fmt.Sprint(is) {
		t.Errorf("the checks were %v and are %v", was, is)
	}
	if exits := s.pair.Unit(n).Exits(); len(exits) > 0 {
		t.Errorf("the service has ended: %v", exits)
	}
}

// sinces are how the real servers of a director stand, and since when.
func sinces(st api.Status) map[string]string {
	m := map[string]string{}
	for _, d := range st.Directors {
		for _, vs := range d.VirtualServers {
			for _, rs := range vs.RealServers {
				if d.Self {
					m[vs.Name+"/"+rs.Name] = rs.Check + " " + rs.Since.Format(time.RFC3339Nano)
				}
			}
		}
	}
	return m
}
