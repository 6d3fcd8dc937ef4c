// Package engine proves the engine process, with the real program, on the
// running kernel: two directors in namespaces elect, announce, hand over, crash,
// freeze and come back. No configuration here has a virtual server, but the one
// that is refused without IPVS, so no test needs that.
//
// The program is the one that FAILOVER_BIN names, else it is built. Where
// namespaces cannot be made the tests are skipped, unless FAILOVER_REQUIRE lists
// "netns".
package engine

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"failover/e2e/lab"
)

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
