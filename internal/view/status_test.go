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
// TestVersions: another program on the other director is named, the same one is not,
// and no more is one that was never heard of.
func TestVersions(t *testing.T) {
	for _, c := range []struct{ lb1, lb2, want string }{
		{"v2", "v2", ""},
		{"v2", "", ""},
		{"", "v2", ""},
		{"v2", "v1", "versions differ: lb1 v2, lb2 v1\n"},
	} {
		s := api.Status{Node: "lb1", Healthy: true, Directors: []api.Director{
			{Name: "lb1", Self: true, Version: c.lb1, VirtualRouters: []api.VirtualRouter{{Name: "outside", State: "master"}}},
			{Name: "lb2", Version: c.lb2},
		}}
		var b strings.Builder
		if err := Status(&b, s, StatusOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); strings.Contains(got, "versions") != (c.want != "") || !strings.Contains(got, c.want) {
			t.Errorf("%s and %q: got\n%s", c.lb1, c.lb2, got)
		}
	}
}

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
