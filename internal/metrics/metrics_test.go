package metrics

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated and the golden files anew")

// golden compares with a file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what the program makes now; write it anew with go test -update (-want +got):\n%s", path, diff)
	}
}

func ptr[T any](v T) *T { return &v }

// pair is a master with one real server up, one down and one not judged yet, and
// a virtual server that the kernel does not have.
func pair() *Snapshot {
	return &Snapshot{
		Version: "v1.2.3", GoVersion: "go1.26", Digest: "sha256:abc", Problems: 2,
		Pair: &Pair{InSync: new(false), Reachable: map[string]bool{"lb2": true}, Refused: map[string]uint64{"busy": 0, "stranger": 3}, Disagreements: map[string]int{"lb2": 1}},
		Engine: &Engine{DirectorStarts: 1, Unmatched: map[string]map[string]uint64{"eth2": {"unknown-vrid": 7}}, Groups: []Group{{Name: "nat", LateWakeups: 3, Routers: []Router{
			{Name: "outside", State: "master", Priority: 150, HoldsAddresses: true, Transitions: 1, Sent: 20, Received: 1,
				Rejected: map[string]uint64{"ttl": 0, "checksum": 2}, Mismatched: map[string]uint64{"interval": 1}, Incompatible: 1},
			{Name: "inside", State: "master", Priority: 150, Transitions: 1, Sent: 1 << 40, SendErrors: 4},
		}}}},
		Tracks: []Track{{"outside", "interface", "eth5", ptr(true)}, {"outside", "exec", `/bin/ok "a"`, ptr(false)}, {"inside", "file", "/run/x", nil}},
		Servers: []VirtualServer{
			{Name: "web", Service: "tcp 172.20.10.4:80", QuorumUp: true, Available: 1, Sorry: ptr(false), Traffic: &Traffic{1, 2, 3, 4, 5}, Servers: []RealServer{
				{Name: "web1", Up: ptr(true), Took: 1234 * time.Microsecond, Weight: ptr(1), Activity: &Activity{9, 2, 1, 3}},
				{Name: "web2", Up: ptr(false), Took: time.Second, Weight: ptr(0), Activity: &Activity{}},
				{Name: "[2001:db8::4]:80", Operator: "drain"},
			}},
			{Name: "web", Service: "tcp 172.20.10.5:80", Again: true, QuorumUp: true, Available: 1, Sorry: ptr(true), Traffic: &Traffic{}, Servers: []RealServer{
				{Name: "web1", Up: ptr(true), Took: 1234 * time.Microsecond, Operator: "disable"},
			}},
			{Name: "dns", Service: "fwmark 7", Servers: []RealServer{{Name: "dns1"}}},
		},
		Reconcile: Reconcile{Operations: map[string]uint64{"add-server": 2, "del-server": 0}, Repairs: 1, Errors: 5},
		Reloads:   Reloads{Succeeded: 2, Failed: 1, LastFailed: true, LastSuccess: time.UnixMilli(1767323045250)},
		Processes: []Process{
			{"engine", 1500 * time.Millisecond, 8 << 20, 6, 14, time.UnixMilli(1767323000010)},
			{"director", 10 * time.Millisecond, 20 << 20, 9, 30, time.UnixMilli(1767323000120)},
		},
	}
}

// text is what a scrape of a snapshot gives.
func text(t testing.TB, s *Snapshot) string {
	t.Helper()
	b, err := Text(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestText(t *testing.T) { golden(t, "testdata/pair.prom", text(t, pair())) }

// TestUnknownIsAbsent: what is not known has no series, neither 0 nor a header.
func TestUnknownIsAbsent(t *testing.T) { golden(t, "testdata/nothing.prom", text(t, &Snapshot{})) }

func TestEscapes(t *testing.T) {
	s := &Snapshot{Version: "a\"b\\c\nd\xff", GoVersion: "go"}
	want := `failover_build_info{goversion="go",version="a\"b\\c\nd` + "\uFFFD" + `"} 1` + "\n"
	if got := text(t, s); !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant in it\n%s", got, want)
	}
}

// TestSeriesAreUnique: Prometheus refuses a whole scrape that has one twice. It
// also wants every sample in the block of its family.
func TestSeriesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	family := ""
	for line := range strings.Lines(text(t, pair())) {
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			family, _, _ = strings.Cut(rest, " ")
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		series := line[:strings.LastIndexByte(line, ' ')]
		if seen[series] {
			t.Errorf("twice: %s", series)
		}
		seen[series] = true
		if name, _, _ := strings.Cut(series, "{"); name != family {
			t.Errorf("%s stands under %s", series, family)
		}
	}
}

