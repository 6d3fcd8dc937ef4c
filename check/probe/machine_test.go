package probe

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/check"
	"failover/internal/testenv"
)

// namespace moves the test into an empty network namespace that ends with it. The
// thread is never unlocked: it ends with the test's goroutine.
func namespace(t *testing.T) {
	t.Helper()
	testenv.NeedRoot(t)
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// object is a spec of a kind that looks at the machine.
func object(kind check.Kind, name string) check.Spec {
	s := patient(spec(kind, netip.AddrPort{}))
	s.Object = name
	return s
}

// The ways of eth0: one end of a cable, whose other end is down or up.
type wiring func(t *testing.T, near, far netlink.Link)

func up(t *testing.T, near, far netlink.Link) {
	must(t, netlink.LinkSetUp(far))
	must(t, netlink.LinkSetUp(near))
}

func down(t *testing.T, _, far netlink.Link) { must(t, netlink.LinkSetUp(far)) }

func unplugged(t *testing.T, near, _ netlink.Link) { must(t, netlink.LinkSetUp(near)) }

func noLink(t *testing.T, near, _ netlink.Link) { must(t, netlink.LinkDel(near)) }

func onLink(wire wiring) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec {
		namespace(t)
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "eth0"
		must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "far0"}))
		near, err := netlink.LinkByName("eth0")
		must(t, err)
		far, err := netlink.LinkByName("far0")
		must(t, err)
		wire(t, near, far)
		return object(check.Interface, "eth0")
	}
}

// launch runs a copy of sleep under another name until the test ends.
func launch(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	from, err := exec.LookPath("sleep")
	must(t, err)
	text, err := os.ReadFile(from)
	must(t, err)
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, text, 0o700))
	cmd := exec.Command(path, "1000")
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	return cmd
}

// onProcess looks for a process of a name that no other test has; more is what
// the name of the one that runs has at its end, and with "-" none runs.
func onProcess(name, more string) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec {
		name := fmt.Sprintf("%s%d", name, os.Getpid()) // within the 15 bytes that count
		if more != "-" {
			launch(t, name+more)
		}
		return object(check.Process, name)
	}
}

func onStopped(t *testing.T) check.Spec {
	name := fmt.Sprintf("stopped%d", os.Getpid())
	cmd := launch(t, name)
	must(t, cmd.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("it did not stop: %v, %v", status, err)
	}
	return object(check.Process, name)
}

func onFile(content string) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec {
		path := filepath.Join(t.TempDir(), "tracked")
		must(t, os.WriteFile(path, []byte(content), 0o600))
		return object(check.File, path)
	}
}

func onNoFile(t *testing.T) check.Spec {
	return object(check.File, filepath.Join(t.TempDir(), "tracked"))
}

func onPipe(t *testing.T) check.Spec {
	path := filepath.Join(t.TempDir(), "tracked")
	must(t, unix.Mkfifo(path, 0o600))
	return object(check.File, path)
}

func TestProcessNames(t *testing.T) {
	name := fmt.Sprintf("long%d.%s", os.Getpid(), strings.Repeat("x", 30))
	cmd := launch(t, name)
	for _, c := range []struct {
		object string
		ok     bool
	}{
		{name, true}, {name[:commLength], true}, {name[:commLength] + "y", true}, {name[:commLength-1], false},
		{cmd.Path, true}, {cmd.Path + "y", false}, {filepath.Dir(cmd.Path), false},
	} {
		if r := ask(t, object(check.Process, c.object)); r.OK != c.ok {
			t.Errorf("%s: %v %q", c.object, r.OK, r.Detail)
		}
	}
	must(t, os.Remove(cmd.Path)) // as an upgrade does
	if r := ask(t, object(check.Process, cmd.Path)); !r.OK {
		t.Errorf("with its file gone: %s", r.Detail)
	}
	must(t, cmd.Process.Kill())
	if r := zombie(t, cmd); r.OK || !strings.HasPrefix(r.Detail, "no process") {
		t.Errorf("a zombie: %v %q", r.OK, r.Detail)
	}
}

// zombie waits until a killed process has ended, without reaping it, and asks.
func zombie(t *testing.T, cmd *exec.Cmd) check.Result {
	t.Helper()
	must(t, unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
	return ask(t, object(check.Process, filepath.Base(cmd.Path)))
}

func TestParseStat(t *testing.T) {
	for stat, want := range map[string]struct {
		comm  string
		state byte
	}{
		"7 (sshd) S 1 7":           {"sshd", 'S'},
		"7 (a) S (b) Z 1":          {"a) S (b", 'Z'},
		"7 (()) R":                 {"()", 'R'},
		"7 () D 1":                 {"", 'D'},
		"":                         {"", 0},
		"7 (sshd)":                 {"", 0},
		"7 )sshd( S":               {"", 0},
		"7 (two words) T 1 (more)": {"two words) T 1 (more", 0},
	} {
		if comm, state := parseStat([]byte(stat)); state != want.state || want.state != 0 && comm != want.comm {
			t.Errorf("%q: %q %q", stat, comm, state)
		}
	}
}

func TestFileNumbers(t *testing.T) {
	for content, ok := range map[string]bool{
		"": true, "\n": true, "1": true, " 7 \n0": true, "0": false, " 0\n1\n": false, "-3\n": false, "up 0": true,
		"99999999999999999999": true, "-99999999999999999999": false, "0x0": true, "00": false,
	} {
		if r := ask(t, onFile(content)(t)); r.OK != ok {
			t.Errorf("%q: %v %q", content, r.OK, r.Detail)
		}
	}
	if r := ask(t, object(check.File, "/dev/zero")); r.OK || r.Detail != "/dev/zero is not a regular file" {
		t.Errorf("a device: %v %q", r.OK, r.Detail)
	}
}

func TestAnotherNameOfAnInterface(t *testing.T) {
	s := onLink(up)(t)
	l, err := netlink.LinkByName(s.Object)
	must(t, err)
	must(t, netlink.LinkAddAltName(l, "uplink"))
	if r := ask(t, object(check.Interface, "uplink")); r.OK {
		t.Errorf("an alternative name: %q", r.Detail)
	}
}
