package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"failover/vrrp/linux"
)

// stageEnv carries the [Stage] to the executed binary.
const stageEnv = "FAILOVER_ENGINE_STAGE"

// realtimePriority is the SCHED_RR priority of the engine's threads, 1–99: above
// ordinary processes and below the kernel's own threads (50), which must run for
// a packet to arrive at all.
const realtimePriority = 40

// Stage is what a start has found out and done before the engine proper.
type Stage struct {
	Realtime  bool     // the threads have their policy
	Warnings  []string // why they have not, though it was wanted, and the like
	LogFormat string
}

// CurrentStage reads the stage this process was executed with, and hides it from
// children; false: this is the first stage.
func CurrentStage() (Stage, bool) {
	word, ok := os.LookupEnv(stageEnv)
	_ = os.Unsetenv(stageEnv) // fails for an invalid name only
	var s Stage
	if !ok || json.Unmarshal([]byte(word), &s) != nil {
		return Stage{}, false
	}
	return s, true
}

// Enter executes this binary again as the engine proper. A thread's policy is
// its own and new threads inherit it, so setting it before the exec, when there
// is one thread, gives it to every thread of the Go runtime. It returns only on
// error.
func Enter(s Stage) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this binary: %w", err)
	}
	runtime.LockOSThread()
	if s.Realtime {
		if err := linux.SetRealtime(realtimePriority); err != nil {
			s.Realtime, s.Warnings = false, append(s.Warnings, realtimeWarning(err))
		}
	}
	word, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the stage: %w", err)
	}
	if err := syscall.Exec(exe, os.Args, append(os.Environ(), stageEnv+"="+string(word))); err != nil {
		return fmt.Errorf("execute %s: %w", exe, err)
	}
	return nil
}

func realtimeWarning(err error) string {
	if errors.Is(err, unix.EPERM) {
		return "no real-time priority: not permitted (CAP_SYS_NICE, and a control group with cpu.rt_runtime_us where the kernel has RT groups)"
	}
	return fmt.Sprintf("no real-time priority: %v", err)
}
