package e2e

import (
	"bytes"
	"net/netip"
	"os"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/lvs"
	"failover/lvs/ipvs"
)

// crowd is how many connections a newcomer is given, and for how long the real ones
// among them are idle: what an emulated machine can do meanwhile.
func crowd() (many int, idle time.Duration) {
	if os.Getenv("FAILOVER_FULL") == "1" {
		return 100_000, 4 * time.Minute
	}
	return 20_000, 45 * time.Second
}

// TestNewcomerIsGivenTheConnections: connections that are idle, which the kernel never
// tells a newcomer of, are known to it, and live on when it becomes master; so are
// twenty thousand more, and a hundred thousand with FAILOVER_FULL.
func TestNewcomerIsGivenTheConnections(t *testing.T) {
	setup := lab.Setup{AdvertInterval: 100 * time.Millisecond, Check: "tcp", Rise: 1, Fall: 2}
	s := failover(t, setup)
	s.linked(t, setup)
	must(t, s.pair.Unit(s.LB1).Start(within(t, 60*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB1))
	must(t, s.pair.WaitServers(within(t, 20*time.Second), s.LB1, 2))
	// lb2 has no sync daemon yet: it hears of none of these.
	many, idle := crowd()
	begin := time.Now()
	held, err := s.Client.Hold(within(t, 20*time.Second), lab.HeldSpec{Address: lab.Service, Count: 50, Every: idle})
	must(t, err)
	s.fillsUp(t, many)
	must(t, s.pair.Unit(s.LB2).Start(within(t, 60*time.Second)))
	comes := time.Now()
	eventually(t, idle, "lb2 knows the idle connections", func() (bool, error) {
		known, err := s.known(s.LB2, held.Conns())
		return known == 50, err
	})
	eventually(t, idle, "lb2 knows the crowd", func() (bool, error) {
		n, err := s.conns(s.LB2)
		return n >= many, err
	})
	figure(t, "connections", float64(many), "")
	figure(t, "known_after", time.Since(comes).Seconds(), "s")
	if time.Since(begin) > idle {
		t.Fatalf("the machine was too slow: the connections are not idle any more after %v", time.Since(begin))
	}
	must(t, s.pair.Unit(s.LB1).Stop(within(t, 30*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 20*time.Second), s.LB2))
	eventually(t, 2*idle, "every connection is used, or broken", func() (bool, error) {
		conns := held.Conns()
		return conns.Broken() > 0 || conns.Since(begin.Add(idle)), nil
	})
	if conns := held.Stop(); conns.Broken() > 0 {
		t.Errorf("idle connections: %s", conns)
	}
}

// conns counts the connections that a director's IPVS has.
func (s *scene) conns(n *lab.Node) (int, error) {
	text, err := n.ReadFile("/proc/thread-self/net/ip_vs_conn")
	return bytes.Count(text, []byte("\n")) - 1, err
}

// fillsUp gives lb1 connections that were never made.
func (s *scene) fillsUp(t *testing.T, many int) {
	t.Helper()
	var moves []lvs.Move
	for i := range many {
		moves = append(moves, lvs.Move{
			Conn: lvs.Conn{
				Protocol: lvs.TCP, Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(77 + i/62500), byte(i / 250 % 250), byte(i%250 + 1)}), 40000),
				Virtual: netip.MustParseAddrPort(lab.Service), Expires: 900 * time.Second,
			},
			To: lvs.Server{Address: netip.MustParseAddrPort("192.168.33.92:80"), Forward: lvs.NAT},
		})
	}
	backup := lvs.Sync{Role: lvs.SyncBackup, Interface: "eth1", ID: 51, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848}
	eventually(t, 2*time.Minute, "lb1 has the crowd", func() (bool, error) {
		messages := lvs.SyncMessages(backup.ID, moves)
		for len(messages) > 0 {
			n := min(50, len(messages))
			if err := s.LB1.Do(func() error { return ipvs.TellBackup(backup, messages[:n]) }); err != nil {
				return false, err
			}
			messages = messages[n:]
			time.Sleep(5 * time.Millisecond)
		}
		n, err := s.conns(s.LB1)
		return n >= many, err
	})
}
