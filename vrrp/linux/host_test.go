package linux

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/internal/state"
	"failover/vrrp"
)

// lodger is a Host on a machine and the file it keeps.
type lodger struct {
	*Host
	m     *machine
	store *state.Store[[]Held]
	ways  *state.Store[Ways]
	// deviceStore is the file of the devices.
	deviceStore *state.Store[[]HeldDevice]
}

// newHost gives a machine a Host with an empty owned set.
func newHost(m *machine) *lodger {
	m.t.Helper()
	boot, err := state.BootID()
	if err != nil {
		m.t.Fatal(err)
	}
	l := &lodger{m: m, store: &state.Store[[]Held]{
		Path: filepath.Join(m.t.TempDir(), "owned.json"), BootID: boot, Volatile: true,
	}, ways: &state.Store[Ways]{
		Path: filepath.Join(m.t.TempDir(), "ways.json"), BootID: boot, Volatile: true,
	}, deviceStore: &state.Store[[]HeldDevice]{
		Path: filepath.Join(m.t.TempDir(), "devices.json"), BootID: boot, Volatile: true,
	}}
	l.restart()
	return l
}

// restart replaces the Host by one of a next process.
func (l *lodger) restart() {
	l.m.t.Helper()
	l.m.do(func() (err error) {
		l.Host, err = NewHost(slog.New(slog.DiscardHandler), Stores{l.store, l.ways, l.deviceStore})
		return err
	})
	h := l.Host
	l.m.t.Cleanup(func() {
		if err := h.Close(); err != nil {
			l.m.t.Error(err)
		}
	})
}

// set has the group hold addresses of eth0 for the lease, and returns how many
// were added.
func (l *lodger) set(group string, lease int, prefixes ...string) (added int, err error) {
	o := vrrp.Owned{Group: group}
	for _, p := range prefixes {
		o.Addresses = append(o.Addresses, vrrp.OwnedAddress{
			Router: "r", Interface: "eth0", Address: prefix(p), LeaseSecs: lease,
		})
	}
	err = l.m.try(func() (err error) {
		added, err = l.Set(context.Background(), o)
		return err
	})
	return added, err
}

// mustSet is set for those that must succeed.
func (l *lodger) mustSet(group string, lease int, prefixes ...string) int {
	l.m.t.Helper()
	added, err := l.set(group, lease, prefixes...)
	if err != nil {
		l.m.t.Fatal(err)
	}
	return added
}

// onDisk is what a next process would find.
func (l *lodger) onDisk() (out []string) {
	l.m.t.Helper()
	held, _, err := l.store.Load()
	if err != nil {
		l.m.t.Fatal(err)
	}
	for _, e := range held {
		out = append(out, e.Group+" "+e.Interface+" "+e.Address.String())
	}
	return out
}

func TestSetHoldsExactlyTheAddresses(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	same(t, "added", h.mustSet("g", 30, "192.0.2.10/24", "198.51.100.7/32", "203.0.113.1/28"), 3)
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24 198.51.100.7/32 203.0.113.1/28 192.0.2.10/24]")
	same(t, "on disk", h.onDisk(), "[g eth0 192.0.2.10/24 g eth0 198.51.100.7/32 g eth0 203.0.113.1/28]")
	same(t, "added again", h.mustSet("g", 30, "192.0.2.10/24", "198.51.100.7/32", "203.0.113.1/28"), 0)
	same(t, "another group adds", h.mustSet("h", 30, "192.0.2.11/24"), 1)
	same(t, "added", h.mustSet("g", 30, "192.0.2.10/24", "192.0.2.12/24"), 1)
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24 192.0.2.10/24 192.0.2.11/24 192.0.2.12/24]")
	same(t, "added", h.mustSet("g", 30), 0)
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24 192.0.2.11/24]")
	same(t, "on disk", h.onDisk(), "[h eth0 192.0.2.11/24]")
}

func TestAddressesCarryMarkAndLease(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	if !h.marks {
		t.Skip("this kernel keeps no marks")
	}
	look := func() netlink.Addr {
		t.Helper()
		eth0, found := m.link("eth0"), netlink.Addr{}
		m.do(func() error {
			list, err := netlink.AddrList(eth0, unix.AF_INET)
			for _, a := range list {
				if a.IP.String() == "192.0.2.10" {
					found = a
				}
			}
			return err
		})
		return found
	}
	h.mustSet("g", 5, "192.0.2.10/24")
	if a := look(); a.Protocol != mark || a.ValidLft < 4 || a.ValidLft > 5 || a.PreferedLft != a.ValidLft {
		t.Errorf("protocol %#x, valid %d, preferred %d", a.Protocol, a.ValidLft, a.PreferedLft)
	}
	h.mustSet("g", 100, "192.0.2.10/24")
	if a := look(); a.ValidLft < 99 || a.PreferedLft < 99 || a.Protocol != mark {
		t.Errorf("after the renewal: protocol %#x, valid %d, preferred %d", a.Protocol, a.ValidLft, a.PreferedLft)
	}
	h.mustSet("g", 0, "192.0.2.10/24")
	if a := look(); a.ValidLft > 1 {
		t.Errorf("without a lease it is valid for %d s", a.ValidLft)
	}
}

