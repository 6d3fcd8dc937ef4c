package rooms

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rule is what a package may import of this module, tests aside. A package that
// no rule names fails the test: a new room has to be thought about.
var rules = map[string][]string{
	"vrrp":                {},
	"vrrp/linux":          {"vrrp", "internal/state"},
	"vrrp/vrrptest":       {"vrrp"},
	"lvs":                 {},
	"lvs/ipvs":            {"lvs"},
	"lvs/lvstest":         {"lvs"},
	"check":               {},
	"check/probe":         {"check", "internal/program"},
	"conf":                {"vrrp", "lvs", "check"},
	"internal/state":      {"vrrp"},
	"internal/program":    {},
	"internal/hook":       {"vrrp", "internal/pause", "internal/program"},
	"internal/host":       {"lvs", "internal/pause", "internal/state"},
	"internal/ipc":        {"vrrp"},
	"internal/realserver": {"lvs", "conf", "internal/host"},
	"internal/api":        {},
	"internal/view":       {"internal/api"},
	"internal/control":    {"internal/api", "internal/sockets"},
	"internal/metrics":    {},
	"internal/sockets":    {"internal/pause"},
	"internal/web":        {"internal/api", "internal/metrics", "internal/sockets"},
	"internal/policy":     {"vrrp", "lvs", "check", "conf", "internal/host", "internal/realserver"},
	"internal/pause":      {},
	"internal/peer":       {"lvs", "internal/api", "internal/pause", "internal/policy", "internal/sockets"},
	"internal/engine":     {"vrrp", "vrrp/linux", "internal/ipc", "internal/pause", "internal/state"},
	"internal/ipvsadm":    {"lvs", "conf", "internal/policy"},
	"internal/logs":       {},
	"internal/manual":     {"conf"},
	"internal/rooms":      {},
	"internal/testenv":    {},
	"internal/director":   {"*"}, // everything but what stands above it
	"cmd/failover":        {"*"},
}

// above are the rooms nothing below may import.
var above = []string{"cmd/failover", "internal/director", "internal/engine"}

// strangers are what the pure rooms must not reach, however indirectly: the
// doing lives in their subpackages.
var strangers = []string{
	"github.com/vishvananda", "github.com/mdlayher", "github.com/moby", "github.com/google/nftables",
	"golang.org/x/sys", "net/http", "os/exec",
}

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) map[string]pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "failover/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := make(map[string]pkg)
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(p.ImportPath, "failover/")] = p
	}
}

func TestImportsGoOneWay(t *testing.T) {
	for name, p := range list(t) {
		if strings.HasPrefix(name, "e2e") {
			continue // the lab stands outside and looks in
		}
		may, known := rules[name]
		if !known {
			t.Errorf("%s is a new room: say in rules what it may import", name)
			continue
		}
		for _, path := range p.Imports {
			other, ours := strings.CutPrefix(path, "failover/")
			switch {
			case !ours:
			case slices.Contains(may, "*") && (name == "cmd/failover" || !slices.Contains(above, other)):
			case !slices.Contains(may, other):
				t.Errorf("%s imports %s: not that way", name, other)
			}
		}
	}
}

func TestPureRoomsReachNoMachine(t *testing.T) {
	all := list(t)
	for _, name := range []string{"vrrp", "lvs", "check"} {
		for _, dep := range all[name].Deps {
			if slices.ContainsFunc(strangers, func(s string) bool { return dep == s || strings.HasPrefix(dep, s+"/") }) {
				t.Errorf("%s reaches %s", name, dep)
			}
		}
	}
}
