// Package tree tests what the module is made of. Who may import whom is tested
// in internal/rooms.
package tree

import (
	"os/exec"
	"strings"
	"testing"
)

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Fields(string(out))
}

// TestToolsStayOutOfTheModule sees that the linter's hundreds of dependencies
// are those of scripts/tools, not ours.
func TestToolsStayOutOfTheModule(t *testing.T) {
	all := append(goList(t, "-m", "all"), goList(t, "-deps", "-test", "failover/...")...)
	for _, name := range all {
		for _, tool := range []string{"golangci", "honnef.co", "mgechev/revive", "failover/scripts/tools"} {
			if strings.Contains(name, tool) {
				t.Errorf("the module knows %s", name)
			}
		}
	}
	have, err := exec.Command("go", "list", "-modfile=../../scripts/tools/go.mod", "-m", "github.com/golangci/golangci-lint/v2").CombinedOutput()
	if err != nil || !strings.Contains(string(have), "v2.") {
		t.Errorf("scripts/tools does not pin the linter: %v\n%s", err, have)
	}
}
