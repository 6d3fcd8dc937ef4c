// Command standstill runs a command that holds programs against the clock, and
// measures meanwhile for how long the machine itself stood still, as a virtual one
// does whose processor is given to others. A command that failed while that
// happened is run once more, and it says so; a failure on a machine that had its
// time counts.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	limit := flag.Duration("limit", 100*time.Millisecond, "standing still for longer excuses one failure")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: standstill [-limit D] COMMAND…")
		os.Exit(2)
	}
	still, err := run(flag.Args())
	if err != nil && still > *limit {
		fmt.Printf("standstill: failed while the machine stood still for %v; once more\n", still.Round(time.Millisecond))
		_, err = run(flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "standstill:", err)
		os.Exit(1)
	}
}

// run runs the command and tells for how long the machine stood still at most.
func run(argv []string) (time.Duration, error) {
	var longest atomic.Int64
	done := make(chan struct{})
	defer close(done)
	go watch(done, &longest)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	return time.Duration(longest.Load()), err
}

// watch keeps by how much a thread wakes late that comes before all others. One
// that may not have that priority measures the load instead, and so nothing.
func watch(done <-chan struct{}, longest *atomic.Int64) {
	runtime.LockOSThread()
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 50}
	if unix.SchedSetAttr(0, &attr, 0) != nil {
		return
	}
	const nap = 5 * time.Millisecond
	for {
		select {
		case <-done:
			return
		default:
		}
		begin, ts := time.Now(), unix.NsecToTimespec(int64(nap))
		if unix.Nanosleep(&ts, nil) == nil {
			longest.Store(max(longest.Load(), int64(time.Since(begin)-nap)))
		}
	}
}
