package engine

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"failover/vrrp/linux"
)

// TestRealtime: every thread of the engine has real-time priority and its memory
// is locked; no thread of the director has either, that of a later one included.
func TestRealtime(t *testing.T) {
	p := newPair(t, spec{})
	p.start(p.LB1)
	p.holder(p.LB1)
	if p.said(p.LB1, "no real-time priority") {
		t.Skip("real-time priority is not permitted here")
	}
	engine := p.units[p.LB1].MainPID()
	for range 3 {
		director := p.director(p.LB1)
		scheduled(t, "engine", engine, "SCHED_RR", 40)
		scheduled(t, "director", director, "SCHED_OTHER", 0)
		if memory(t, engine, "VmLck") == 0 {
			t.Error("the engine's memory is not locked")
		}
		if memory(t, director, "VmLck") != 0 {
			t.Error("the director's memory is locked")
		}
		kill(t, director, syscall.SIGKILL)
		p.await(5*time.Second, "another director answers", func() bool {
			now := p.director(p.LB1)
			if now == 0 || now == director {
				return false
			}
			_, err := p.LB1.Run(p.within(5*time.Second), program, "status")
			return err == nil
		})
	}
	figure(t, "engine VmRSS", float64(memory(t, engine, "VmRSS"))/1024, "MB")
	figure(t, "director VmRSS", float64(memory(t, p.director(p.LB1), "VmRSS"))/1024, "MB")
}

// TestNotRealtime: what the configuration does not want is not taken, and a
// restart after a crash remembers that.
func TestNotRealtime(t *testing.T) {
	p := newPair(t, spec{daemon: "realtime = false"})
	p.start(p.LB1)
	p.holder(p.LB1)
	// Its main thread is as the one that it was started by.
	given, err := linux.Policies(os.Getpid())
	if err != nil || len(given) == 0 {
		t.Fatal("how this test is scheduled is not known: ", err)
	}
	for range 2 {
		engine := p.units[p.LB1].MainPID()
		scheduled(t, "engine", engine, given[0].Policy, given[0].Priority)
		if kb := memory(t, engine, "VmLck"); kb > 64 { // the page of roles always is
			t.Errorf("%d kB of the engine's memory are locked", kb)
		}
		p.must(p.units[p.LB1].Kill9(true))
		p.await(10*time.Second, "another engine", func() bool {
			return p.units[p.LB1].MainPID() != engine && p.director(p.LB1) != 0
		})
	}
}

// scheduled compares the policy of every thread of a process.
func scheduled(t *testing.T, what string, pid int, policy string, priority int) {
	t.Helper()
	threads, err := linux.Policies(pid)
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) < 3 {
		t.Errorf("%s has %d threads only", what, len(threads))
	}
	for _, th := range threads {
		if th.Policy != policy || th.Priority != priority {
			t.Errorf("%s: thread %d has %s %d, want %s %d", what, th.Thread, th.Policy, th.Priority, policy, priority)
		}
	}
}

// memory is a figure of /proc/PID/status, in kB.
func memory(t *testing.T, pid int, key string) (kb int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			if _, err := fmt.Sscanf(rest, "%d kB", &kb); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			return kb
		}
	}
	t.Fatalf("no %s in the status of process %d", key, pid)
	return 0
}
