//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

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
-A -t [2001:db8::4]:80 -s wlc -p 60 -M 64
-a -t [2001:db8::4]:80 -r [2001:db8::92]:80 -m -w 1
-A -f 7 -s wlc
-a -f 7 -r 192.168.33.92:0 -g -w 1
-A -f 8 -6 -s wlc -p 360
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
		if !errors.Is(err, lvs.ErrScheduler) || !strings.HasSuffix(err.Error(), ": nosuch") {
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
		{lvs.Op{Kind: lvs.AddServer, Service: service, Server: six}, nil, "ipvs: add server -t 172.20.10.4:80 -r [2001:db8::5]:80: a real server of another address family than its service is not supported"},
		{lvs.Op{Kind: lvs.StopSync, Sync: lo}, lvs.ErrNotFound, "ipvs: stop sync master: not there"},
		{lvs.Op{Kind: lvs.StartSync, Sync: lvs.Sync{Role: lvs.SyncMaster, Interface: "nosuch0"}}, nil, "ipvs: start sync master: no such device"},
	}
	for _, tt := range tests {
		err := k.Do(t.Context(), tt.op)
		if err == nil || err.Error() != tt.text || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("got  %v\nwant %s", err, tt.text)
		}
	}
}

func TestSyncDaemons(t *testing.T) {
	k := open(t)
	link := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "sync0", MTU: 1500}}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	address, err := netlink.ParseAddr("192.168.33.91/24")
	if err == nil {
		err = errors.Join(netlink.AddrAdd(link, address), netlink.LinkSetUp(link))
	}
	if err != nil {
		t.Fatal(err)
	}
	both := lvs.Table{Sync: []lvs.Sync{
		{Role: lvs.SyncBackup, Interface: "sync0", ID: 51},
		{Role: lvs.SyncMaster, Interface: "sync0", ID: 51},
	}}
	become(t, k, both)
	const want = `master sync daemon (mcast=sync0, syncid=51, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)
backup sync daemon (mcast=sync0, syncid=51, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)
`
	if diff := cmp.Diff(want, ipvsadm(t, "-l", "--daemon")); diff != "" {
		t.Errorf("ipvsadm -l --daemon (-want +got):\n%s", diff)
	}
	if ops := lvs.Diff(dump(t, k), both, lvs.Owned{}); len(ops) != 0 {
		t.Errorf("still to do: %v", ops)
	}
	both.Sync[1].TTL, both.Sync[1].Port = 4, 8849
	if ops := become(t, k, both); len(ops) != 2 {
		t.Errorf("operations for another ttl and port: %v", ops)
	}
	if got := dump(t, k).Sync; len(got) != 2 || got[1].TTL != 4 || got[1].Port != 8849 {
		t.Errorf("read back: %v", got)
	}
	if err := k.Do(t.Context(), lvs.Op{Kind: lvs.StartSync, Sync: both.Sync[0]}); !errors.Is(err, lvs.ErrExists) {
		t.Errorf("started twice: %v", err)
	}
	do(t, k, lvs.Op{Kind: lvs.StopSync, Sync: both.Sync[0]}, lvs.Op{Kind: lvs.StopSync, Sync: both.Sync[1]})
	if got := dump(t, k).Sync; len(got) != 0 {
		t.Errorf("still running: %v", got)
	}
}

// TestRandomTables walks from one random table to the next on the real kernel
// and holds it against the fake, which every other test trusts.
func TestRandomTables(t *testing.T) {
	const tables = 200
	k := open(t)
	var fake lvstest.Kernel
	for seed := range tables {
		want := lvstest.Tables().Example(seed)
		for _, op := range become(t, k, want) {
			fake.Stranger(op)
		}
		got := dump(t, k)
		if lvs.Digest(got) != lvs.Digest(want) {
			t.Fatalf("seed %d: the kernel has\n%swant\n%s", seed, lvs.Format(got), lvs.Format(lvs.Sorted(want)))
		}
		same, _ := fake.Dump(context.Background())
		if a, b := lvs.Format(got), lvs.Format(same); a != b {
			t.Fatalf("seed %d: the kernel has\n%sthe fake\n%s", seed, a, b)
		}
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
