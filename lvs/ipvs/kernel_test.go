//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/lvs"
	"failover/lvs/ipvs"
	"failover/lvs/lvstest"
)

// rules have every method, protocol and kind of flag, as ipvsadm -Sn prints them.
const rules = `-A -t 172.20.10.4:80 -s rr
-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1
-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 100000
-A -t 172.20.10.4:443 -s sh -b sh-fallback,sh-port
-a -t 172.20.10.4:443 -r 192.168.33.92:443 -g -w 0
-A -u 172.20.10.4:53 -s mh -p 300 -M 255.255.255.0 -b mh-fallback,mh-port
-a -u 172.20.10.4:53 -r 192.168.33.92:53 -i -w 1 --tun-type ipip
-a -u 172.20.10.4:53 -r 192.168.33.93:53 -i -w 2 --tun-type ipip
-A -u 172.20.10.4:123 -s wrr -o
-a -u 172.20.10.4:123 -r 192.168.33.92:123 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -u 172.20.10.4:123 -r 192.168.33.93:123 -i -w 1 --tun-type gue --tun-port 6081 --tun-csum
-a -u 172.20.10.4:123 -r 192.168.33.94:123 -i -w 1 --tun-type gre --tun-nocsum
-a -u 172.20.10.4:123 -r [2001:db8::92]:123 -i -w 1 --tun-type ipip
-A -u 172.20.10.4:5060 -s rr -p 60 --pe sip
-A --sctp-service 172.20.10.4:80 -s fo
-a --sctp-service 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1
-A -t [2001:db8::4]:80 -s wlc -p 60 -M 64
-a -t [2001:db8::4]:80 -r 192.168.33.92:80 -i -w 1 --tun-type gre --tun-csum
-a -t [2001:db8::4]:80 -r [2001:db8::92]:80 -m -w 1
-A --sctp-service [2001:db8::4]:80 -s ovf
-A -f 7 -s wlc
-a -f 7 -r 192.168.33.92:0 -g -w 1
-A -f 8 -6 -s wlc -p 360
-a -f 8 -6 -r [2001:db8::92]:0 -g -w 1
`

func TestNoIPVS(t *testing.T) {
	if _, err := netlink.GenlFamilyGet("IPVS"); err == nil {
		t.Skip("this kernel has IPVS")
	}
	k, err := ipvs.Open(t.Context(), slog.New(slog.DiscardHandler))
	if err == nil { // loading the module did it
		k.Close()
		t.Skip("this kernel has the module")
	}
	if !errors.Is(err, lvs.ErrNoIPVS) || !strings.Contains(err.Error(), "modprobe") {
		t.Errorf("Open: %v; want ErrNoIPVS and what was tried", err)
	}
}

// TestWriteAndRead: what we write is what ipvsadm prints, and what we read is
// what we wrote, sequence included.
func TestWriteAndRead(t *testing.T) {
	k := open(t)
	want := parse(t, rules)
	become(t, k, want)
	if diff := cmp.Diff(rules, ipvsadm(t, "-Sn")); diff != "" {
		t.Errorf("ipvsadm -Sn (-want +got):\n%s", diff)
	}
	got := dump(t, k)
	if diff := cmp.Diff(lvs.Format(want), lvs.Format(got)); diff != "" {
		t.Errorf("Dump (-want +got):\n%s", diff)
	}
	if ops := lvs.Diff(got, want, lvs.Owned{}); len(ops) != 0 {
		t.Errorf("still to do: %v", ops)
	}
	become(t, k, lvs.Table{})
	if got := ipvsadm(t, "-Sn"); got != "" {
		t.Errorf("left behind:\n%s", got)
	}
}