func TestSetLeavesWhatIsNotOurs(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	m.address("eth0", "192.0.2.10/24")
	added, err := h.set("g", 30, "192.0.2.10/24", "192.0.2.11/24")
	if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "192.0.2.10/24 to eth0") {
		t.Errorf("error %v, want ErrForeign for 192.0.2.10/24", err)
	}
	same(t, "added all the same", added, 1)
	same(t, "on disk", h.onDisk(), "[g eth0 192.0.2.11/24]")
	h.mustSet("g", 30)
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24 192.0.2.10/24]")
	// An administrator who gives an address of ours anew has it from then on.
	h.mustSet("g", 30, "192.0.2.12/24")
	eth0 := m.link("eth0")
	m.do(func() error {
		a, err := netlink.ParseAddr("192.0.2.12/24")
		if err != nil {
			return err
		}
		return netlink.AddrReplace(eth0, a)
	})
	if h.marks { // without, there is nothing but the lifetime, which AddrReplace leaves
		if _, err := h.set("g", 30, "192.0.2.12/24"); !errors.Is(err, ErrForeign) {
			t.Errorf("error %v, want ErrForeign", err)
		}
		h.mustSet("g", 30)
		same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24 192.0.2.10/24 192.0.2.12/24]")
	}
}

func TestSetNamesTheInterfaceThatIsMissing(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	o := vrrp.Owned{Group: "g", Addresses: []vrrp.OwnedAddress{
		{Interface: "eth9", Address: prefix("192.0.2.10/24"), LeaseSecs: 30},
		{Interface: "eth0", Address: prefix("192.0.2.11/24"), LeaseSecs: 30},
	}}
	m.do(func() error {
		added, err := h.Set(context.Background(), o)
		if !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "vrrp: add 192.0.2.10/24 to eth9: ") {
			t.Errorf("error %v", err)
		}
		same(t, "added", added, 1)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := h.Set(ctx, o); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
		return nil
	})
}

func TestRemovingAPrimaryKeepsItsSecondaries(t *testing.T) {
	for _, setting := range []string{"0", "1"} {
		m, peer := newMachine(t), newMachine(t)
		connect(m, peer, "eth0")
		m.sysctl("net.ipv4.conf.all.promote_secondaries", "0")
		m.sysctl("net.ipv4.conf.eth0.promote_secondaries", setting)
		h := newHost(m)
		h.mustSet("g", 30, "192.0.2.10/24", "192.0.2.11/24") // the first is the subnet's primary
		m.address("eth0", "192.0.2.77/24")
		same(t, "addresses", m.addresses("eth0"), "[192.0.2.10/24 192.0.2.11/24 192.0.2.77/24]")
		h.mustSet("g", 30, "192.0.2.11/24")
		same(t, "addresses", m.addresses("eth0"), "[192.0.2.11/24 192.0.2.77/24]")
		h.mustSet("g", 30)
		same(t, "addresses", m.addresses("eth0"), "[192.0.2.77/24]")
		m.do(func() error {
			b, err := os.ReadFile(promoteFile("eth0"))
			same(t, "promote_secondaries", strings.TrimSpace(string(b)), setting)
			return err
		})
	}
}

func TestNextProcessAdoptsOrRemoves(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	h.mustSet("g", 30, "192.0.2.10/24")
	h.mustSet("lost", 30, "192.0.2.11/24")
	h.restart()
	m.do(func() error {
		held, err := h.Held(context.Background())
		same(t, "held", len(held), 2)
		return err
	})
	same(t, "added by the next process", h.mustSet("g", 30, "192.0.2.10/24"), 0)
	m.do(func() error {
		n, err := h.Purge(context.Background(), "g")
		same(t, "purged", n, Purged{Addresses: 1})
		return err
	})
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24 192.0.2.10/24]")
	h.restart()
	m.do(func() error {
		n, err := h.Purge(context.Background())
		same(t, "purged", n, Purged{Addresses: 1})
		return err
	})
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24]")
	same(t, "on disk", h.onDisk(), "[]")
}

func TestOwnedSetOfAnotherBootOrDamaged(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	h.mustSet("g", 30, "192.0.2.10/24")
	boot := h.store.BootID
	h.store.BootID = strings.Repeat("0", len(boot))
	h.restart()
	h.mustSet("g", 30) // nothing of another boot is ours
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24 192.0.2.10/24]")
	if err := os.WriteFile(h.store.Path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.restart() // does not fail
	if h.marks {
		same(t, "added", h.mustSet("g", 30, "192.0.2.10/24"), 0) // adopted by its mark
	}
}

func TestDiskThatCannotBeWrittenDoesNotKeepTheServiceDown(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	path := h.store.Path
	h.store.Path = filepath.Join(t.TempDir(), "none", "owned.json")
	same(t, "added", h.mustSet("g", 30, "192.0.2.10/24"), 1)
	h.store.Path = path
	same(t, "on disk", h.onDisk(), "[]")
	h.mustSet("g", 30, "192.0.2.10/24") // tried again with the renewal
	same(t, "on disk", h.onDisk(), "[g eth0 192.0.2.10/24]")
	h.mustSet("g", 30)
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24]")
}
