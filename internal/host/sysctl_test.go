package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree is a machine of files: /proc/sys below a temporary directory, no
// nftables.
type tree struct {
	t     *testing.T
	root  string
	store *FileStore
	log   bytes.Buffer
	r     *Reconciler
}

func newTree(t *testing.T, sysctls map[string]string) *tree {
	tr := &tree{t: t, root: t.TempDir()}
	tr.store = NewFileStore(filepath.Join(tr.root, "sysctl.json"), "this boot")
	for name, value := range sysctls {
		tr.put(name, value)
	}
	tr.restart()
	return tr
}

// restart is a new process on the same machine.
func (tr *tree) restart() {
	tr.r = New(Config{
		Store: tr.store, Proc: filepath.Join(tr.root, "proc"), Sys: filepath.Join(tr.root, "sys"),
		Log:      slog.New(slog.NewTextHandler(&tr.log, nil)),
		Modprobe: func(context.Context, string) error { return errors.New("no such module") },
	})
	tr.r.nft = &fakeTable{}
}

func (tr *tree) put(name, value string) {
	tr.t.Helper()
	path := filepath.Join(tr.root, "proc/sys", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *tree) get(name string) string {
	tr.t.Helper()
	text, err := os.ReadFile(filepath.Join(tr.root, "proc/sys", name))
	if err != nil {
		tr.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func (tr *tree) set(want map[string]string) Report {
	tr.t.Helper()
	report, err := tr.r.Set(tr.t.Context(), Desired{Sysctls: want})
	if err != nil {
		tr.t.Fatal(err)
	}
	return report
}

func (tr *tree) restore() Report {
	tr.t.Helper()
	report, err := tr.r.Restore(tr.t.Context())
	if err != nil {
		tr.t.Fatal(err)
	}
	return report
}

// fakeTable is a kernel's table in memory.
type fakeTable struct {
	has    ruleset
	writes int
	err    error
}

func (f *fakeTable) read() (bool, ruleset, bool, error) { return len(f.has) > 0, f.has, true, f.err }

func (f *fakeTable) replace(r ruleset) error {
	f.writes++
	f.has = r
	return nil
}

const forward = "net.ipv4.ip_forward"

func TestSysctlIsWrittenOnceAndRestored(t *testing.T) {
	tr := newTree(t, map[string]string{"net/ipv4/ip_forward": "0"})
	want := map[string]string{forward: "1"}
	report := tr.set(want)
	if len(report.Sysctls) != 1 || report.Sysctls[0] != (Change{forward, "0", "1"}) {
		t.Errorf("reported %+v", report.Sysctls)
	}
	if report = tr.set(want); len(report.Sysctls) != 0 {
		t.Errorf("written again: %+v", report.Sysctls)
	}
	tr.restart()
	if report = tr.set(want); len(report.Sysctls) != 0 {
		t.Errorf("written again by the next process: %+v", report.Sysctls)
	}
	tr.restore()
	if got := tr.get("net/ipv4/ip_forward"); got != "0" {
		t.Errorf("restored to %s", got)
	}
	if report = tr.restore(); len(report.Sysctls) != 0 {
		t.Errorf("restored twice: %+v", report.Sysctls)
	}
}

func TestSysctlDriftIsRepairedAndLoggedOnce(t *testing.T) {
	tr := newTree(t, map[string]string{"net/ipv4/ip_forward": "0"})
	for range 3 {
		tr.put("net/ipv4/ip_forward", "0")
		if report := tr.set(map[string]string{forward: "1"}); len(report.Sysctls) != 1 {
			t.Errorf("reported %+v", report.Sysctls)
		}
	}
	if n := strings.Count(tr.log.String(), "sysctl written"); n != 1 {
		t.Errorf("%d lines for one fight:\n%s", n, tr.log.String())
	}
}

func TestSysctlRestoreLeavesWhatOthersSet(t *testing.T) {
	tr := newTree(t, map[string]string{"net/ipv4/ip_forward": "0", "net/core/rmem_max": "1", "net/core/gone": "1"})
	tr.set(map[string]string{forward: "1", "net.core.rmem_max": "2", "net.core.gone": "2"})
	tr.put("net/core/rmem_max", "3")
	os.Remove(filepath.Join(tr.root, "proc/sys/net/core/gone"))
	tr.restart()
	tr.restore()
	if got := tr.get("net/core/rmem_max"); got != "3" {
		t.Errorf("another's value became %s", got)
	}
	if got := tr.get("net/ipv4/ip_forward"); got != "0" {
		t.Errorf("our value became %s", got)
	}
	if left, err := tr.store.Load(); len(left) != 0 || err != nil {
		t.Errorf("recorded after the restore: %v, %v", left, err)
	}
}

// What was there at first is restored, whatever we wanted in between.
func TestSysctlRestoresTheFirstValue(t *testing.T) {
	tr := newTree(t, map[string]string{"net/core/rmem_max": "7"})
	for _, v := range []string{"1", "2", "7", "3"} {
		tr.set(map[string]string{"net.core.rmem_max": v})
	}
	tr.restore()
	if got := tr.get("net/core/rmem_max"); got != "7" {
		t.Errorf("restored to %s", got)
	}
}

func TestSysctlWhatIsRightIsNotOurs(t *testing.T) {
	tr := newTree(t, map[string]string{"net/ipv4/vs/sync_threshold": "0\t0"})
	if report := tr.set(map[string]string{"net.ipv4.vs.sync_threshold": "0 0"}); len(report.Sysctls) != 0 {
		t.Errorf("written: %+v", report.Sysctls)
	}
	if saved, err := tr.store.Load(); len(saved) != 0 || err != nil {
		t.Errorf("recorded: %v, %v", saved, err)
	}
}

func TestSysctlRecordOfAnEarlierBootIsVoid(t *testing.T) {
	tr := newTree(t, map[string]string{"net/ipv4/ip_forward": "0"})
	tr.set(map[string]string{forward: "1"})
	tr.store = NewFileStore(filepath.Join(tr.root, "sysctl.json"), "the next boot")
	tr.restart()
	tr.restore()
	if got := tr.get("net/ipv4/ip_forward"); got != "1" {
		t.Errorf("a value of this boot became %s", got)
	}
}

func TestSysctlErrorsNameTheSetting(t *testing.T) {
	tr := newTree(t, map[string]string{"net/ipv4/ip_forward": "0"})
	report, err := tr.r.Set(t.Context(), Desired{
		Modules: []string{"ip_vs"},
		Sysctls: map[string]string{"net.ipv4.vs.sync_threshold": "0 0", forward: "1"},
	})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "host: sysctl net.ipv4.vs.sync_threshold: ") ||
		!strings.Contains(err.Error(), "host: load module ip_vs: no such module") {
		t.Errorf("got %v", err)
	}
	if len(report.Sysctls) != 1 || !report.GuardStands {
		t.Errorf("the rest was not done: %+v", report)
	}
}

// Nothing is written before its value is on disk.
func TestSysctlIsRecordedFirst(t *testing.T) {
	tr := newTree(t, map[string]string{"net/ipv4/ip_forward": "0"})
	tr.store = NewFileStore(filepath.Join(tr.root, "nowhere/sysctl.json"), "this boot")
	tr.restart()
	if _, err := tr.r.Set(t.Context(), Desired{Sysctls: map[string]string{forward: "1"}}); err == nil {
		t.Error("no error without a place for the record")
	}
	if got := tr.get("net/ipv4/ip_forward"); got != "0" {
		t.Errorf("written without a record: %s", got)
	}
}

func TestSysctlPathsAndOrder(t *testing.T) {
	r := New(Config{})
	for name, want := range map[string]string{
		"net.ipv4.ip_forward":                        "/proc/sys/net/ipv4/ip_forward",
		"net.ipv4.conf.eth0.promote_secondaries":     "/proc/sys/net/ipv4/conf/eth0/promote_secondaries",
		"net.ipv4.conf.eth0.100.promote_secondaries": "/proc/sys/net/ipv4/conf/eth0.100/promote_secondaries",
		"net.ipv6.conf.br.lan.2.accept_dad":          "/proc/sys/net/ipv6/conf/br.lan.2/accept_dad",
		"net.ipv4.neigh.eth0.100.gc_stale_time":      "/proc/sys/net/ipv4/neigh/eth0.100/gc_stale_time",
		"net.ipv4.vs.expire_nodest_conn":             "/proc/sys/net/ipv4/vs/expire_nodest_conn",
	} {
		if got := r.path(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	names := inOrder(map[string]int{"net.ipv4.conf.a.b": 0, forward: 0, "net.ipv6.conf.all.forwarding": 0})
	if names[0] != forward || names[2] != "net.ipv4.conf.a.b" {
		t.Errorf("order %v", names)
	}
}

func TestModulePresence(t *testing.T) {
	tr := newTree(t, nil)
	var asked []string
	tr.r.config.Modprobe = func(_ context.Context, name string) error {
		asked = append(asked, name)
		return nil
	}
	for _, dir := range []string{"sys/module/ip_vs_rr", "proc/net"} {
		if err := os.MkdirAll(filepath.Join(tr.root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// The feature is there without a module: built in, or a container.
	if err := os.WriteFile(filepath.Join(tr.root, "proc/net/ip_vs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := tr.r.Set(t.Context(), Desired{Modules: []string{"ip_vs", "ip-vs-rr", "ip_vs_wlc"}})
	if err != nil || len(asked) != 1 || asked[0] != "ip_vs_wlc" || len(report.Modules) != 1 {
		t.Errorf("asked for %v, loaded %v, %v", asked, report.Modules, err)
	}
}

func TestOriginalsRoundTrip(t *testing.T) {
	s := NewFileStore(filepath.Join(t.TempDir(), "sysctl.json"), "boot")
	want := Originals{"a": {"0", "1"}, "b": {"4 4 1", "0"}}
	if err := s.Save(want); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Load(); err != nil || !maps.Equal(got, want) {
		t.Errorf("read %v, %v", got, err)
	}
	if err := os.WriteFile(s.file.Path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Load(); err != nil || len(got) != 0 {
		t.Errorf("of a damaged file: %v, %v", got, err)
	}
}

// What the configuration needs no more gets its value of before; forwarding, and
// what others have set since, does not.
func TestSysctlIsRestoredWhenNotNeeded(t *testing.T) {
	tr := newTree(t, map[string]string{
		"net/ipv4/ip_forward": "0", "net/ipv4/conf/eth0/forwarding": "0", "net/ipv6/conf/eth0/accept_ra": "1",
		"net/ipv4/vs/conntrack": "0", "net/ipv4/vs/sloppy_tcp": "0", "net/ipv4/vs/schedule_icmp": "0",
	})
	const conntrack, sloppy, schedule = "net.ipv4.vs.conntrack", "net.ipv4.vs.sloppy_tcp", "net.ipv4.vs.schedule_icmp"
	tr.set(map[string]string{
		forward: "1", "net.ipv4.conf.eth0.forwarding": "1", "net.ipv6.conf.eth0.accept_ra": "2",
		conntrack: "1", sloppy: "1", schedule: "1",
	})
	tr.put("net/ipv4/vs/sloppy_tcp", "2")
	if tr.set(nil); tr.get("net/ipv4/vs/conntrack") != "1" {
		t.Error("restored although sysctls are not managed")
	}
	tr.restart()
	report := tr.set(map[string]string{schedule: "1"})
	if len(report.Sysctls) != 1 || report.Sysctls[0] != (Change{conntrack, "1", "0"}) {
		t.Errorf("reported %+v", report.Sysctls)
	}
	for path, want := range map[string]string{
		"net/ipv4/ip_forward": "1", "net/ipv4/conf/eth0/forwarding": "1", "net/ipv6/conf/eth0/accept_ra": "2",
		"net/ipv4/vs/conntrack": "0", "net/ipv4/vs/sloppy_tcp": "2", "net/ipv4/vs/schedule_icmp": "1",
	} {
		if got := tr.get(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if report = tr.set(map[string]string{}); len(report.Sysctls) != 1 {
		t.Errorf("with nothing needed: %+v", report.Sysctls)
	}
	tr.restore()
	if f, c := tr.get("net/ipv4/ip_forward"), tr.get("net/ipv6/conf/eth0/accept_ra"); f != "0" || c != "1" {
		t.Errorf("after the release: ip_forward %s, accept_ra %s", f, c)
	}
}

// A sysctl that cannot be written is named, and nothing else is lost for it: not
// the rest, and not the value of before.
func TestSysctlReadOnly(t *testing.T) {
	tr := newTree(t, map[string]string{"net/ipv4/ip_forward": "0", "net/core/rmem_max": "1"})
	path := filepath.Join(tr.root, "proc/sys/net/ipv4/ip_forward")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // root writes to whatever is a file
		t.Fatal(err)
	}
	_, err := tr.r.Set(t.Context(), Desired{Sysctls: map[string]string{forward: "1", "net.core.rmem_max": "2"}})
	if err == nil || !strings.Contains(err.Error(), "host: sysctl net.ipv4.ip_forward: ") {
		t.Errorf("got %v", err)
	}
	if got := tr.get("net/core/rmem_max"); got != "2" {
		t.Errorf("the other one is %s", got)
	}
}
