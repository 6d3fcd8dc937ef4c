package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
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
	// Proportional is Resident with every page counted once: one that several
	// processes share belongs to each in part (PSS).
	Proportional int64
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
		proportional, err := pss(pid)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return Usage{}, fmt.Errorf("lab: %s: memory of process %d: %w", u.Node.Name, pid, err)
		}
		sum.Proportional += proportional
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

// pss reads /proc/PID/smaps_rollup (proc(5)).
func pss(pid int) (bytes int64, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "Pss:" && words[2] == "kB" {
			kB, err := strconv.ParseInt(words[1], 10, 64)
			return kB << 10, err
		}
	}
	return 0, errors.New("smaps_rollup has no Pss")
}
