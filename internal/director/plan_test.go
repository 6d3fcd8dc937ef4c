package director

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"failover/check"
	"failover/internal/api"
	"failover/internal/host"
	"failover/internal/ipc"
	"failover/internal/ipvsadm"
	"failover/internal/policy"
	"failover/lvs"
	"failover/lvs/lvstest"
)

// printed is a plan as people read it.
func printed(p api.Plan) string {
	var b strings.Builder
	for _, c := range p.Changes {
		b.WriteString(strings.TrimSuffix(c.Op+" "+c.Object+": "+c.Detail, ": ") + "\n")
	}
	return b.String()
}

// TestPlanTellsAllRooms: the file, the table, also of servers that nothing is known
// of yet, and the machine.
func TestPlanTellsAllRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		before := s.table()
		s.write(pairFile + `
[virtual_server.dns]
fwmark = 7
match = ["udp 172.20.10.4:53"]
masquerade = true
real_server = [{ address = "192.168.33.99:53", check = { kind = "tcp" } }]
`)
		p, err := s.dir.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := `+ virtual_server.dns: IPv4 mark 7, wlc, nat, 1 real server
+ ipvs -f 7: not in the table
+ ipvs -f 7 -r 192.168.33.99:53: not in the table, once its checks find it up
+ sysctl net.ipv4.vs.conntrack: 1
+ nftables mark udp 172.20.10.4:53: 0x7
+ nftables masquerade mark 7 at 192.168.33.99
`
		if diff := cmp.Diff(want, printed(p)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if s.table() != before {
			t.Errorf("plan changed the table:\n%s", s.table())
		}
	})
}

// kernelParts are the parts of a machine with this table.
func kernelParts(k *lvstest.Kernel, owned lvs.OwnedStore, h Host) Parts {
	return Parts{
		Kernel:      func(context.Context) (lvs.Kernel, error) { return unclosed{k}, nil },
		Host:        func(string) (Host, error) { return h, nil },
		Owned:       func(string) lvs.OwnedStore { return owned },
		Overrides:   func(string) OverrideStore { return noOverrides{} },
		Maintenance: func(string) MaintenanceStore { return keptMaintenance{&fakeKept{}} },
		Preferences: func(string) PreferenceStore { return keptPreferences{&fakeKept{}} },
		Interface:   func([]netip.Addr) (string, error) { return "eth1", nil },
	}
}

// unclosed is a kernel that more than one plan reads.
type unclosed struct{ *lvstest.Kernel }

func (unclosed) Close() error { return nil }

type noOverrides struct{}

func (noOverrides) Load() (map[check.ID]policy.Override, error) { return nil, nil }
func (noOverrides) Save(map[check.ID]policy.Override) error     { return nil }

// lookingHost is a machine with these settings.
type lookingHost struct {
	fakeHost
	items []host.Item
}

func (h *lookingHost) Look(host.Desired) []host.Item { return h.items }

// TestPlanAgainstTheKernel: what is not there, what is otherwise, and what is ours
// and not wanted; what is foreign stays.
func TestPlanAgainstTheKernel(t *testing.T) {
	file := filepath.Join(t.TempDir(), "failover.toml")
	if err := os.WriteFile(file, []byte(pairFile), 0o600); err != nil {
		t.Fatal(err)
	}
	var k lvstest.Kernel
	load(t, &k, `-A -t 172.20.10.4:80 -s rr
-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 7
-A -t 172.20.10.4:8080 -s rr
-A -t 172.20.10.4:9090 -s rr
`)
	ours, err := lvs.Parse("-A -t 172.20.10.4:8080 -s rr")
	if err != nil {
		t.Fatal(err)
	}
	var store lvstest.Store
	if err := store.Save(t.Context(), lvs.Owned{}.With(ours)); err != nil {
		t.Fatal(err)
	}
	h := &lookingHost{items: []host.Item{
		{Kind: "module", Name: "ip_vs", Want: "present", Have: "present", OK: true},
		{Kind: "sysctl", Name: "net.ipv4.ip_forward", Want: "1", Have: "0"},
		{Kind: "nftables", Name: "table inet failover", Want: "present", Have: "missing"},
	}}
	o := Options{File: file, Node: "lb1", Parts: kernelParts(&k, &store, h)}
	p, err := PlanKernel(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := `+ ipvs -t 172.20.10.4:80 -r 192.168.33.93:80: not in the table
~ ipvs -t 172.20.10.4:80 -r 192.168.33.92:80: weight 1, was 7
- ipvs -t 172.20.10.4:8080: not wanted any more
~ sysctl net.ipv4.ip_forward: 0 → 1
+ nftables table inet failover
`
	if diff := cmp.Diff(want, printed(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h.items[0].Have, h.items[0].OK = "missing", false
	if p, err = PlanKernel(t.Context(), o); err != nil || !strings.Contains(printed(p), "+ ipvs -t 172.20.10.4:80: not in the table") {
		t.Errorf("without the module: %v\n%s", err, printed(p))
	}
}

// TestImportedTableIsNoPlan: rules, loaded and imported, leave nothing to do.
func TestImportedTableIsNoPlan(t *testing.T) {
	rules := `-A -t 172.20.10.4:80 -s rr
-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1
-A -u 172.20.10.4:53 -s mh -p 300 -M 255.255.255.0 -b mh-fallback
-a -u 172.20.10.4:53 -r 192.168.33.93:53 -g -w 2
-a -u 172.20.10.4:53 -r 192.168.33.92:53 -g -w 1 -x 10 -y 5
-A -f 7 -6 -s wlc
-a -f 7 -6 -r [2001:db8::9]:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
`
	var k lvstest.Kernel
	load(t, &k, rules)
	r, err := ipvsadm.Import(rules, []ipvsadm.Director{{Name: "lb1", Address: netip.MustParseAddr("192.0.2.1")}})
	if err != nil || len(r.Left) != 0 {
		t.Fatal(err, r.Left)
	}
	file := filepath.Join(t.TempDir(), "failover.toml")
	if err := os.WriteFile(file, r.File, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := PlanKernel(t.Context(), Options{File: file, Node: "lb1", Parts: kernelParts(&k, &lvstest.Store{}, &fakeHost{})})
	if err != nil || len(p.Changes) != 0 {
		t.Errorf("%v\n%s", err, printed(p))
	}
}

// load puts rules into a kernel.
func load(t *testing.T, k *lvstest.Kernel, rules string) {
	t.Helper()
	table, err := lvs.Parse(rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range lvs.Diff(lvs.Table{}, table, lvs.Owned{}) {
		if err := k.Do(t.Context(), op); err != nil {
			t.Fatal(op, err)
		}
	}
}

func TestPlanAgainstTheKernelNeedsAFile(t *testing.T) {
	_, err := PlanKernel(t.Context(), Options{File: filepath.Join(t.TempDir(), "none.toml")})
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}
