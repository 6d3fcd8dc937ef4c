package probe

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"failover/check"
)

// A check leaves no socket in TIME_WAIT (state 06 in /proc/net/tcp), on either
// side.
func TestTCPLeavesNoTimeWait(t *testing.T) {
	target := serve(t, mute)
	for range 50 {
		if r := ask(t, patient(spec(check.TCP, target))); !r.OK {
			t.Fatal(r.Detail)
		}
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprintf(":%04X", target.Port())
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 3 && f[3] == "06" && (strings.HasSuffix(f[1], port) || strings.HasSuffix(f[2], port)) {
			t.Errorf("left behind: %s", line)
		}
	}
}
