package conf

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestBuildsElsewhere: a configuration can be checked on any machine, so the
// package and what it imports compile where there is neither netlink nor IPVS.
func TestBuildsElsewhere(t *testing.T) {
	cmd := exec.Command("go", "build", ".")
	cmd.Env = append(os.Environ(), "GOOS=darwin", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("GOOS=darwin go build: %v\n%s", err, out)
	}
}

// TestImports: conf knows the three rooms whose types it fills, and nothing of
// what is done with them.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	allowed := map[string]bool{"failover/conf": true, "failover/vrrp": true, "failover/lvs": true, "failover/check": true}
	for _, path := range strings.Fields(string(out)) {
		if strings.HasPrefix(path, "failover/") && !allowed[path] {
			t.Errorf("conf imports %s", path)
		}
		if strings.Contains(path, "netlink") || path == "net/http" {
			t.Errorf("conf imports %s, by way of one of the rooms", path)
		}
	}
}
