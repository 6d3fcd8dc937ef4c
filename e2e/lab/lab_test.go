package lab

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failover/internal/testenv"
)

// newLab builds a lab on the running kernel; none of these tests needs IPVS.
func newLab(t *testing.T) *Lab {
	t.Helper()
	testenv.Need(t, "netns", Usable())
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs:\n%s", l.Logs(30))
		}
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// ping tells whether one echo request from the node is answered.
func ping(t *testing.T, n *Node, to string) bool {
	t.Helper()
	_, err := n.Run(t.Context(), "ping", "-c1", "-W1", to)
	return err == nil
}

func TestNetwork(t *testing.T) {
	l := newLab(t)
	reach := []struct {
		from *Node
		to   string
		want bool
	}{
		{l.Client, "172.20.10.5", true},
		{l.Client, "172.20.10.6", true},
		{l.LB1, "192.168.33.92", true},
		{l.LB2, "192.168.33.93", true},
		{l.LB1, "192.168.33.94", true},
		{l.Node("web1"), "192.168.33.93", true},
		{l.Client, "192.168.33.92", false}, // no route past the directors
	}
	for _, r := range reach {
		if got := ping(t, r.from, r.to); got != r.want {
			t.Errorf("%s reaches %s: %v, want %v", r.from.Name, r.to, got, r.want)
		}
	}
}

func TestCutAndIsolate(t *testing.T) {
	l := newLab(t)
	carrier := func() string {
		text, err := l.LB1.ReadFile("/sys/class/net/eth2/carrier")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	steps := []struct {
		name    string
		do      func() error
		carrier string
		outside bool
		inside  bool
	}{
		{"cut outside", func() error { return l.Cut(l.LB1, "outside") }, "0", false, true},
		{"restore", func() error { return l.Restore(l.LB1) }, "1", true, true},
		{"cut all", func() error { return l.Cut(l.LB1) }, "0", false, false},
		{"restore again", func() error { return l.Restore(l.LB1) }, "1", true, true},
		{"isolate", func() error { return l.Isolate(l.LB1) }, "1", false, false},
		{"restore once more", func() error { return l.Restore(l.LB1) }, "1", true, true},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		// The kernel settles carrier and port asynchronously.
		err := Eventually(within(t, 20*time.Second), s.name, func() (bool, error) {
			return carrier() == s.carrier &&
				ping(t, l.LB1, "172.20.10.1") == s.outside && ping(t, l.LB1, "192.168.33.92") == s.inside, nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestDirectorsHaveOwnFiles(t *testing.T) {
	l := newLab(t)
	for _, n := range l.Directors() {
		for _, path := range []string{"/etc/failover/failover.toml", "/run/failover/x", "/var/lib/failover/x"} {
			if err := n.WriteFile(path, []byte(n.Name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range l.Directors() {
		out, err := n.Run(t.Context(), "sh", "-c", "cat /etc/failover/failover.toml /run/failover/x /var/lib/failover/x; uname -n; ls /sys/class/net")
		if want := n.Name + n.Name + n.Name + n.Name + "\neth1\neth2\nlo\n"; err != nil || out != want {
			t.Errorf("%s sees %q (%v), want %q", n.Name, out, err, want)
		}
	}
	if _, err := os.Stat("/etc/failover/failover.toml"); err == nil {
		t.Error("a director's file is on this machine")
	}
}

func TestSysctlIsTheNodes(t *testing.T) {
	l := newLab(t)
	if err := l.LB1.Sysctl("net/ipv4/ip_forward", "1"); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[*Node]string{l.LB1: "1\n", l.LB2: "0\n"} {
		if got, err := n.ReadFile("/proc/sys/net/ipv4/ip_forward"); err != nil || string(got) != want {
			t.Errorf("%s: ip_forward %q, %v, want %q", n.Name, got, err, want)
		}
	}
}

func TestCapture(t *testing.T) {
	l := newLab(t)
	c, err := l.Client.Capture(within(t, 10*time.Second), "eth0", "icmp")
	if err != nil {
		t.Fatal(err)
	}
	if !ping(t, l.LB1, "172.20.10.1") {
		t.Fatal("no answer")
	}
	lines, err := c.Stop(within(t, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 || !strings.Contains(lines[0], "172.20.10.5 > 172.20.10.1: ICMP echo request") {
		t.Errorf("captured %q", lines)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	if err := Usable(); err != nil {
		t.Skip(err) // newLab has already failed where it must not be missing
	}
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.LB1.Start("sleeper", "sh", "-c", "setsid sleep 1000 & exec sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	if err := Eventually(within(t, 5*time.Second), "both run", func() (bool, error) { return len(p.tree.pids()) >= 2, nil }); err != nil {
		t.Error(err)
	}
	pids := p.tree.pids()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for _, pid := range pids {
		if _, err := os.Stat("/proc/" + itoa(pid) + "/exe"); err == nil {
			t.Errorf("process %d still runs", pid)
		}
	}
	if _, err := os.Stat(l.Dir); err == nil {
		t.Errorf("%s is left", l.Dir)
	}
	names, _ := os.ReadDir("/run/netns")
	for _, n := range names {
		if strings.HasPrefix(n.Name(), l.id) {
			t.Errorf("namespace %s is left", n.Name())
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// TestSweepAfterAKill leaves a lab as a killed process would and builds the next.
func TestSweepAfterAKill(t *testing.T) {
	old := newLab(t)
	if _, err := old.LB1.Start("sleeper", "sleep", "1000"); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(old.Dir, "lock")
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(lock, past, past); err != nil {
		t.Fatal(err)
	}
	sweep()
	if _, err := os.Stat(lock); err != nil {
		t.Fatalf("a lab in use was swept: %v", err)
	}
	// The lock goes with its process; here the folder is given a lock of nobody's.
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(lock, past, past); err != nil {
		t.Fatal(err)
	}
	sweep()
	if _, err := os.Stat(old.Dir); err == nil {
		t.Error("the folder is left")
	}
	if names, _ := filepath.Glob("/run/netns/" + old.id + "-*"); len(names) > 0 {
		t.Errorf("left: %v", names)
	}
}
