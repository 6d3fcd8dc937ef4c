package linux

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// SetRealtime puts the calling thread, and every thread and process that it
// starts, under SCHED_RR with the given priority (1–99, 99 the highest). It is
// for a locked thread just before exec: a Go program cannot give it to the
// threads that its runtime has started already. It needs CAP_SYS_NICE or
// RLIMIT_RTPRIO.
func SetRealtime(priority int) error {
	err := unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: uint32(priority),
	}, 0)
	if err != nil {
		return fmt.Errorf("vrrp: set real-time priority %d: %w", priority, err)
	}
	return nil
}

// SetOrdinary puts the calling thread, and what it starts, back under
// SCHED_OTHER.
func SetOrdinary() error {
	err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
	if err != nil {
		return fmt.Errorf("vrrp: set ordinary priority: %w", err)
	}
	return nil
}

// LockMemory keeps what the process has mapped so far in memory once it has been
// touched. (Locking what it will map too would lock the whole arena that the Go
// runtime reserves.) It needs CAP_IPC_LOCK or RLIMIT_MEMLOCK.
func LockMemory() error {
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_ONFAULT); err != nil {
		return fmt.Errorf("vrrp: lock memory: %w", err)
	}
	return nil
}

// ThreadPolicy is how one thread is scheduled.
type ThreadPolicy struct {
	Thread   int
	Policy   string // as sched(7) names it: "SCHED_OTHER", "SCHED_RR", …
	Priority int    // real-time only
}

// policies are the names of the scheduling policies.
var policies = map[uint32]string{
	unix.SCHED_NORMAL: "SCHED_OTHER", unix.SCHED_FIFO: "SCHED_FIFO", unix.SCHED_RR: "SCHED_RR",
	unix.SCHED_BATCH: "SCHED_BATCH", unix.SCHED_IDLE: "SCHED_IDLE", unix.SCHED_DEADLINE: "SCHED_DEADLINE",
}

// Policies returns how every thread of a process is scheduled. Threads that end
// meanwhile are left out.
func Policies(pid int) ([]ThreadPolicy, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "task")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("vrrp: list the threads of process %d: %w", pid, err)
	}
	var out []ThreadPolicy
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		a, err := unix.SchedGetAttr(tid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("vrrp: read how thread %d is scheduled: %w", tid, err)
		}
		out = append(out, ThreadPolicy{Thread: tid, Policy: policies[a.Policy], Priority: int(a.Priority)})
	}
	return out, nil
}
