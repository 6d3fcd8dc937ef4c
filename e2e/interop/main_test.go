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
	"os"
	"os/exec"
	"testing"

	"failover/e2e/lab"
	"failover/internal/testenv"
)

var update = flag.Bool("update", false, "write docs/interop.md anew")

// program is the path of the program under test.
var program string

// standstills are those of the machine meanwhile; nil where that cannot be measured.
var standstills *lab.Standstills

func TestMain(m *testing.M) {
	standstills, _ = lab.WatchStandstills()
	// TestInterop itself says how many trials run beside each other.
	os.Exit(lab.RunTests(m, 1000, &program))
}

// needTools asks for programs of the capability "peers".
func needTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		testenv.Need(t, "peers", err)
	}
}
