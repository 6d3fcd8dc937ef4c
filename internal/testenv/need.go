package testenv

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// Required tells whether FAILOVER_REQUIRE lists the capability.
func Required(capability string) bool {
	return slices.Contains(strings.Split(os.Getenv("FAILOVER_REQUIRE"), ","), capability)
}

// Need skips the test where something is missing, and fails it where
// FAILOVER_REQUIRE lists the capability that it belongs to.
func Need(t testing.TB, capability string, missing error) {
	t.Helper()
	if missing == nil {
		return
	}
	if Required(capability) {
		t.Fatalf("FAILOVER_REQUIRE lists %s: %v", capability, missing)
	}
	t.Skip(missing)
}

// NeedRoot needs root, which belongs to the capability netns.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Need(t, "netns", errors.New("needs root"))
	}
}