// TestAdopt: what another program has made is read as it is, down to what we
// never write, and corrected by the difference only.
func TestAdopt(t *testing.T) {
	k := open(t)
	made := rules + "-A -t 172.20.10.5:80 -s wrr\n" +
		"-a -t 172.20.10.5:80 -r 192.168.33.94:80 -i -w 5 -x 100 -y 50 --tun-type gue --tun-port 6080 --tun-csum\n" +
		"-A -u 172.20.10.5:5060 -s rr -p 60 --pe sip\n"
	restore(t, made)
	if diff := cmp.Diff(lvs.Format(lvs.Sorted(parse(t, made))), lvs.Format(dump(t, k))); diff != "" {
		t.Errorf("Dump of what ipvsadm made (-want +got):\n%s", diff)
	}
	want := parse(t, "-A -t 172.20.10.5:80 -s wrr\n"+
		"-a -t 172.20.10.5:80 -r 192.168.33.94:80 -i -w 5\n"+
		"-A -u 172.20.10.5:5060 -s rr -p 60\n")
	ops := lvs.Diff(dump(t, k), want, lvs.Owned{})
	if len(ops) != 2 || ops[0].Kind != lvs.SetServer || ops[1].Kind != lvs.SetService {
		t.Fatalf("operations %v", ops)
	}
	do(t, k, ops...)
	after := dump(t, k)
	if ops := lvs.Diff(after, want, lvs.Owned{}); len(ops) != 0 {
		t.Errorf("still to do: %v", ops)
	}
	if !strings.HasPrefix(lvs.Format(after), rules[:strings.Index(rules, "-A -u")]) {
		t.Errorf("foreign services were touched:\n%s", lvs.Format(after))
	}
}

func TestSchedulers(t *testing.T) {
	k := open(t)
	key := parse(t, "-A -t 172.20.10.4:80 -s rr").Services[0].Key
	for i, name := range lvstest.Schedulers {
		s := lvs.Service{Key: key, Scheduler: name}
		kind := lvs.SetService // as a change of the scheduler of a live service
		if i == 0 {
			kind = lvs.AddService
		}
		do(t, k, lvs.Op{Kind: kind, Service: s})
		if got := dump(t, k).Services[0].Scheduler; got != name {
			t.Errorf("scheduler %s read as %s", name, got)
		}
	}
	for _, kind := range []lvs.OpKind{lvs.AddService, lvs.SetService} {
		s := lvs.Service{Key: key, Scheduler: "nosuch"}
		if kind == lvs.AddService {
			s.Key.Protocol = lvs.UDP
		}
		err := k.Do(t.Context(), lvs.Op{Kind: kind, Service: s})
		if !errors.Is(err, lvs.ErrScheduler) || !strings.HasSuffix(err.Error(), ": nosuch (module ip_vs_nosuch)") {
			t.Errorf("%s with an unknown scheduler: %v", kind, err)
		}
	}
}

