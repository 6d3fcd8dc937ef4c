package main

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"failover/check"
	"failover/conf"
	"failover/internal/director"
	"failover/internal/policy"
	"failover/internal/testenv"
	"failover/lvs"
	"failover/lvs/ipvs"
)

// everything has a service of each kind, in the order of ipvsadm -Sn.
const everything = `
[director.lb1]
address = "192.168.33.91"
[daemon]
state_dir = "STATE"
[virtual_server.web]
address = "172.20.10.4:80"
virtual_router = "none"
scheduler = "mh"
real_server = [
  { address = "192.168.33.92:80", weight = 3 },
  { address = "192.168.33.93:8080", max_connections = 100, min_connections = 80 },
]
[virtual_server.dns]
addresses = ["172.20.10.4:53", "[2001:db8::4]:53"]
protocol = ["tcp", "udp", "sctp"]
virtual_router = "none"
scheduler = "sh"
scheduler_flags = ["sh-port", "sh-fallback"]
forward = "tun"
tunnel = { type = "gue", port = 6080, checksum = "remcsum" }
real_server = [
  { address = "192.168.33.92:53" },
  { address = "192.168.33.93:53", tunnel = { type = "gre", checksum = "csum" } },
  { address = "[2001:db8::93]:53", weight = 0, tunnel = {} },
]
[virtual_server.sip]
address = "172.20.10.4:5060"
protocol = "udp"
virtual_router = "none"
persistence = "5m"
persistence_mask = 24
persistence_engine = "sip"
real_server = [{ address = "192.168.33.92:5060", weight = 2147483647 }]
[virtual_server.log]
address = "172.20.10.4:514"
protocol = "udp"
virtual_router = "none"
forward = "dr"
one_packet = true
real_server = [{ address = "192.168.33.92:514" }]
[virtual_server.every-port]
address = "172.20.10.5"
virtual_router = "none"
persistence = "1h"
forward = "dr"
real_server = [{ address = "192.168.33.92" }]
[virtual_server.shop]
fwmark = 7
virtual_router = "none"
forward = "dr"
real_server = [{ address = "192.168.33.92" }]
[virtual_server.shop6]
fwmark = 7
family = "ipv6"
virtual_router = "none"
forward = "dr"
persistence = "5m"
persistence_mask = 64
real_server = [{ address = "2001:db8::92" }]
`

// thresholds are those of the one server that has any.
const thresholds = " -x 100 -y 80"

// TestRulesOfTheKernel: what a director makes of a file, ipvsadm -Sn prints as
// failover export does; ipvsadm -R of that makes the same table; and an import of
// it leaves nothing to plan.
func TestRulesOfTheKernel(t *testing.T) {
	testenv.NeedRoot(t)
	runtime.LockOSThread() // the thread goes with the namespace
	ns, err := netns.New()
	testenv.Need(t, "netns", err)
	t.Cleanup(func() { ns.Close() })
	// Until it is up no address is one of a host.
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
	k, err := ipvs.Open(t.Context(), slog.New(slog.DiscardHandler))
	if errors.Is(err, lvs.ErrNoIPVS) {
		testenv.Need(t, "lab", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })

	dir := t.TempDir()
	file := filepath.Join(dir, "failover.toml")
	write(t, file, strings.ReplaceAll(everything, "STATE", dir))
	settle(t, k, file)
	exported := output(t, exitFine, "export", "ipvsadm", "-c", file)
	// ipvsadm 1.31 saves no thresholds.
	saved := rules(t, "", "-Sn")
	if diff := cmp.Diff(strings.Replace(exported, thresholds, "", 1), saved); diff != "" {
		t.Errorf("ipvsadm -Sn differs from failover export (-export +kernel):\n%s", diff)
	}
	nothing(t, file)

	rules(t, "", "-C")
	rules(t, exported, "-R")
	nothing(t, file)

	text, imported := filepath.Join(dir, "rules"), filepath.Join(dir, "imported.toml")
	write(t, text, exported)
	write(t, imported, output(t, exitFine, "import", "ipvsadm", "--director", "lb1=192.168.33.91", text))
	nothing(t, imported)

	rules(t, "", "-C")
	rules(t, saved, "-R")
	write(t, text, saved)
	write(t, imported, output(t, exitFine, "import", "ipvsadm", "--director", "lb1=192.168.33.91", text))
	nothing(t, imported)

	rules(t, "", "-D", "-f", "7")
	rules(t, "", "-e", "-t", "172.20.10.4:80", "-r", "192.168.33.92:80", "-m", "-w", "5")
	want := "+ ipvs -f 7: not in the table\n+ ipvs -f 7 -r 192.168.33.92:0: not in the table\n"
	got := output(t, exitFailed, "plan", "--against", "kernel", "--node", "lb1", "-c", file)
	if !strings.Contains(got, want) || !strings.Contains(got, "~ ipvs -t 172.20.10.4:80 -r 192.168.33.92:80: weight 3, was 5\n") {
		t.Errorf("plan after a stranger's edits:\n%s", got)
	}
}

// nothing demands that the file and the kernel agree.
func nothing(t *testing.T, file string) {
	t.Helper()
	if got := output(t, exitFine, "plan", "--against", "kernel", "--node", "lb1", "-c", file); got != "nothing would change\n" {
		t.Errorf("plan of %s:\n%s", filepath.Base(file), got)
	}
}

// settle makes kernel and machine what a director with this file makes of them
// once all its servers are up.
func settle(t *testing.T, k *ipvs.Kernel, file string) {
	t.Helper()
	d, err := conf.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := d.Node("lb1")
	if err != nil {
		t.Fatal(err)
	}
	wanted := policy.Desired(policy.World{Node: n, Verdicts: map[check.ID]check.Verdict{}})
	h, err := director.OpenHost(n.Daemon.StateDir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Set(t.Context(), wanted.Host); err != nil {
		t.Fatal(err)
	}
	for _, op := range lvs.Diff(lvs.Table{}, wanted.Table, lvs.Owned{}) {
		if err := k.Do(t.Context(), op); err != nil {
			t.Fatal(err)
		}
	}
}

// output runs one command line that has to end with the code.
func output(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, err strings.Builder
	if got := run(args, &out, &err); got != code {
		t.Fatalf("failover %s: exit code %d\n%s%s", strings.Join(args, " "), got, out.String(), err.String())
	}
	return out.String()
}

// rules runs ipvsadm.
func rules(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("ipvsadm", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ipvsadm %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
