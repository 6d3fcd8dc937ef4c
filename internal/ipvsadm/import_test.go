package ipvsadm

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"failover/conf"
	"failover/internal/policy"
	"failover/lvs"
	"failover/lvs/lvstest"
)

var directors = []Director{
	{"lb1", netip.MustParseAddr("192.0.2.1")},
	{"lb2", netip.MustParseAddr("192.0.2.2")},
}

// exported is the table of a file in the form of failover export ipvsadm.
func exported(t interface{ Fatal(...any) }, file []byte) string {
	d, err := conf.Parse("failover.toml", file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := d.Node("lb1")
	if err != nil {
		t.Fatal(err)
	}
	return lvs.Format(lvs.Canonical(policy.ConfiguredTable(n)))
}

// TestImportLosesNothing: of a random table every line is in the file's table or
// told, and what is in the file is what it was.
func TestImportLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := lvstest.Tables().Draw(t, "table")
		text := lvs.Format(table)
		r, err := Import(text, directors)
		if err != nil {
			t.Fatal(err)
		}
		gone := map[int]bool{}
		for _, l := range r.Left {
			if l.Reason == "" || gone[l.Line] {
				t.Fatalf("%+v", l)
			}
			gone[l.Line] = true
		}
		var kept []string
		for i, line := range lines(text) {
			if line != "" && !gone[i+1] {
				kept = append(kept, line+"\n")
			}
		}
		if len(kept) == 0 {
			if r.File != nil {
				t.Fatalf("a file of nothing:\n%s", r.File)
			}
			return
		}
		rest, err := lvs.Parse(strings.Join(kept, ""))
		if err != nil {
			t.Fatal(err)
		}
		want := lvs.Format(lvs.Canonical(rest))
		if diff := cmp.Diff(want, exported(t, r.File)); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		again, err := Import(exported(t, r.File), directors)
		if err != nil || len(again.Left) != 0 || exported(t, again.File) != want {
			t.Fatalf("imported again: %v, left %v", err, again.Left)
		}
	})
}

// TestImportTellsWhatIsLeft: each line with its reason.
func TestImportTellsWhatIsLeft(t *testing.T) {
	r, err := Import(`-A -t 172.20.10.4:80 -s rr
-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m
-a -t 172.20.10.4:80 -r 192.168.33.93:8080 -g
-A -t 172.20.10.5:80 -s rr -b flag-3
-a -t 172.20.10.5:80 -r 192.168.33.92:80 -m
-A -f 7 -s wlc
-A -t 172.20.10.6:80 -s rr
-a -t 172.20.10.6:80 -r 172.20.10.4:80 -m
-A -t 172.20.10.7:80 -s rr -p 300 -M 255.0.255.0
-a -t 172.20.10.7:80 -r 192.168.33.92:80 -m
-A -t 172.20.10.8:80 -s rr -p 0
-a -t 172.20.10.8:80 -r 192.168.33.92:80 -m
--set 900 120 300
--start-daemon master
nonsense
`, directors)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range r.Left {
		got = append(got, l.Reason)
	}
	want := []string{
		"port 8080 differs from the virtual server's 80, and forward dr cannot change it",
		`"flag-3" is not one of sh-port, sh-fallback, mh-port, mh-fallback`,
		"its service is not carried",
		"it has no real server",
		"none of its real servers is carried",
		"172.20.10.4 is a virtual address: packets would go round in a circle",
		"255 is outside 1–128",
		"its service is not carried",
		"failover.toml cannot say it: it would be -A -t 172.20.10.8:80 -s rr",
		"its service is not carried",
		"--set adds nothing to a table; timeouts are tcp_timeout, tcpfin_timeout and udp_timeout of [ipvs]",
		"--start-daemon adds nothing to a table; connection synchronisation is [ipvs.sync]",
		`unknown command "nonsense"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Services != 1 || r.Servers != 1 {
		t.Errorf("%d services with %d servers", r.Services, r.Servers)
	}
}

func TestImportRefusesDirectors(t *testing.T) {
	_, err := Import("-A -f 7\n-a -f 7 -r 192.168.33.92", []Director{{"l b", netip.MustParseAddr("192.0.2.1")}})
	if err == nil || !strings.Contains(err.Error(), "the name has a character") {
		t.Errorf("got %v", err)
	}
}

// FuzzImport: whatever the rules, the file is valid and no line is lost.
func FuzzImport(f *testing.F) {
	f.Add("-A -t 1.2.3.4:80 -s \"\\\n-a -t 1.2.3.4:80 -r 1.2.3.5:80 -m")
	f.Add("-A -t [::ffff:1.2.3.4]:80\n-a -t [::ffff:1.2.3.4]:80 -r [::ffff:1.2.3.5]:80\n-A -f 1\n-a -f 1 -r 0.0.0.0")
	f.Add("-A -u 1.2.3.4:0 -p --pe \x01 -o\n-a -u 1.2.3.4:0 -r 1.2.3.5 -i --tun-csum")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Import(text, directors)
		if err != nil {
			t.Fatal(err)
		}
		said := 0
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				said++
			}
		}
		if got := r.Services + r.Servers + len(r.Left); got != said {
			t.Fatalf("%d of %d lines: %+v\n%s", got, said, r.Left, r.File)
		}
		if r.File != nil {
			if n := len(lines(exported(t, r.File))); n != r.Services+r.Servers {
				t.Fatalf("%d lines of %d services and %d servers", n, r.Services, r.Servers)
			}
		}
	})
}
