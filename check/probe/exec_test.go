package probe

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"failover/check"
	"failover/internal/testenv"
)

func script(text string) check.Spec {
	s := patient(spec(check.Exec, netip.MustParseAddrPort("[2001:db8::7]:8080")))
	s.Exec = &check.ExecSpec{Argv: []string{"/bin/sh", "-c", text}}
	return s
}

func TestExecResults(t *testing.T) {
	tests := []struct {
		name, script string
		ok           bool
		detail       string
	}{
		{"quiet", "exit 0", true, "exit status 0"},
		{"the last line", "echo one; echo two; echo", true, "two"},
		{"failed", "exit 3", false, "exit status 3"},
		{"failed with a reason", "echo disk full >&2; exit 1", false, "exit status 1: disk full"},
		{"killed", "kill -SEGV $$", false, "killed by SIGSEGV"},
		{"no input", "cat; echo end", true, "end"},
		{"in the root directory", "pwd", true, "/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if r := ask(t, script(test.script)); r.OK != test.ok || r.Detail != test.detail {
				t.Errorf("got %v %q, want %v %q", r.OK, r.Detail, test.ok, test.detail)
			}
		})
	}
	s := script("")
	s.Exec.Argv = []string{"/nowhere/program"}
	if r := ask(t, s); r.OK || r.Detail != "start /nowhere/program: no such file or directory" {
		t.Errorf("got %v %q", r.OK, r.Detail)
	}
	s.Exec.Argv = nil
	if r := ask(t, s); r.OK || r.Detail != "no program to run" {
		t.Errorf("got %v %q", r.OK, r.Detail)
	}
}

func TestExecEnvironment(t *testing.T) {
	t.Setenv("SECRET", "of the daemon")
	file := filepath.Join(t.TempDir(), "env")
	s := script("env > " + file)
	s.Timeout = 2500 * time.Millisecond
	s.Exec.Name = "web1"
	if r := ask(t, s); !r.OK {
		t.Fatal(r.Detail)
	}
	got := environment(t, file)
	for name, want := range map[string]string{
		"CHECK_ADDRESS": "2001:db8::7", "CHECK_PORT": "8080", "CHECK_NAME": "web1", "CHECK_TIMEOUT": "2.5",
		"LANG": "C", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SECRET": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	s.Exec.Name = ""
	if r := ask(t, s); !r.OK {
		t.Fatal(r.Detail)
	}
	if name := environment(t, file)["CHECK_NAME"]; name != "[2001:db8::7]:8080" {
		t.Errorf("CHECK_NAME is %q without a name", name)
	}
}

func environment(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		vars[name] = value
	}
	return vars
}

// What a program started ends with it: at the deadline and after a good end.
func TestExecLeavesNoProcess(t *testing.T) {
	for _, end := range []string{"sleep 1000", "exit 0"} {
		t.Run(end, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pids")
			s := script(fmt.Sprintf("sleep 1000 & echo $$ $! > %s; %s", file, end))
			if end != "exit 0" {
				s.Timeout = time.Second
			}
			ask(t, s)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			pids := strings.Fields(string(text))
			if len(pids) != 2 {
				t.Fatalf("the script wrote %q", text)
			}
			if _, err := os.Stat("/proc/" + pids[0]); err == nil {
				t.Errorf("the program %s is still there", pids[0])
			}
			// The orphan's end is the kernel's to carry out and init's to reap.
			for deadline := time.Now().Add(10 * time.Second); alive(t, pids[1]); {
				if time.Now().After(deadline) {
					t.Fatalf("its child %s is still running", pids[1])
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// alive tells whether a process runs: a zombie does not.
func alive(t *testing.T, pid string) bool {
	t.Helper()
	if _, err := strconv.Atoi(pid); err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestExecRunsAsAUser(t *testing.T) {
	testenv.NeedRoot(t) // to become another user
	s := script("echo $(id -un) $(id -G)")
	s.Exec.User = "nobody"
	if r := ask(t, s); !r.OK || r.Detail != "nobody 65534" {
		t.Errorf("got %v %q", r.OK, r.Detail)
	}
	s.Exec.User = "root"
	if r := ask(t, s); !r.OK || !strings.HasPrefix(r.Detail, "root ") {
		t.Errorf("got %v %q", r.OK, r.Detail)
	}
	s.Exec.User = "no-such-user"
	if r := ask(t, s); r.OK || r.Detail != "user no-such-user: user: unknown user no-such-user" {
		t.Errorf("got %v %q", r.OK, r.Detail)
	}
}
