package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// ticks is USER_HZ, the unit of times in /proc (proc(5)): 100 on every
// architecture that Go runs on under Linux.
const ticks = 100

// Usage is what the processes of a service use.
type Usage struct {
	Processes int
	CPU       time.Duration // so far, of those that are alive
	Resident  int64         // bytes, each process's own and shared pages
}

// Usage sums up the living processes of the service.
func (u *Unit) Usage() (Usage, error) {
	var sum Usage
	for _, pid := range u.PIDs() {
		cpu, resident, err := usage(pid)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it ended
		}
		if err != nil {
			return Usage{}, fmt.Errorf("lab: %s: usage of process %d: %w", u.Node.Name, pid, err)
		}
		sum.Processes++
		sum.CPU += cpu
		sum.Resident += resident
	}
	return sum, nil
}

// usage reads /proc/PID/stat.
func usage(pid int) (cpu time.Duration, resident int64, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, err
	}
	// The name, in brackets, may have anything in it. After it comes field 3.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 22 {
		return 0, 0, fmt.Errorf("%d fields after the name", len(fields))
	}
	var n [3]int64
	for i, field := range []int{14, 15, 24} { // utime, stime, rss in pages
		if n[i], err = strconv.ParseInt(string(fields[field-3]), 10, 64); err != nil {
			return 0, 0, err
		}
	}
	return time.Duration(n[0]+n[1]) * time.Second / ticks, n[2] * int64(os.Getpagesize()), nil
}
