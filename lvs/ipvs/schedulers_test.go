//go:build linux

package ipvs_test

import (
	"slices"
	"testing"
	"time"

	"failover/lvs"
	"failover/lvs/lvstest"
)

// near tells whether counts are within slack of the wanted ones.
func near(got, want []int, slack int) bool {
	for i := range got {
		if max(got[i]-want[i], want[i]-got[i]) > slack {
			return false
		}
	}
	return true
}

// TestSchedulersShare: sixty connections that stay, over three servers.
func TestSchedulersShare(t *testing.T) {
	const connections = 60
	s := newScene(t, 3)
	tests := []struct {
		scheduler string
		weights   [3]string
		want      []int
		slack     int
	}{
		{"rr", [3]string{"1", "2", "3"}, []int{20, 20, 20}, 0}, // weights do not count
		{"wrr", [3]string{"1", "2", "3"}, []int{10, 20, 30}, 0},
		{"lc", [3]string{"1", "2", "3"}, []int{20, 20, 20}, 1},
		{"wlc", [3]string{"1", "2", "3"}, []int{10, 20, 30}, 2},
		{"sed", [3]string{"1", "2", "3"}, []int{10, 20, 30}, 3},
		{"nq", [3]string{"1", "2", "3"}, []int{10, 20, 30}, 3},
		{"fo", [3]string{"1", "3", "2"}, []int{0, 60, 0}, 0},       // all to the highest weight
		{"ovf", [3]string{"10", "20", "30"}, []int{10, 20, 30}, 2}, // as many as its weight, then the next
		{"ovf", [3]string{"90", "20", "30"}, []int{60, 0, 0}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.scheduler+" "+tt.weights[0], func(t *testing.T) {
			s.T = t
			s.balance("-t", "-s "+tt.scheduler, "-m -w "+tt.weights[0], "-m -w "+tt.weights[1], "-m -w "+tt.weights[2])
			if got := shares(s.held(connections), 3); !near(got, tt.want, tt.slack) {
				t.Errorf("shares %v, want %v ± %d", got, tt.want, tt.slack)
			}
		})
	}
}

// TestSchedulersStick: a client comes to the server it had (sh, mh), whoever asks
// for an address comes to its server (dh, lblc, lblcr).
func TestSchedulersStick(t *testing.T) {
	const clients = 60
	s := newScene(t, 3)
	for _, tt := range []struct {
		scheduler string
		bySource  bool
	}{{"sh", true}, {"mh", true}, {"dh", false}, {"lblc", false}, {"lblcr", false}} {
		t.Run(tt.scheduler, func(t *testing.T) {
			s.T = t
			weight := "-m -w 1" // of 256 places, under sh
			if !tt.bySource {
				weight = "-m -w 1000" // more connections than that would go elsewhere
			}
			s.balance("-t", "-s "+tt.scheduler, weight, weight, weight)
			first := s.held(clients)
			if second := s.held(clients); !slices.Equal(first, second) {
				t.Errorf("first %v, then %v", first, second)
			}
			got := shares(first, 3)
			if tt.bySource && slices.Min(got) < clients/6 {
				t.Errorf("shares %v: sources are not spread", got)
			}
			if !tt.bySource && slices.Max(got) != clients {
				t.Errorf("shares %v: one address, more than one server", got)
			}
		})
	}
}

// TestEveryScheduler: the two tests above have them all.
func TestEveryScheduler(t *testing.T) {
	tested := []string{"rr", "wrr", "lc", "wlc", "sed", "nq", "fo", "ovf", "sh", "mh", "dh", "lblc", "lblcr"}
	for _, name := range lvstest.Schedulers {
		if !slices.Contains(tested, name) {
			t.Errorf("no traffic goes through %s", name)
		}
	}
}

func TestPersistence(t *testing.T) {
	s := newScene(t, 3)
	s.balance("-t", "-s rr -p 60 -M 255.255.255.0", "-m -w 1", "-m -w 1", "-m -w 1")
	if got := shares(s.held(20), 3); slices.Max(got) != 20 {
		t.Errorf("clients of one /24: shares %v", got)
	}
	s.balance("-t", "-s rr -p 60", "-m -w 1", "-m -w 1", "-m -w 1")
	first := s.held(30)
	if second := s.held(30); !slices.Equal(first, second) {
		t.Errorf("first %v, then %v", first, second)
	}
	if got := shares(first, 3); !near(got, []int{10, 10, 10}, 0) {
		t.Errorf("shares of thirty clients: %v", got)
	}
}

// TestThresholds: a server takes no more than its upper threshold.
func TestThresholds(t *testing.T) {
	s := newScene(t, 2)
	s.balance("-t", "-s rr", "-m -w 1 -x 3", "-m -w 1")
	if got := shares(s.held(20), 2); !near(got, []int{3, 17}, 0) {
		t.Errorf("shares %v, want 3 and 17", got)
	}
}

// TestOnePacket: every datagram of one socket is balanced by itself. (By dr, to
// addresses of this machine: what one_packet does to nat is not usable.)
func TestOnePacket(t *testing.T) {
	const datagrams = 10
	s := newScene(t, 0)
	for _, tt := range []struct {
		options string
		want    [2]uint64
	}{{"-s rr -o", [2]uint64{5, 5}}, {"-s rr", [2]uint64{1, 0}}} {
		s.balance("-u", tt.options, "-g -w 1", "-g -w 1")
		if err := s.send(datagrams); err != nil {
			t.Fatal(err)
		}
		want := tt.want
		if got := s.connections(want[0] + want[1]); got != want && got != [2]uint64{want[1], want[0]} {
			t.Errorf("%s: connections %v of %d datagrams, want %v", tt.options, got, datagrams, want)
		}
	}
}

// connections reads how many the first two servers had, once they are as many as
// wanted: the kernel's counters may be 2 s old.
func (s *scene) connections(wanted uint64) (got [2]uint64) {
	s.Helper()
	for deadline := time.Now().Add(patience); ; {
		stats, err := s.kernel.Stats(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		servers := stats.Servers[lvs.Key{Protocol: lvs.UDP, Address: virtual}]
		for i := range got {
			got[i] = servers[lvs.Server{Address: server(byte(i + 1))}.ID()].Connections
		}
		if got[0]+got[1] >= wanted || time.Now().After(deadline) {
			return got
		}
	}
}
