package conf

import (
	"bytes"
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pairWith is the pair's file with replacements, old and new in turn.
func pairWith(t testing.TB, pairs ...string) Deployment {
	t.Helper()
	data, err := os.ReadFile(pairFile)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(data), pairs[i]) {
			t.Fatalf("the pair has no %q", pairs[i])
		}
	}
	return parse(t, strings.NewReplacer(pairs...).Replace(string(data)))
}

func TestDiff(t *testing.T) {
	web2 := `  { name = "web2", address = "192.168.33.93:80" },` + "\n"
	for name, c := range map[string]struct {
		edit []string
		want string
	}{
		"nothing":               {nil, ""},
		"a default written out": {[]string{`vrid = 51`, "vrid = 51\nadvert_interval = \"1s\"\npriority = { lb1 = 150, lb2 = 100 } # as above"}, ""},
		"weight": {[]string{`33.93:80" }`, `33.93:80", weight = 3 }`},
			"~ virtual_server.web.real_server.web2.weight: 1 → 3"},
		"server goes, another comes": {[]string{web2, `  { name = "web3", address = "192.168.33.95:80" },` + "\n"},
			"- virtual_server.web.real_server.web2: 192.168.33.93:80, nat, weight 1\n" +
				"+ virtual_server.web.real_server.web3: 192.168.33.95:80, nat, weight 1"},
		"order of servers": {[]string{web2, "", "real_server = [\n", "real_server = [\n" + web2},
			"~ virtual_server.web.real_server.order: web1, web2 → web2, web1"},
		"check": {[]string{`fall = 3`, `fall = 2, status = ["200", "301-302"], headers = { B = "2", A = "1" }`},
			`~ virtual_server.web.real_server.web1.check: http every 1s within 1s, rise 2, fall 3, GET /, status 200-299 → http every 1s within 1s, rise 2, fall 2, GET /, header A: "1", header B: "2", status 200, status 301-302` + "\n" +
				`~ virtual_server.web.real_server.web2.check: http every 1s within 1s, rise 2, fall 3, GET /, status 200-299 → http every 1s within 1s, rise 2, fall 2, GET /, header A: "1", header B: "2", status 200, status 301-302`},
		"priority of this director": {[]string{"priority = 150", "priority = 90"}, "~ group.nat.priority: 150 → 90"},
		"priority of the other":     {[]string{"priority = 100", "priority = 90"}, ""},
		"address":                   {[]string{`"172.20.10.4/28"`, `"172.20.10.4/28", "172.20.10.7/28"`}, "~ virtual_router.outside.addresses: 172.20.10.4/28 → 172.20.10.4/28, 172.20.10.7/28"},
		"group split": {[]string{"vrid = 52", "vrid = 52", `addresses = ["192.168.33.90/24"]` + "\ngroup = \"nat\"", `addresses = ["192.168.33.90/24"]` + "\ngroup = \"in\"", `forward = "nat"`, `forward = "tun"`},
			"~ group.nat.routers: outside, inside → outside\n+ group.in: inside, priority 150\n~ virtual_router.inside.group: nat → in\n" +
				"~ virtual_server.web.real_server.web1.forward: nat → tun\n~ virtual_server.web.real_server.web2.forward: nat → tun"},
		"sync off":    {[]string{"[ipvs.sync]", ""}, "- ipvs.sync: id 51, 224.0.0.81 port 8848"},
		"sync turned": {[]string{"[ipvs.sync]", "[ipvs.sync]\nenabled = false"}, "- ipvs.sync: id 51, 224.0.0.81 port 8848"},
		"daemon":      {[]string{"[ipvs.sync]", "[ipvs.sync]\ninterface = \"eth1\"\n[daemon]\nrealtime = false"}, "~ daemon.realtime: true → false\n~ ipvs.sync.interface: (none) → eth1"},
	} {
		t.Run(name, func(t *testing.T) {
			old, new := node(t, load(t, pairFile), "lb1"), node(t, pairWith(t, c.edit...), "lb1")
			var lines []string
			for _, change := range Diff(old, new) {
				lines = append(lines, change.String())
			}
			if diff := cmp.Diff(c.want, strings.Join(lines, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if back := Diff(new, old); len(back) != len(lines) {
				t.Errorf("%d changes there, %d back", len(lines), len(back))
			}
			if same := Diff(new, new); len(same) != 0 {
				t.Errorf("a configuration differs from itself: %v", same)
			}
		})
	}
}

// TestDigestIsOfTheMeaning: layout, comments, order of keys and written-out
// defaults do not change it.
func TestDigestIsOfTheMeaning(t *testing.T) {
	d := load(t, pairFile)
	if got := d.Digest(); !strings.HasPrefix(got, "sha256:") || len(got) != len("sha256:")+64 {
		t.Fatalf("digest %q", got)
	}
	same := pairWith(t, `address = "192.168.33.91"`+"\npriority = 150", "\"priority\"   = 150 # first\naddress = ['192.168.33.91']",
		"[ipvs.sync]", "[daemon]\n # nothing\n[ipvs]\nresync = '1000ms'\nsync.id = 51",
		`interface = "eth2"`, `interface = { lb2 = "eth2", lb1 = "eth2" }`+"\npreempt = { lb1 = true }")
	if same.Digest() != d.Digest() {
		t.Errorf("the digest changed without a change in meaning (-was +is):\n%s", cmp.Diff(d, same, compareAddresses))
	}
	other := pairWith(t, "priority = 100", "priority = 101")
	if other.Digest() == d.Digest() {
		t.Error("a change of the other director's priority does not change the digest")
	}
}

func TestSummary(t *testing.T) {
	want := "2 directors (lb1, lb2), 2 virtual routers in 1 group, 1 virtual server with 2 real servers, connection sync on"
	if got := load(t, pairFile).Summary(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	key := func(b byte) string {
		return "public_key = \"" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) + "\"\npriority"
	}
	linked := pairWith(t, "priority = 150", key(1)+" = 150", "priority = 100", key(2)+" = 100")
	if got := linked.Summary(); got != want+", peer link on" {
		t.Errorf("with keys: %q", got)
	}
}
