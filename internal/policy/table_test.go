package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"failover/conf"
	"failover/lvs"
)

// TestEveryAttributeReachesTheTable: what the configuration says of a service and
// of a server is in the kernel's entry.
func TestEveryAttributeReachesTheTable(t *testing.T) {
	key := lvs.Key{FWMark: 7, Address: netip.MustParseAddrPort("[::]:0")}
	flags := lvs.FlagPersistent | lvs.FlagSched1
	vs := conf.VirtualServer{
		Name: "sip", Key: key, Scheduler: "mh", Flags: flags,
		Persistence: 5 * time.Minute, PersistenceMask: 64, PersistenceEngine: "sip",
	}
	want := lvs.Service{Key: key, Scheduler: "mh", Flags: flags, Timeout: 300, Mask: 64, Engine: "sip"}
	if diff := cmp.Diff(want, Service(&vs), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	tunnel := lvs.Tunnel{Type: 1, Port: 6080, Flags: 2}
	rs := conf.RealServer{Name: "a", Address: web1, Forward: lvs.TUN, Tunnel: tunnel, Weight: 3, Upper: 100, Lower: 80}
	server := lvs.Server{Address: web1, Forward: lvs.TUN, Tunnel: tunnel, Weight: 3, ConfiguredWeight: 3, Upper: 100, Lower: 80}
	if got := entry(&rs, 3); got != server {
		t.Errorf("server %+v, want %+v", got, server)
	}
	times := conf.IPVS{TCPTimeout: 15 * time.Minute, TCPFinTimeout: 2 * time.Minute, UDPTimeout: time.Second}
	if got, want := Timeouts(times), (lvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 1}); got != want {
		t.Errorf("timeouts %v, want %v", got, want)
	}
}
