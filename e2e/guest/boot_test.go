package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"failover/e2e/debian"
)

// TestMain makes the test binary the guest's init too, and keeps real boots to
// the runs that ask for them: FAILOVER_REQUIRE with "lab".
func TestMain(m *testing.M) {
	if os.Getpid() == 1 && os.Args[0] == initPath {
		inside()
	}
	os.Exit(m.Run())
}

// bootWanted tells whether FAILOVER_REQUIRE lists "lab". The rule's home,
// internal/testenv, is not for here: the test binary is the guest's init, and what
// imports net is no static program.
func bootWanted() bool {
	return slices.Contains(strings.Split(os.Getenv("FAILOVER_REQUIRE"), ","), "lab")
}

// inGuest runs a shell line in a guest and returns status, output and error
// output.
func inGuest(t *testing.T, limit time.Duration, line string) (int, string, string, error) {
	t.Helper()
	return inGuestOf(t, options{accel: "tcg", memory: 512, cpus: 1, limit: limit}, line)
}

// inGuestOf does it in a guest of other options.
func inGuestOf(t *testing.T, opt options, line string) (int, string, string, error) {
	t.Helper()
	if !bootWanted() {
		t.Skip("boots a guest: set FAILOVER_REQUIRE=lab")
	}
	cache, err := debian.Cache()
	if err != nil {
		t.Fatal(err)
	}
	k, err := findKernel(t.Context(), cache, "6.1", os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	j, err := newJob([]string{"sh", "-c", line}, k)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), opt.limit, errLimit)
	defer cancel()
	var out, errs bytes.Buffer
	code, err := boot(ctx, opt, k, j, streams{&out, &errs})
	return code, out.String(), errs.String(), err
}

func TestGuestRunsCommand(t *testing.T) {
	results := t.TempDir()
	t.Setenv("FAILOVER_RESULTS", results)
	t.Setenv("LAB_WORD", "word of the environment")
	code, out, errs, err := inGuest(t, time.Minute, `
		echo "$LAB_WORD"; pwd; echo complaint >&2; echo also >/dev/stderr
		modprobe ip_vs && test -e /proc/net/ip_vs && echo has-ip_vs
		echo kept >"$FAILOVER_RESULTS/file"; echo gone >/etc/failover-lab-gone
		exit 7`)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	dir, _ := os.Getwd()
	if want := "word of the environment\n" + dir + "\nhas-ip_vs\n"; out != want {
		t.Errorf("output %q, want %q", out, want)
	}
	if errs != "complaint\nalso\n" {
		t.Errorf("error output %q", errs)
	}
	if code != 7 {
		t.Errorf("status %d, want 7", code)
	}
	if text, err := os.ReadFile(filepath.Join(results, "file")); string(text) != "kept\n" {
		t.Errorf("result %q, %v", text, err)
	}
	if _, err := os.Stat("/etc/failover-lab-gone"); err == nil {
		t.Error("the guest wrote to this machine's /etc")
	}
}

func TestGuestBySignal(t *testing.T) {
	code, _, errs, err := inGuest(t, time.Minute, `kill -9 $$`)
	if err != nil || code != 137 {
		t.Errorf("status %d, %v, want 137\n%s", code, err, errs)
	}
}

func TestGuestTimeLimit(t *testing.T) {
	code, _, _, err := inGuest(t, 8*time.Second, `sleep 1000`)
	if code != exitLimit || !errors.Is(err, errLimit) {
		t.Errorf("status %d, %v, want %d", code, err, exitLimit)
	}
}

// TestKernelThatDoesNotComeUp: a guest whose kernel ends before anything was run in it
// is booted again, twice; where that does not help the last words are told.
func TestKernelThatDoesNotComeUp(t *testing.T) {
	code, out, errs, err := inGuestOf(t,
		options{accel: "tcg", memory: 512, cpus: 1, limit: 2 * time.Minute, append: "rdinit=/nowhere init=/nowhere"}, `echo run`)
	if code != exitGuest || !errors.Is(err, errNoInit) || !strings.Contains(err.Error(), "Kernel panic") {
		t.Errorf("status %d, %v", code, err)
	}
	if n := strings.Count(errs, "guest: booting again\n"); n != boots-1 || out != "" {
		t.Errorf("booted again %d times, want %d; output %q", n, boots-1, out)
	}
}

func TestTwoGuestsAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for _, word := range []string{"one", "two"} {
		all.Go(func() {
			code, out, errs, err := inGuest(t, time.Minute, `echo `+word+` >/tmp/word; cat /tmp/word`)
			if err != nil || code != 0 || out != word+"\n" {
				t.Errorf("guest %s: status %d, %v, output %q %s", word, code, err, out, errs)
			}
		})
	}
	all.Wait()
}

// TestGuestEndsWithItsParent kills the runner's parent and sees the guest go.
func TestGuestEndsWithItsParent(t *testing.T) {
	if !bootWanted() {
		t.Skip("boots a guest: set FAILOVER_REQUIRE=lab")
	}
	bin := filepath.Join(t.TempDir(), "guest")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// The shell stays the parent because a command follows.
	cmd := exec.Command("sh", "-c", bin+` --vm sh -c 'echo up; sleep 1000'; :`)
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := r.Read(make([]byte, 3)); err != nil {
		t.Fatalf("the guest did not speak: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// The pipe ends when the last process that holds it is gone.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buf := make([]byte, 16); ; {
			if _, err := r.Read(buf); err != nil {
				return
			}
		}
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("runner and guest outlive their parent")
	}
}
