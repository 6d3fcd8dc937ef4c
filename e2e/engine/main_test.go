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
	"os"
	"testing"

	"failover/e2e/lab"
)

// program is the path of the program under test.
var program string

func TestMain(m *testing.M) { os.Exit(lab.RunTests(m, 6, &program)) }
