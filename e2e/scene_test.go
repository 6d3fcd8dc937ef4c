package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/internal/api"
	"failover/internal/testenv"
)

// scene is a pair of directors at work in a lab, with clients.
type scene struct {
	*lab.Lab
	pair *lab.Pair
	held *lab.Held
}

// failover builds a lab with failover configured on both directors; nothing runs
// yet.
func failover(t *testing.T, setup lab.Setup) *scene {
	t.Helper()
	testenv.Need(t, "lab", lab.HasIPVS())
	sys, err := lab.FindFailover()
	testenv.Need(t, "lab", err)
	return stage(t, sys, setup)
}

// stage builds a lab with a system configured on both directors; nothing runs.
func stage(t *testing.T, sys lab.System, setup lab.Setup) *scene {
	t.Helper()
	s := &scene{Lab: newLab(t)}
	var err error
	if s.pair, err = lab.NewPair(s.Lab, sys, setup); err != nil {
		t.Fatal(err)
	}
	return s
}

// settled waits until the pair is whole: lb1 has the addresses and both tables
// are full.
func (s *scene) settled(t *testing.T) {
	t.Helper()
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB1))
	for _, n := range s.Directors() {
		must(t, s.pair.WaitServers(within(t, 20*time.Second), n, len(s.pair.Setup.Servers)))
	}
}

// starts starts both directors and waits until lb1 has the addresses and both tables
// have so many real servers, of all virtual servers.
func (s *scene) starts(t *testing.T, servers int) {
	t.Helper()
	for _, n := range s.Directors() {
		must(t, s.pair.Unit(n).Start(within(t, 60*time.Second)))
	}
	must(t, s.pair.WaitHolder(within(t, 60*time.Second), s.LB1))
	for _, n := range s.Directors() {
		must(t, s.pair.WaitServers(within(t, 60*time.Second), n, servers))
	}
}

// eventually waits for a condition of the scene.
func eventually(t *testing.T, limit time.Duration, what string, ok func() (bool, error)) {
	t.Helper()
	must(t, lab.Eventually(within(t, limit), what, ok))
}

// must ends the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// command runs the program on a director and returns what it prints and its exit
// code.
func (s *scene) command(t *testing.T, n *lab.Node, args ...string) (string, int) {
	t.Helper()
	out, err := s.run(t, n, args...)
	if err == nil {
		return out, 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return err.Error(), exit.ExitCode()
}

func (s *scene) run(t *testing.T, n *lab.Node, args ...string) (string, error) {
	t.Helper()
	f, ok := s.pair.System.(lab.Failover)
	if !ok {
		t.Fatalf("%s has no commands", s.pair.System.Name())
	}
	return f.Run(within(t, 20*time.Second), n, args...)
}

// status asks a director; what is wrong with the pair is for the test to judge.
func (s *scene) status(t *testing.T, n *lab.Node) api.Status {
	t.Helper()
	st, err := s.ask(t, n)
	must(t, err)
	return st
}

func (s *scene) ask(t *testing.T, n *lab.Node) (api.Status, error) {
	t.Helper()
	var st api.Status
	out, err := s.run(t, n, "status", "--json")
	if bad := json.Unmarshal([]byte(out), &st); bad != nil {
		return st, fmt.Errorf("status of %s: %w", n.Name, errors.Join(err, bad))
	}
	return st, nil
}

// router is a virtual router as a director itself sees it.
func router(t *testing.T, st api.Status, name string) api.VirtualRouter {
	t.Helper()
	for _, d := range st.Directors {
		for _, r := range d.VirtualRouters {
			if d.Self && r.Name == name {
				return r
			}
		}
	}
	t.Fatalf("status of %s has no virtual router %s", st.Node, name)
	return api.VirtualRouter{}
}

// transitions is how often a director changed its role.
func (s *scene) transitions(t *testing.T, n *lab.Node) uint64 {
	t.Helper()
	return router(t, s.status(t, n), "outside").Transitions
}

// virtual are the addresses that move.
func virtual() []netip.Addr {
	return []netip.Addr{lab.VirtualOutside.Addr(), lab.VirtualInside.Addr()}
}

// holdsNone waits until a director has none of the virtual addresses.
func (s *scene) holdsNone(t *testing.T, n *lab.Node, limit time.Duration) {
	t.Helper()
	eventually(t, limit, n.Name+" has no virtual address", func() (bool, error) {
		for _, a := range virtual() {
			if has, err := n.Holds(a); has || err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// table is the IPVS table of a director.
func (s *scene) table(t *testing.T, n *lab.Node) string {
	t.Helper()
	lines, err := s.pair.Table(t.Context(), n)
	must(t, err)
	return strings.Join(lines, "\n")
}
