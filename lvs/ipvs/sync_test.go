//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/lvs"
	"failover/lvs/lvstest"
)

// syncDevice makes an interface with an address, that is up.
func syncDevice(t testing.TB, name string) netlink.Link {
	t.Helper()
	link := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: name, MTU: 1500}}
	err := netlink.LinkAdd(link)
	for _, text := range []string{"192.168.33.91/24", "fd00:33::91/64"} {
		address, wrong := netlink.ParseAddr(text)
		if address != nil && address.IP.To4() == nil {
			address.Flags = unix.IFA_F_NODAD // usable at once
		}
		err = errors.Join(err, wrong, netlink.AddrAdd(link, address))
	}
	if err = errors.Join(err, netlink.LinkSetUp(link)); err != nil {
		t.Fatal(err)
	}
	return link
}

func both(interfaceName string) []lvs.Sync {
	return []lvs.Sync{
		{Role: lvs.SyncBackup, Interface: interfaceName, ID: 51},
		{Role: lvs.SyncMaster, Interface: interfaceName, ID: 51},
	}
}

func TestSyncDaemons(t *testing.T) {
	k := open(t)
	syncDevice(t, "sync0")
	want := lvs.Table{Sync: both("sync0")}
	become(t, k, want)
	const text = `master sync daemon (mcast=sync0, syncid=51, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)
backup sync daemon (mcast=sync0, syncid=51, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)
`
	if diff := cmp.Diff(text, ipvsadm(t, "-l", "--daemon")); diff != "" {
		t.Errorf("ipvsadm -l --daemon (-want +got):\n%s", diff)
	}
	if ops := lvs.Diff(dump(t, k), want, lvs.Owned{}); len(ops) != 0 {
		t.Errorf("still to do: %v", ops)
	}
	want.Sync[1].TTL, want.Sync[1].Port, want.Sync[1].MaxLen = 4, 8849, 1024
	if ops := become(t, k, want); len(ops) != 2 {
		t.Errorf("operations for another ttl and port: %v", ops)
	}
	if got := dump(t, k).Sync; len(got) != 2 || got[1].TTL != 4 || got[1].Port != 8849 || got[1].MaxLen != 1024 {
		t.Errorf("read back: %v", got)
	}
	if err := k.Do(t.Context(), lvs.Op{Kind: lvs.StartSync, Sync: want.Sync[0]}); !errors.Is(err, lvs.ErrExists) {
		t.Errorf("started twice: %v", err)
	}
	do(t, k, lvs.Op{Kind: lvs.StopSync, Sync: want.Sync[0]}, lvs.Op{Kind: lvs.StopSync, Sync: want.Sync[1]})
	if got := dump(t, k).Sync; len(got) != 0 {
		t.Errorf("still running: %v", got)
	}
}

