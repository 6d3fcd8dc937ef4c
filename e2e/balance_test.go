package e2e

import (
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// balances: requests alternate between the servers, and both directors have the
// same table and both roles of connection sync.
func (s *scene) balances(t *testing.T) {
	s.settled(t)
	url := "http://" + lab.Service + "/"
	last := s.Client.Get(within(t, 5*time.Second), url)
	must(t, last.Err)
	counts := map[string]int{}
	for range 20 {
		r := s.Client.Get(within(t, 5*time.Second), url)
		must(t, r.Err)
		if r.Server == last.Server {
			t.Errorf("two answers in a row from %s", r.Server)
		}
		counts[r.Server]++
		last = r
	}
	if counts["web1"] != 10 || counts["web2"] != 10 {
		t.Errorf("answers %v, want 10 of each", counts)
	}
	s.identical(t)
	for _, n := range s.Directors() {
		out, err := n.Run(t.Context(), "ipvsadm", "--list", "--daemon")
		must(t, err)
		if !strings.Contains(out, "master sync daemon") || !strings.Contains(out, "backup sync daemon") {
			t.Errorf("%s does not run both roles of connection sync: %q", n.Name, out)
		}
	}
}

// identical compares the tables of both directors.
func (s *scene) identical(t *testing.T) {
	t.Helper()
	a, b := s.table(t, s.LB1), s.table(t, s.LB2)
	if a == "" || a != b {
		t.Errorf("the tables differ:\n%s\n--\n%s", a, b)
	}
}
