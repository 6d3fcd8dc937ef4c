package conf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestGlance: what a glance tells of a file is what reading it tells, however the file
// is written, and a large one with an error elsewhere is not found out.
func TestGlance(t *testing.T) {
	const directors = "[director.lb1]\naddress = \"192.0.2.1\"\n[director.lb2]\naddress = \"192.0.2.2\"\n"
	servers := string(bytes.TrimPrefix(large(400), []byte(directors)))
	for _, c := range []struct {
		name, text string
		whole      bool // it takes the whole file
	}{
		{"nothing of the daemon", directors + servers, false},
		{"daemon before", "[daemon]\nrealtime = false\n" + directors + servers, false},
		{"daemon behind", directors + servers + "[daemon]\nlog_format = \"json\"\nlog_level = \"debug\"\n", false},
		{"headers in quotes and with blanks", strings.ReplaceAll(directors, "[director", " [ \"director\"") + servers + "\t[ \"daemon\" ] # here\nrealtime = false\n", false},
		{"values by director", directors + servers + "[daemon]\nhttp_listen = { lb1 = \"127.0.0.1:1\", lb2 = \"127.0.0.1:2\" }\n", false},
		{"dotted", "daemon.realtime = false\n" + directors + servers, false},
		{"an inline table", "daemon = { realtime = false, log_format = \"json\" }\n" + directors + servers, false},
		{"no table director", "director = { lb1 = { address = \"192.0.2.1\" }, lb2 = { address = \"192.0.2.2\" } }\n" + servers, false},
		{"more than ASCII", directors + "# größer\n" + servers + "[daemon]\nrealtime = false\n", true},
		{"a list that looks like a header", directors + servers + "notify = [\n\"daemon\",\n]\n[virtual_server.x]\naddress = \"172.16.0.1:81\"\nnotify = [\n[\"daemon\"]\n]\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "failover.toml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			want, wrong := Load(path)
			got, err := Glance(path)
			if c.whole && (fmt.Sprint(err) != fmt.Sprint(wrong) || !reflect.DeepEqual(got, want)) {
				t.Fatalf("%v, want all that Load says: %v", err, wrong)
			}
			if !c.whole && (err != nil || wrong != nil) {
				t.Fatalf("%v, Load %v", err, wrong)
			}
			if !reflect.DeepEqual(got.Daemon, want.Daemon) || !reflect.DeepEqual(got.Directors, want.Directors) {
				t.Errorf("%+v\n%+v\nwant\n%+v\n%+v", got.Daemon, got.Directors, want.Daemon, want.Directors)
			}
			if !c.whole && len(got.VirtualServers) > 0 {
				t.Error("the whole file was read")
			}
		})
	}
}

// TestGlanceFindsErrors: those of a small file, those of the tables that it looks at,
// and a file that is not there.
func TestGlanceFindsErrors(t *testing.T) {
	text := string(large(400))
	for name, c := range map[string]struct {
		text string
		want string // of the error; empty: there is none
	}{
		"small":                {"[director.lb1]\naddress = \"192.0.2.1\"\n[virtual_router.x]\nvrid = 300\n", "vrid"},
		"in daemon":            {text + "[daemon]\nrealtime = 1\n", "daemon.realtime"},
		"syntax of a director": {strings.Replace(text, "[director.lb1]", "[director.lb1", 1), "expected"},
		"elsewhere":            {strings.Replace(text, "vrid = 1\n", "vrid = 300\n", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "failover.toml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Glance(path)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if _, err := Glance(filepath.Join(t.TempDir(), "none.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// BenchmarkGlance looks at 1 000 virtual servers of ten real servers.
func BenchmarkGlance(b *testing.B) {
	path := filepath.Join(b.TempDir(), "failover.toml")
	if err := os.WriteFile(path, large(1000), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Glance(path); err != nil {
			b.Fatal(err)
		}
	}
}