// TestNaming holds every family against Prometheus' rules for names
// (https://prometheus.io/docs/practices/naming), which promlint checks too.
func TestNaming(t *testing.T) {
	name := regexp.MustCompile(`^failover(_[a-z0-9]+)+$`)
	label := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	full := text(t, pair())
	for _, f := range Families() {
		if !name.MatchString(f.Name) {
			t.Errorf("%s: not a name of ours", f.Name)
		}
		if counts := strings.HasSuffix(f.Name, "_total"); counts != (f.Kind == Counter) {
			t.Errorf("%s is a %s: counters, and only they, end in _total", f.Name, f.Kind)
		}
		for _, l := range f.Labels {
			if !label.MatchString(l) || strings.Contains(f.Name, "_by_"+l) {
				t.Errorf("%s: label %q", f.Name, l)
			}
		}
		for _, unit := range []string{"_milliseconds", "_ms", "_kilobytes", "_minutes", "_count", "_sum", "_bucket"} {
			if strings.HasSuffix(strings.TrimSuffix(f.Name, "_total"), unit) {
				t.Errorf("%s: %s is not a base unit, or stands for something else", f.Name, unit)
			}
		}
		if f.Help == "" || strings.HasSuffix(f.Help, ".") || strings.ContainsAny(f.Help, "\n|") {
			t.Errorf("%s: help %q", f.Name, f.Help)
		}
		if !strings.Contains(full, "# TYPE "+f.Name+" "+string(f.Kind)+"\n") {
			t.Errorf("%s: the golden exposition does not show it", f.Name)
		}
	}
	names := Families()
	slices.SortFunc(names, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(names); i++ {
		if names[i].Name == names[i-1].Name {
			t.Errorf("%s: there are two", names[i].Name)
		}
	}
}

// TestDocument keeps docs/metrics.md what the families say.
func TestDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Metrics\n\n")
	b.WriteString(`Each director serves these at ` + "`/metrics`" + ` of ` + "`daemon.http_listen`" + ` (127.0.0.1:9650 by default), in
Prometheus' text format. The table is generated from the program.

A counter begins at 0 with the process that counts: the engine for
` + "`failover_vrrp_…`" + `, the director for reloads and the table, the kernel for
` + "`failover_ipvs_…`" + ` since the entry was added. What is not known has no series;
it is never shown as 0. Everything is read when it is asked for; the kernel's
counters are at most a second old.

`)
	b.WriteString("| name | type | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range Families() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s. |\n", f.Name, f.Kind, strings.Join(f.Labels, ", "), f.Help)
	}
	b.WriteString("\n## Alerts to begin with\n```yaml\n" + alerts + "```\n")
	golden(t, "../../docs/metrics.md", b.String())
}

const alerts = `groups:
- name: failover
  rules:
  - alert: NoMaster        # or two
    expr: sum by (router) (failover_vrrp_state{state="master"}) != 1
    for: 10s
  - alert: RivalMaster     # a stranger, or a wire that works one way
    expr: failover_vrrp_rival_masters > 0
    for: 10s
  - alert: DirectorHasProblems
    expr: failover_problems > 0
    for: 1m
  - alert: RealServerDown
    expr: failover_check_up == 0
    for: 1m
  - alert: DirectorsDiffer
    expr: count(count by (digest) (failover_config_info)) > 1
    for: 5m
  - alert: ReloadRefused
    expr: failover_config_reload_last_successful == 0
`

func TestAlertsUseWhatThereIs(t *testing.T) {
	for _, name := range regexp.MustCompile(`failover_[a-z_]+`).FindAllString(alerts, -1) {
		if !slices.ContainsFunc(Families(), func(f Family) bool { return f.Name == name }) {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestReadProcess(t *testing.T) {
	p, err := ReadProcess("self", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "self" || p.ResidentBytes < 1<<20 || p.Threads < 1 || p.OpenFiles < 3 {
		t.Errorf("%+v", p)
	}
	if age := time.Since(p.Started); age < -2*time.Second || age > time.Hour {
		t.Errorf("started %s ago", age)
	}
	if _, err := ReadProcess("nobody", 1<<30); err == nil {
		t.Error("a process that is not there was read")
	}
}

func TestParseStat(t *testing.T) {
	line := "7 (a) b (x) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 12345 1000 256 18446744073709551615"
	p, since, err := parseStat([]byte(line))
	if err != nil || p.CPU != 2*time.Second || p.Threads != 9 || since != 123450*time.Millisecond || p.ResidentBytes != 256*uint64(os.Getpagesize()) {
		t.Errorf("%+v, %s, %v", p, since, err)
	}
	for _, bad := range []string{"", "7 (a) S 1", strings.Replace(line, " 12345 ", " x ", 1)} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// BenchmarkText is a scrape of 1 000 virtual servers of 10 real servers.
func BenchmarkText(b *testing.B) {
	s := &Snapshot{}
	for i := range 1000 {
		vs := VirtualServer{Name: fmt.Sprintf("vs%d", i), Traffic: &Traffic{}}
		for j := range 10 {
			vs.Servers = append(vs.Servers, RealServer{Name: fmt.Sprintf("rs%d", j), Up: ptr(true), Took: time.Millisecond, Weight: ptr(1), Activity: &Activity{}})
		}
		s.Servers = append(s.Servers, vs)
	}
	for b.Loop() {
		b.SetBytes(int64(len(text(b, s))))
	}
}