func TestErrors(t *testing.T) {
	k := open(t)
	service := parse(t, "-A -t 172.20.10.4:80 -s rr\n-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1").Services[0]
	server := service.Servers[0]
	other := service
	other.Key.Protocol = lvs.UDP
	unknown := parse(t, "-A -t 172.20.10.4:80 -s rr\n-a -t 172.20.10.4:80 -r 192.168.33.99:80 -m -w 1").Services[0].Servers[0]
	six := parse(t, "-A -t [2001:db8::4]:80 -s rr\n-a -t [2001:db8::4]:80 -r [2001:db8::5]:80 -m -w 1").Services[0].Servers[0]
	negative := unknown
	negative.Weight = -1
	above, gue, odd := unknown, unknown, unknown
	above.Lower = 1
	gue.Forward, gue.Tunnel.Type = lvs.TUN, lvs.TunnelGUE
	odd.Forward, odd.Tunnel.Type = lvs.TUN, 9
	broadcast := unknown
	broadcast.Address = netip.MustParseAddrPort("224.0.0.1:80")
	lo := lvs.Sync{Role: lvs.SyncMaster, Interface: "lo"}
	do(t, k, lvs.Op{Kind: lvs.AddService, Service: service}, lvs.Op{Kind: lvs.AddServer, Service: service, Server: server})
	tests := []struct {
		op   lvs.Op
		is   error
		text string
	}{
		{lvs.Op{Kind: lvs.AddService, Service: service}, lvs.ErrExists, "ipvs: add service -t 172.20.10.4:80: exists already"},
		{lvs.Op{Kind: lvs.SetService, Service: other}, lvs.ErrNotFound, "ipvs: set service -u 172.20.10.4:80: not there"},
		{lvs.Op{Kind: lvs.DelService, Service: other}, lvs.ErrNotFound, "ipvs: del service -u 172.20.10.4:80: not there"},
		{lvs.Op{Kind: lvs.AddServer, Service: service, Server: server}, lvs.ErrExists, "ipvs: add server -t 172.20.10.4:80 -r 192.168.33.92:80: exists already"},
		{lvs.Op{Kind: lvs.AddServer, Service: other, Server: server}, lvs.ErrNotFound, "ipvs: add server -u 172.20.10.4:80 -r 192.168.33.92:80: not there"},
		{lvs.Op{Kind: lvs.SetServer, Service: service, Server: unknown}, lvs.ErrNotFound, "ipvs: set server -t 172.20.10.4:80 -r 192.168.33.99:80: not there"},
		{lvs.Op{Kind: lvs.DelServer, Service: service, Server: unknown}, lvs.ErrNotFound, "ipvs: del server -t 172.20.10.4:80 -r 192.168.33.99:80: not there"},
		{lvs.Op{Kind: lvs.AddServer, Service: service, Server: negative}, nil, "ipvs: add server -t 172.20.10.4:80 -r 192.168.33.99:80: weight out of range"},
		{lvs.Op{Kind: lvs.AddServer, Service: service, Server: six}, nil, "ipvs: add server -t 172.20.10.4:80 -r [2001:db8::5]:80: a real server of another address family than its service needs forward tun"},
		{lvs.Op{Kind: lvs.AddServer, Service: service, Server: above}, nil, "ipvs: add server -t 172.20.10.4:80 -r 192.168.33.99:80: the lower threshold of connections is above the upper one"},
		{lvs.Op{Kind: lvs.AddServer, Service: service, Server: gue}, nil, "ipvs: add server -t 172.20.10.4:80 -r 192.168.33.99:80: a gue tunnel needs a port"},
		{lvs.Op{Kind: lvs.AddServer, Service: service, Server: odd}, nil, "ipvs: add server -t 172.20.10.4:80 -r 192.168.33.99:80: unknown tunnel type or checksum"},
		{lvs.Op{Kind: lvs.AddServer, Service: service, Server: broadcast}, unix.EINVAL, "ipvs: add server -t 172.20.10.4:80 -r 224.0.0.1:80: invalid argument: the address is none of a host, or link-local"},
		{lvs.Op{Kind: lvs.StopSync, Sync: lo}, lvs.ErrNotFound, "ipvs: stop sync master: not there"},
		{lvs.Op{Kind: lvs.StartSync, Sync: lvs.Sync{Role: lvs.SyncMaster, Interface: "nosuch0"}}, nil, "ipvs: start sync master: no such device"},
		{lvs.Op{Kind: lvs.StartSync, Sync: lvs.Sync{Role: lvs.SyncMaster, Interface: "lo", Group: netip.MustParseAddr("10.0.0.1")}}, nil, "ipvs: start sync master: the group is no multicast address"},
		{lvs.Op{Kind: lvs.StartSync, Sync: lvs.Sync{Role: lvs.SyncMaster, Interface: "lo", MaxLen: 100}}, nil, "ipvs: start sync master: maxlen out of range: 1024 to 65487"},
	}
	for _, tt := range tests {
		err := k.Do(t.Context(), tt.op)
		if err == nil || err.Error() != tt.text || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("got  %v\nwant %s", err, tt.text)
		}
	}
}

// TestIPv6Off: of a kernel that was booted with ipv6.disable=1 an IPv6 service is
// refused with that reason, and what it has stays; where IPv6 is on it is taken.
func TestIPv6Off(t *testing.T) {
	k := open(t)
	four := parse(t, "-A -t 172.20.10.4:80 -s rr\n-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1").Services[0]
	six := parse(t, "-A -t [2001:db8::4]:80 -s rr\n-a -t [2001:db8::4]:80 -r [2001:db8::5]:80 -m -w 1").Services[0]
	do(t, k, lvs.Op{Kind: lvs.AddService, Service: four}, lvs.Op{Kind: lvs.AddServer, Service: four, Server: four.Servers[0]})
	_, absent := os.Stat("/proc/net/if_inet6")
	switch err := k.Do(t.Context(), lvs.Op{Kind: lvs.AddService, Service: six}); {
	case absent == nil && err != nil:
		t.Error(err)
	case absent != nil && (!errors.Is(err, lvs.ErrNoIPv6) || !strings.HasPrefix(err.Error(), "ipvs: add service -t [2001:db8::4]:80: ")):
		t.Errorf("without IPv6: %v", err)
	}
	if have := dump(t, k).Services; len(have) == 0 || len(have[0].Servers) != 1 {
		t.Errorf("left: %v", have)
	}
}