// TestSyncDaemonStoppedAtOnce: the kernel answers nothing where the daemon's thread
// has not run yet.
func TestSyncDaemonStoppedAtOnce(t *testing.T) {
	k := open(t)
	syncDevice(t, "sync0")
	for range 50 {
		for _, s := range both("sync0") {
			ops := []lvs.Op{{Kind: lvs.StartSync, Sync: s}, {Kind: lvs.StopSync, Sync: s}}
			if err := errors.Join(k.DoAll(t.Context(), ops)...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := dump(t, k).Sync; len(got) != 0 {
		t.Errorf("still running: %v", got)
	}
}

func TestSyncDaemonsOverIPv6(t *testing.T) {
	k := open(t)
	syncDevice(t, "sync0")
	want := lvs.Table{Sync: both("sync0")}
	for i := range want.Sync {
		want.Sync[i].Group = netip.MustParseAddr("ff02::81")
	}
	become(t, k, want)
	const text = `master sync daemon (mcast=sync0, syncid=51, maxlen=1452, group=ff02::81, port=8848, ttl=1)
backup sync daemon (mcast=sync0, syncid=51, maxlen=1452, group=ff02::81, port=8848, ttl=1)
`
	if diff := cmp.Diff(text, ipvsadm(t, "-l", "--daemon")); diff != "" {
		t.Errorf("ipvsadm -l --daemon (-want +got):\n%s", diff)
	}
	if ops := lvs.Diff(dump(t, k), want, lvs.Owned{}); len(ops) != 0 {
		t.Errorf("still to do: %v", ops)
	}
}

// orphans are the roles that have lost their device.
func orphans(t lvs.Table) (roles []lvs.Role) {
	for _, s := range t.Sync {
		if s.Orphan {
			roles = append(roles, s.Role)
		}
	}
	return roles
}

// TestSyncDaemonLosesItsDevice: the kernel lists a daemon as running whose device
// has gone, and one whose device was made anew under the same name.
func TestSyncDaemonLosesItsDevice(t *testing.T) {
	k := open(t)
	link := syncDevice(t, "sync0")
	want := lvs.Table{Sync: both("sync0")}
	become(t, k, want)
	if got := orphans(dump(t, k)); len(got) != 0 {
		t.Fatalf("at the start: %v", got)
	}
	look := changed(t, k)
	if err := netlink.LinkDel(link); err != nil {
		t.Fatal(err)
	}
	if got := dump(t, k); len(orphans(got)) != 2 {
		t.Errorf("without the device: %+v", got.Sync)
	}
	if now := changed(t, k); now == look {
		t.Error("the loss of the device does not change the hash of the table")
	} else {
		look = now
	}
	link = syncDevice(t, "sync0")
	if got := dump(t, k); len(orphans(got)) != 2 {
		t.Errorf("with another device of that name: %+v", got.Sync)
	}
	if changed(t, k) == look {
		t.Error("the new device does not change the hash of the table")
	}
	if ops := become(t, k, want); len(ops) != 4 {
		t.Errorf("operations: %v", ops)
	}
	if got := orphans(dump(t, k)); len(got) != 0 {
		t.Errorf("after them: %v", got)
	}
	address, err := netlink.ParseAddr("192.168.33.91/24")
	if err == nil {
		err = netlink.AddrDel(link, address)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := orphans(dump(t, k)); len(got) != 1 || got[0] != lvs.SyncMaster {
		t.Errorf("without the master's address: %v", got)
	}
}

// TestReconcilerKeepsSyncDaemons: stopped by a stranger, their device gone for a
// while and made anew.
func TestReconcilerKeepsSyncDaemons(t *testing.T) {
	k := open(t)
	link := syncDevice(t, "sync0")
	results := make(chan lvs.Result, 1000)
	var store lvstest.Store
	r := lvs.New(lvs.Config{Kernel: k, Store: &store, Log: slog.New(slog.DiscardHandler), OnResult: func(r lvs.Result) { results <- r }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = r.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	until := func(what string, ok func(lvs.Result) bool) {
		t.Helper()
		for end := time.After(20 * time.Second); ; {
			select {
			case res := <-results:
				if ok(res) {
					return
				}
			case <-end:
				t.Fatalf("%s: not seen in 20 s", what)
			}
		}
	}
	running := func(r lvs.Result) bool { return r.Converged && len(r.Table.Sync) == 2 && len(orphans(r.Table)) == 0 }
	r.Set(lvs.Table{Sync: both("sync0")})
	until("both daemons", running)
	ipvsadm(t, "--stop-daemon", "backup")
	until("the backup again", func(r lvs.Result) bool { return running(r) && r.Repairs == 1 })
	if err := netlink.LinkDel(link); err != nil {
		t.Fatal(err)
	}
	until("the missing device named", func(r lvs.Result) bool {
		return !r.Converged && len(r.Errors) == 2 && errors.Is(r.Errors[0].Err, unix.ENODEV)
	})
	syncDevice(t, "sync0")
	until("both daemons on the new device", running)
}
