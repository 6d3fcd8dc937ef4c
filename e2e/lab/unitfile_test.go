package lab

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const unitFile = "../../scripts/units/failover.service"

// readUnit reads a unit file: the values of each key, in their order.
func readUnit(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	values := map[string][]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if ok && !strings.HasPrefix(key, "#") {
			values[key] = append(values[key], value)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}

// TestUnitIsTheUnitFile holds that the lab supervises what systemd does.
func TestUnitIsTheUnitFile(t *testing.T) {
	file := readUnit(t)
	u := Failover{Binary: "/usr/sbin/failover"}.Unit(nil)
	yes := map[bool]string{true: "always", false: "no"}
	kind := map[bool]string{true: "notify", false: "simple"}
	want := map[string]string{
		"ExecStart":    strings.Join(u.ExecStart, " "),
		"ExecStopPost": "-" + strings.Join(u.ExecStopPost, " "),
		// Unit.Reload takes the other way, SIGHUP: keepalived has no other.
		"ExecReload": u.ExecStart[0] + " reload",
		"Type":       kind[u.Notify],
		// The supervisor follows MAINPID= as systemd does.
		"NotifyAccess": "main",

		"Restart":    yes[u.Restart],
		"RestartSec": strconv.Itoa(int(u.RestartDelay / time.Second)),

		"RestartPreventExitStatus": strconv.Itoa(u.RestartPreventExitStatus),
		// The supervisor never gives up.
		"StartLimitIntervalSec": "0",
		// Unit.Stop signals the main process; what outlives it is killed.
		"KillMode":                 "mixed",
		"TimeoutStopSec":           strconv.Itoa(int(u.StopTimeout / time.Second)),
		"RuntimeDirectory":         u.RuntimeDirectory,
		"RuntimeDirectoryPreserve": "yes",
	}
	for key, value := range want {
		if !slices.Equal(file[key], []string{value}) {
			t.Errorf("%s: the unit file has %q, the lab %q", key, file[key], value)
		}
	}
}

// TestSystemdUnderstandsTheUnit asks systemd itself, where it is.
func TestSystemdUnderstandsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip(err)
	}
	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	// It insists that the program is there.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "failover.service")
	text = []byte(strings.ReplaceAll(string(text), "/usr/sbin/failover", self))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), file) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
