// Package tree tests the source tree itself: who imports whom, and what the
// module is made of.
package tree

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func goList(t *testing.T, env []string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Fields(string(out))
}

// TestImportsGoOneWay holds the direction with everything a package brings
// along, not only what it names itself.
func TestImportsGoOneWay(t *testing.T) {
	doing := []string{"net/http", "os/exec", "github.com/vishvananda/", "github.com/mdlayher/", "github.com/moby/ipvs", "github.com/google/nftables"}
	ours := []string{"failover/conf", "failover/internal/", "failover/cmd/", "failover/e2e/"}
	tests := []struct {
		pkg  string
		must []string // prefixes that none of its dependencies may have
	}{
		{"failover/vrrp", append([]string{"failover/lvs", "failover/check"}, append(ours, doing...)...)},
		{"failover/lvs", append([]string{"failover/vrrp", "failover/check"}, append(ours, doing...)...)},
		{"failover/check", append([]string{"failover/vrrp", "failover/lvs"}, append(ours, doing...)...)},
		{"failover/conf", append([]string{"failover/internal/", "failover/cmd/", "failover/e2e/"}, doing...)},
		// It states settings in the words of internal/host, which brings nftables along.
		{"failover/internal/policy", []string{"failover/internal/director", "failover/cmd/", "failover/e2e/", "net/http",
			"failover/vrrp/linux", "failover/lvs/ipvs", "failover/check/probe", "github.com/vishvananda/", "github.com/moby/ipvs"}},
		{"failover/internal/director", []string{"failover/cmd/", "failover/e2e/"}},
		{"failover/cmd/failover", []string{"failover/e2e/", "testing"}},
	}
	for _, tt := range tests {
		t.Run(tt.pkg, func(t *testing.T) {
			for _, dep := range goList(t, nil, "-deps", tt.pkg) {
				for _, bad := range tt.must {
					if dep == bad || strings.HasPrefix(dep, strings.TrimSuffix(bad, "/")+"/") {
						t.Errorf("%s needs %s", tt.pkg, dep)
					}
				}
			}
		})
	}
}

// TestConfigurationBuildsElsewhere lets an administrator's laptop validate a
// file.
func TestConfigurationBuildsElsewhere(t *testing.T) {
	cmd := exec.Command("go", "build", "failover/conf")
	cmd.Env = append(os.Environ(), "GOOS=darwin")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestToolsStayOutOfTheModule sees that the linter's hundreds of dependencies
// are those of scripts/tools, not ours.
func TestToolsStayOutOfTheModule(t *testing.T) {
	all := append(goList(t, nil, "-m", "all"), goList(t, nil, "-deps", "-test", "failover/...")...)
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