// TestConcurrentUse: one writer does what many goroutines ask for. (A handle of
// moby/ipvs alone hangs for ever under this.)
func TestConcurrentUse(t *testing.T) {
	k := open(t)
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			s := parse(t, fmt.Sprintf("-A -t 172.20.10.%d:80 -s rr\n-a -t 172.20.10.%d:80 -r 192.168.33.92:80 -m -w 1", i, i)).Services[0]
			for range 50 {
				for _, op := range []lvs.Op{
					{Kind: lvs.AddService, Service: s}, {Kind: lvs.AddServer, Service: s, Server: s.Servers[0]}, {Kind: lvs.DelService, Service: s},
				} {
					if err := k.Do(context.Background(), op); err != nil {
						t.Error(err)
						return
					}
				}
				if _, err := k.Dump(context.Background()); err != nil {
					t.Error(err)
				}
				if _, err := k.Changed(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	users.Wait()
	if got := dump(t, k); len(got.Services) != 0 {
		t.Errorf("left behind:\n%s", lvs.Format(got))
	}
}

// TestTimeouts: what is 0 stays as it is, a change shows in the cheap look.
func TestTimeouts(t *testing.T) {
	k := open(t)
	before := dump(t, k).Timeouts
	if before != (lvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}) {
		t.Errorf("in a new namespace: %v", before)
	}
	look := changed(t, k)
	become(t, k, lvs.Table{Timeouts: lvs.Timeouts{TCP: 7200, UDP: 30}})
	if got := ipvsadm(t, "-l", "--timeout"); got != "Timeout (tcp tcpfin udp): 7200 120 30\n" {
		t.Errorf("ipvsadm -l --timeout: %s", got)
	}
	if got := dump(t, k).Timeouts; got != (lvs.Timeouts{TCP: 7200, TCPFin: 120, UDP: 30}) {
		t.Errorf("read back: %v", got)
	}
	if changed(t, k) == look {
		t.Error("other timeouts do not change the hash of the table")
	}
	ipvsadm(t, "--set", "60", "0", "0")
	if ops := become(t, k, lvs.Table{Timeouts: lvs.Timeouts{TCP: 7200}}); len(ops) != 1 {
		t.Errorf("to put a foreign change back: %v", ops)
	}
	if got := dump(t, k).Timeouts; got != (lvs.Timeouts{TCP: 7200, TCPFin: 120, UDP: 30}) {
		t.Errorf("put back: %v", got)
	}
}

func changed(t testing.TB, k *ipvs.Kernel) uint64 {
	t.Helper()
	hash, err := k.Changed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// TestMixedFamilyExcludesSync: whichever comes second is refused, and says why.
func TestMixedFamilyExcludesSync(t *testing.T) {
	k := open(t)
	syncDevice(t, "sync0")
	mixed := parse(t, "-A -t 172.20.10.4:80 -s rr\n-a -t 172.20.10.4:80 -r [2001:db8::5]:80 -i -w 1 --tun-type ipip")
	op := lvs.Op{Kind: lvs.AddServer, Service: mixed.Services[0], Server: mixed.Services[0].Servers[0]}
	master := lvs.Op{Kind: lvs.StartSync, Sync: lvs.Sync{Role: lvs.SyncMaster, Interface: "sync0"}}
	do(t, k, lvs.Op{Kind: lvs.AddService, Service: op.Service}, op)
	err := k.Do(t.Context(), master)
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "of another address family than its service excludes connection synchronisation") {
		t.Errorf("a sync daemon beside it: %v", err)
	}
	op.Kind = lvs.DelServer
	do(t, k, op, master)
	op.Kind = lvs.AddServer
	err = k.Do(t.Context(), op)
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "excludes connection synchronisation") {
		t.Errorf("beside a sync daemon: %v", err)
	}
}
