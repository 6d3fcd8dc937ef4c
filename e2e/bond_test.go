package e2e

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"failover/e2e/lab"
)

// vlanOnBond is where the virtual routers of this file are.
const vlanOnBond = "bond0.7"

// bonded gives a director a bond of two cables to the outside network and VLAN 7
// on it, with an address.
func bonded(t *testing.T, s *scene, n *lab.Node, address string) {
	t.Helper()
	must(t, s.Cable(n, "outside", "eth3", n.Name+"b"))
	for _, line := range []string{
		"addr flush dev eth2",
		"link add bond0 type bond mode active-backup miimon 20",
		"link set eth2 down", "link set eth3 down",
		"link set eth2 master bond0", "link set eth3 master bond0",
		"link set bond0 type bond primary eth2",
		"link set bond0 up",
		"link add link bond0 name " + vlanOnBond + " type vlan id 7",
		"link set " + vlanOnBond + " up",
		"addr add " + address + " dev " + vlanOnBond,
	} {
		s.tool(t, n, append([]string{"ip"}, strings.Fields(line)...)...)
	}
}

// replies are the gratuitous ARP replies (the kernel's own announcements are
// requests) for an address that a node hears in VLAN 7.
type replies struct {
	mu   sync.Mutex
	seen []time.Time
}

func (r *replies) see(at time.Time, b []byte) {
	// A tap sees the frame as the card gave it: without the tag, which is beside it.
	if len(b) < 42 || binary.BigEndian.Uint16(b[12:]) != 0x0806 || binary.BigEndian.Uint16(b[20:]) != 2 {
		return
	}
	if netip.AddrFrom4([4]byte(b[28:32])) != virtualVLAN.Addr() || netip.AddrFrom4([4]byte(b[38:42])) != virtualVLAN.Addr() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, at)
}

// since counts those that came after a time.
func (r *replies) since(begin time.Time) (count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.seen {
		if !at.Before(begin) {
			count++
		}
	}
	return count
}

var virtualVLAN = netip.MustParsePrefix("10.7.0.4/24")

// TestBondAndVLAN: a virtual router on a VLAN of a bond, at the bond's MAC address
// and, after a reload, at its own. When the bond takes its other cable the master
// stays master, announces again, and the switch and the client follow.
func TestBondAndVLAN(t *testing.T) {
	setup := lab.Setup{
		RoutersOnly: true,
		Routers:     []lab.Router{{Name: "tagged", Link: vlanOnBond, VRID: 51, Address: virtualVLAN}},
	}
	s := failover(t, setup)
	bonded(t, s, s.LB1, "10.7.0.5/24")
	bonded(t, s, s.LB2, "10.7.0.6/24")
	for _, line := range []string{"link add link eth0 name eth0.7 type vlan id 7", "link set eth0.7 up", "addr add 10.7.0.1/24 dev eth0.7"} {
		s.tool(t, s.Client, append([]string{"ip"}, strings.Fields(line)...)...)
	}
	var heard replies
	stop, err := s.Client.Tap("eth0.7", heard.see)
	must(t, err)
	defer stop()
	begin := time.Now()
	must(t, s.pair.Start(within(t, 60*time.Second)))
	t.Run("own MAC", func(t *testing.T) {
		if mac := s.swapsCables(t, &heard, begin); mac == virtualMAC {
			t.Errorf("the client has the address at %s", mac)
		}
	})
	setup.RouterLines = "virtual_mac = true"
	must(t, s.pair.Configure(setup))
	begin = time.Now()
	must(t, s.pair.Reload())
	t.Run("virtual MAC", func(t *testing.T) {
		if mac := s.swapsCables(t, &heard, begin); mac != virtualMAC {
			t.Errorf("the client has the address at %s", mac)
		}
	})
}

// virtualMAC is the address of VRID 51 for IPv4 (RFC 9568 section 7.3).
const virtualMAC = "00:00:5e:00:01:33"

// swapsCables has the bond of lb1 take its other cable, and the first one again.
// It returns the MAC address at which the client has the virtual address.
func (s *scene) swapsCables(t *testing.T, heard *replies, announced time.Time) (mac string) {
	t.Helper()
	// The last round is 5 s after the first; what comes later is new.
	eventually(t, 20*time.Second, "it has been announced to the end", func() (bool, error) {
		return heard.since(announced) >= 6, nil
	})
	s.tool(t, s.Client, "ping", "-c1", "-W5", virtualVLAN.Addr().String())
	mac, was := neighbourMAC(t, s), s.routed(t)
	for _, step := range []struct {
		what string
		do   func(network, port string) error
		then string // the port that the bond takes
	}{{"the first cable is cut", s.Unplug, "lb1b"}, {"it is back", s.Plug, "lb1"}} {
		begin := time.Now()
		must(t, step.do("outside", "lb1"))
		eventually(t, 10*time.Second, step.what+": announced again, by the other cable", func() (bool, error) {
			port, err := s.Behind("outside", mac)
			return port == step.then && heard.since(begin) >= 3, err
		})
		s.tool(t, s.Client, "ping", "-c1", "-W2", virtualVLAN.Addr().String())
	}
	if now := s.routed(t); now != was {
		t.Errorf("lb1 has changed its role %d times", now-was)
	}
	return mac
}

// routed is how often lb1 has changed its role.
func (s *scene) routed(t *testing.T) uint64 {
	t.Helper()
	r := router(t, s.status(t, s.LB1), "tagged")
	if r.State != "master" {
		t.Errorf("lb1 is %s: %s", r.State, r.Cause)
	}
	return r.Transitions
}

// neighbourMAC is the MAC address at which the client has the address.
func neighbourMAC(t *testing.T, s *scene) string {
	t.Helper()
	words := strings.Fields(s.tool(t, s.Client, "ip", "neigh", "show", virtualVLAN.Addr().String(), "dev", "eth0.7"))
	for i, word := range words {
		if word == "lladdr" && i+1 < len(words) {
			return words[i+1]
		}
	}
	t.Fatalf("the client has no neighbour: %v", words)
	return ""
}
