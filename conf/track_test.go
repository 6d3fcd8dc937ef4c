package conf

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"failover/check"
	"failover/vrrp"
)

const tracked = `
[director.lb1]
address = "192.168.33.91"
priority = 150
[director.lb2]
address = "192.168.33.94"
[virtual_router.outside]
interface = "eth2"
vrid = 51
addresses = ["172.20.10.4/28"]
group = "nat"
track_interfaces = ["eth5", "eth6"]
[[virtual_router.outside.track]]
kind = "exec"
argv = ["/bin/ok", "-v"]
weight = 30
[[virtual_router.outside.track]]
kind = "interface"
interface = { lb1 = "eth1", lb2 = "ens4" }
weight = -20
[virtual_router.inside]
interface = "eth1"
vrid = 52
addresses = ["192.168.33.90/24"]
group = "nat"
[[virtual_router.inside.track]]
kind = "address"
address = { lb1 = "192.168.33.94", lb2 = "192.168.33.91" }
interval = "500ms"
fall = 4
[[virtual_router.inside.track]]
kind = "virtual_server"
virtual_server = "web"
weight = 100
[virtual_server.web]
address = "172.20.10.4:80"
forward = "nat"
real_server = [{ address = "192.168.33.92:80" }]
`

func TestTracksResolve(t *testing.T) {
	d := parse(t, tracked)
	var got []string
	for _, track := range node(t, d, "lb2").Tracks {
		s := track.Spec
		line := fmt.Sprintf("%s/%s %s %s weight %d", track.Group, track.Router, track.Kind, track.Name, track.Weight)
		if track.Kind != QuorumTrack {
			line += fmt.Sprintf(": every %s within %s, rise %d fall %d, object %q", s.Interval, s.Timeout, s.Rise, s.Fall, s.Object)
		}
		if s.Target.IsValid() {
			line += " target " + s.Target.Addr().String()
		}
		if s.Exec != nil {
			line += fmt.Sprintf(" exec %v as %s for %s", s.Exec.Argv, s.Exec.User, s.Exec.Name)
		}
		got = append(got, line)
	}
	want := []string{
		`nat/outside interface eth5 weight 0: every 1s within 1s, rise 1 fall 1, object "eth5"`,
		`nat/outside interface eth6 weight 0: every 1s within 1s, rise 1 fall 1, object "eth6"`,
		`nat/outside exec /bin/ok -v weight 30: every 1s within 1s, rise 1 fall 2, object "" exec [/bin/ok -v] as failover-script for outside`,
		`nat/outside interface ens4 weight -20: every 1s within 1s, rise 1 fall 1, object "ens4"`,
		`nat/inside address 192.168.33.91 weight 0: every 500ms within 500ms, rise 1 fall 4, object "" target 192.168.33.91`,
		`nat/inside virtual_server web weight 100`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := node(t, d, "lb1").Tracks[3].Spec; got.Kind != check.Interface || got.Object != "eth1" || got.Timeout != time.Second {
		t.Errorf("lb1 tracks %+v", got)
	}
}

// TestFullPriorities: every positive weight of the group counts, and the others'
// priorities are needed only where health decides.
func TestFullPriorities(t *testing.T) {
	g := node(t, parse(t, tracked), "lb1").Groups[0]
	if g.Priority != 150 || g.Full != 254 || g.Routers[0].Fellows != nil {
		t.Errorf("priority %d, full %d, fellows %v", g.Priority, g.Full, g.Routers[0].Fellows)
	}
	d := parse(t, strings.ReplaceAll(tracked, `group = "nat"`, "group = \"nat\"\npreempt = { lb1 = false }"))
	g = node(t, d, "lb1").Groups[0]
	source := node(t, d, "lb2").Groups[0].Routers[1].Source
	want := []vrrp.Fellow{{Source: source, Full: 230}}
	if diff := cmp.Diff(want, g.Routers[1].Fellows, compareAddresses); diff != "" || !source.IsValid() {
		t.Errorf("fellows of inside (-want +got):\n%s", diff)
	}
	if f := g.Routers[0].Fellows; f != nil { // the file does not tell a source
		t.Errorf("fellows of outside: %v", f)
	}
	for _, f := range node(t, d, "lb2").Groups[0].Routers[1].Fellows {
		if f.Full != 0 {
			t.Errorf("fellows on lb2, which preempts by priority: %v", f)
		}
	}
	d = parse(t, "[director.lb1]\naddress = \"192.168.33.91\"\n[virtual_router.r]\ninterface = \"eth1\"\nvrid = 1\naddresses = [\"192.168.33.90/24\"]\ntrack_interfaces = [\"eth2\"]\n")
	if g := node(t, d, "lb1").Groups[0]; g.Full != 0 {
		t.Errorf("without a bonus full is %d", g.Full)
	}
}

func TestDiffOfTracks(t *testing.T) {
	edited := strings.NewReplacer(`track_interfaces = ["eth5", "eth6"]`, `track_interfaces = ["eth5"]`, "weight = 30", "weight = 40",
		"fall = 4", "fall = 3").Replace(tracked)
	var got []string
	for _, c := range Diff(node(t, parse(t, tracked), "lb1"), node(t, parse(t, edited), "lb1")) {
		got = append(got, c.String())
	}
	want := []string{
		"- virtual_router.outside.track.interface eth6: weight 0",
		"~ virtual_router.outside.track.exec /bin/ok -v.weight: 30 → 40",
		"~ virtual_router.inside.track.address 192.168.33.94.check: address every 500ms within 500ms, rise 1, fall 4 → address every 500ms within 500ms, rise 1, fall 3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
