package view

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failover/internal/api"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestStatusGolden prints the status of testdata/*.json and compares it whole.
func TestStatusGolden(t *testing.T) {
	for _, c := range []struct {
		golden, input string
		opts          StatusOptions
	}{
		{"healthy.txt", "healthy.json", StatusOptions{}},
		{"pair.txt", "pair.json", StatusOptions{}},
		{"families.txt", "families.json", StatusOptions{}},
		{"servers.txt", "servers.json", StatusOptions{}},
		{"servers-down.txt", "servers.json", StatusOptions{Down: true}},
		{"servers-filter.txt", "servers.json", StatusOptions{Filter: "192.168.33.93"}},
		{"trouble.txt", "trouble.json", StatusOptions{}},
		{"trouble-down.txt", "trouble.json", StatusOptions{Down: true}},
		{"trouble-filter.txt", "trouble.json", StatusOptions{Filter: "outside"}},
	} {
		t.Run(c.golden, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", c.input))
			if err != nil {
				t.Fatal(err)
			}
			var s api.Status
			if err := json.Unmarshal(data, &s); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := Status(&b, s, c.opts); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", c.golden)
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                     "0s",
		4 * time.Second:                  "4s",
		192 * time.Second:                "3m12s",
		5*time.Hour + 2*time.Minute:      "5h2m",
		9*24*time.Hour + 4*time.Hour + 1: "9d4h",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%v) = %q, want %q", d, got, want)
		}
	}
}
