// Package interop proves that failover and other people's VRRP routers make a
// pair: one director runs the real program, the other keepalived or FRR's vrrpd,
// on the two networks of the lab, natively, with adverts every 100 ms. Both must
// agree on who is master, by the neighbour's own account too, through stop,
// death, cut links, return and partition.
//
// The outcome is docs/interop.md; -update writes it anew. A case is a row in
// cases_test.go.
//
// The program is the one that FAILOVER_BIN names, else it is built. What is
// missing on a machine is skipped, unless FAILOVER_REQUIRE lists it: "netns" for
// namespaces, "peers" for keepalived, FRR and tshark.
package interop

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"failover/e2e/lab"
)

var update = flag.Bool("update", false, "write docs/interop.md anew")

// program is the path of the program under test.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	// The tests wait most of the time, each in a network of its own.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("6"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if lab.Usable() != nil {
		return m.Run() // every test says so
	}
	if program = os.Getenv("FAILOVER_BIN"); program != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "failover-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "failover")
	build := exec.Command("go", "build", "-o", program, "failover/cmd/failover")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// need skips the test where something is missing that FAILOVER_REQUIRE does not
// list.
func need(t *testing.T, capability string, missing error) {
	t.Helper()
	if missing == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("FAILOVER_REQUIRE"), ","), capability) {
		t.Fatalf("FAILOVER_REQUIRE has %s: %v", capability, missing)
	}
	t.Skip(missing)
}

// needTools asks for programs of the capability "peers".
func needTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		need(t, "peers", err)
	}
}
