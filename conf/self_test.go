package conf

import (
	"os"
	"strings"
	"testing"
)

// TestDirectorAsRealServer: only where the mark that keeps its packets from going
// round is ours.
func TestDirectorAsRealServer(t *testing.T) {
	pair, err := os.ReadFile("testdata/pair.toml")
	if err != nil {
		t.Fatal(err)
	}
	const own, match = "\n[virtual_server.own]\n", "fwmark = 7\nmatch = [\"tcp 172.20.10.4:81\"]\n"
	for _, c := range []struct{ name, server, want string }{
		{"dr by our mark", match + `real_server = [{ address = "192.168.33.94", forward = "dr" }]`, ""},
		{"tun by our mark", match + `real_server = [{ address = "192.168.33.94", forward = "tun" }]`, ""},
		{"a sorry server", match + "sorry_server = \"192.168.33.91\"\n" + `real_server = [{ address = "192.168.33.92", forward = "dr" }]`, "replies would not come back"},
		{"nat by our mark", match + `real_server = [{ address = "192.168.33.94" }]`, "replies would not come back"},
		{"by a foreign mark", "fwmark = 7\nvirtual_router = \"outside\"\n" + `real_server = [{ address = "192.168.33.94", forward = "dr" }]`, "send the packets on again"},
		{"by address", "address = \"172.20.10.4:81\"\n" + `real_server = [{ address = "192.168.33.94:81", forward = "dr" }]`, "send the packets on again"},
	} {
		// Without sync, which has rules of its own.
		text := strings.Replace(string(pair), "[ipvs.sync]", "", 1) + own + c.server + "\n"
		_, err := Parse("t.toml", []byte(text))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
