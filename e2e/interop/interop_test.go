package interop

import (
	"testing"

	"failover/e2e/lab"
	"failover/internal/testenv"
)

// TestInterop runs every row of the matrix and compares the outcome with
// docs/interop.md.
func TestInterop(t *testing.T) {
	testenv.Need(t, "netns", lab.Usable())
	needTools(t, "keepalived", "vtysh", zebra, vrrpd, "tshark")
	versions := map[string]string{}
	for peer, ask := range map[string]func() (string, error){"keepalived": keepalivedVersion, "frr": frrVersion} {
		v, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		versions[peer] = v
	}
	all := cases()
	rows, done := make([]row, len(all)), make([]bool, len(all))
	// The group returns when its parallel trials have ended.
	t.Run("pair", func(t *testing.T) {
		for i, c := range all {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				remarks := c.run(t)
				rows[i], done[i] = c.row(versions[c.Peer], remarks), !t.Failed()
			})
		}
	})
	for _, ok := range done {
		if !ok {
			return // some failed, or were not asked for
		}
	}
	document(t, rows)
}
