package main

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"failover/internal/manual"
)

//go:generate go test -run TestManual -update

var update = flag.Bool("update", false, "write the manual pages anew")

// TestManual holds that docs/man is what the program is.
func TestManual(t *testing.T) {
	for path, text := range map[string][]byte{
		top + "docs/man/failover.8":      manual.Commands((&cli{}).root()),
		top + "docs/man/failover.toml.5": manual.Configuration(readFile(t, top+"docs/examples/pair.toml")),
	} {
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(readFile(t, path), string(text)); diff != "" {
			t.Errorf("%s is not what the program makes now; write it anew with go test ./cmd/failover -update (-want +got):\n%s", path, diff)
		}
	}
}

// TestManualPointsToWhatIsThere: the documents that the pages mention are in the
// package.
func TestManualPointsToWhatIsThere(t *testing.T) {
	packed := readFile(t, top+"scripts/deb/nfpm.yaml")
	for _, page := range []string{"failover.8", "failover.toml.5"} {
		text := strings.ReplaceAll(readFile(t, top+"docs/man/"+page), `\-`, "-")
		for _, m := range regexp.MustCompile(`/usr/share/doc/failover/[a-z-]+\.md`).FindAllString(text, -1) {
			if !strings.Contains(packed, m) {
				t.Errorf("%s mentions %s, which scripts/deb/nfpm.yaml does not have", page, m)
			}
		}
	}
}
