package conf

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedVirtualServers: what docs/virtual-servers.md shows is valid, all of
// it in one file.
func TestDocumentedVirtualServers(t *testing.T) {
	text, err := os.ReadFile("../docs/virtual-servers.md")
	if err != nil {
		t.Fatal(err)
	}
	file := serviceHead
	blocks := regexp.MustCompile("(?ms)^```toml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	for _, b := range blocks {
		file += b[1]
	}
	d := parse(t, file)
	if len(blocks) == 0 || len(d.Warnings) != 0 {
		t.Errorf("%d blocks, warnings %v", len(blocks), d.Warnings)
	}
	for _, key := range serverSection.names() {
		if !strings.Contains(string(text), key) && !strings.Contains("check drain notify", key) {
			t.Errorf("nothing is said of %s", key)
		}
	}
}
