package conf

import (
	"strings"
	"testing"
	"time"
)

// TestFollowHealth: the short and the long form, and the warning where nobody could be
// followed.
func TestFollowHealth(t *testing.T) {
	const head = "[director.lb1]\naddress = \"192.168.33.91\"\n%1[director.lb2]\naddress = \"192.168.33.94\"\n%2[virtual_router.r]\ninterface = \"eth1\"\nvrid = 52\naddresses = [\"192.168.33.90/24\"]\ngroup = \"nat\"\nfollow_health = %3\n"
	one, two := "public_key = \""+strings.Repeat("A", 43)+"=\"\n", "public_key = \"B"+strings.Repeat("A", 42)+"=\"\n"
	for _, c := range []struct {
		value, one, two string
		hold            time.Duration
		warnings        int
	}{
		{"true", one, two, 10 * time.Second, 0},
		{"{}", one, two, 10 * time.Second, 0},
		{`{ hold = "30s" }`, one, two, 30 * time.Second, 0},
		{"false", one, two, 0, 0},
		{"false", "", "", 0, 0},
		{"true", "", "", 10 * time.Second, 1},
		{"true", one, "", 10 * time.Second, 2}, // the link stays off is another one
	} {
		d := parse(t, strings.NewReplacer("%1", c.one, "%2", c.two, "%3", c.value).Replace(head))
		n, err := d.Node("lb1")
		if err != nil {
			t.Fatal(err)
		}
		if got := n.Follow["nat"]; got != c.hold || len(d.Warnings) != c.warnings {
			t.Errorf("%s: hold %v, want %v; warnings %v", c.value, got, c.hold, d.Warnings)
		}
	}
}
