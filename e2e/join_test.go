package e2e

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"failover/e2e/lab"
	"failover/lvs"
	"failover/lvs/ipvs"
)

// many is how many connections a newcomer is given.
const many = 20_000

// TestNewcomerIsGivenTheConnections: connections that are idle, which the kernel never
// tells a newcomer of, are known to it before it could become master, and live on when
// it does; so are twenty thousand.
func TestNewcomerIsGivenTheConnections(t *testing.T) {
	setup := lab.Setup{AdvertInterval: 100 * time.Millisecond, Check: "tcp", Rise: 1, Fall: 2}
	s := failover(t, setup)
	s.linked(t, setup)
	must(t, s.pair.Unit(s.LB1).Start(within(t, 60*time.Second)))
	must(t, s.pair.WaitHolder(within(t, 30*time.Second), s.LB1))
	must(t, s.pair.WaitServers(within(t, 20*time.Second), s.LB1, 2))
	// lb2 has no sync daemon yet: it hears of none of these.
	const idle = 45 * time.Second
	begin := time.Now()
	held, err := s.Client.Hold(within(t, 20*time.Second), lab.HeldSpec{Address: lab.Service, Count: 50, Every: idle})
	must(t, err)
	s.fills20k(t)
	must(t, s.pair.Unit(s.LB2).Start(within(t, 60*time.Second)))
	comes := time.Now()
	eventually(t, 60*time.Second, "lb2 knows the idle connections", func() (bool, error) {
		known, err := s.known(s.LB2, held.Conns())
		return known == 50, err
	})
	eventually(t, 60*time.Second, "lb2 knows the twenty thousand", func() (bool, error) {
		n, err := s.conns(s.LB2)
		return n >= many, err
	})
	figure(t, "connections", many, "")
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

// fills20k gives lb1 connections that were never made.
func (s *scene) fills20k(t *testing.T) {
	t.Helper()
	var moves []lvs.Move
	for i := range many {
		moves = append(moves, lvs.Move{
			Conn: lvs.Conn{
				Protocol: lvs.TCP, Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, byte(i / 250), byte(i%250 + 1)}), 40000),
				Virtual: netip.MustParseAddrPort(lab.Service), Expires: 900 * time.Second,
			},
			To: lvs.Server{Address: netip.MustParseAddrPort("192.168.33.92:80"), Forward: lvs.NAT},
		})
	}
	backup := lvs.Sync{Role: lvs.SyncBackup, Interface: "eth1", ID: 51, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848}
	eventually(t, 60*time.Second, "lb1 has twenty thousand connections", func() (bool, error) {
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
