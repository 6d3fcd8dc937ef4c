package linux

import (
	"os"
	"regexp"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"failover/internal/testenv"
)

func TestRealtimeIsPerThread(t *testing.T) {
	testenv.NeedRoot(t)
	type result struct {
		tid      int
		policies []ThreadPolicy
		err      error
	}
	done := make(chan result)
	hold := make(chan struct{})
	defer close(hold)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its policy
		r := result{tid: unix.Gettid()}
		if r.err = SetRealtime(10); r.err == nil {
			r.policies, r.err = Policies(os.Getpid())
		}
		if r.err == nil {
			r.err = SetOrdinary()
		}
		done <- r
		<-hold
	}()
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	if len(r.policies) < 2 {
		t.Fatalf("threads: %v, want several", r.policies)
	}
	for _, p := range r.policies {
		if p.Thread == r.tid && p != (ThreadPolicy{r.tid, "SCHED_RR", 10}) {
			t.Errorf("the thread that asked: %+v", p)
		}
	}
	after, err := Policies(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range after {
		if p.Thread == r.tid && p.Policy != "SCHED_OTHER" {
			t.Errorf("the thread that asked, set back: %+v", p)
		}
	}
}

func TestPoliciesOfNoProcess(t *testing.T) {
	if _, err := Policies(1 << 30); err == nil {
		t.Error("a process that is none has threads")
	}
}

func TestLockMemory(t *testing.T) {
	testenv.NeedRoot(t)
	if err := LockMemory(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Munlockall(); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`VmLck:\s+[1-9]`).Match(b) {
		t.Errorf("nothing is locked:\n%s", b)
	}
}
