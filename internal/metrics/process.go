package metrics

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Process is one of the two processes.
type Process struct {
	Name          string // engine | director
	CPU           time.Duration
	ResidentBytes uint64
	Threads       int
	OpenFiles     int
	Started       time.Time
}

var processFamilies = []Family{
	{"failover_process_cpu_seconds_total", Counter, []string{"process"},
		"CPU time of the process, engine or director, user and system together",
		eachProcess(func(p *Process, put sample) { put(p.CPU.Seconds(), p.Name) })},
	{"failover_process_resident_memory_bytes", Gauge, []string{"process"},
		"Memory of the process that is in RAM",
		eachProcess(func(p *Process, put sample) { put(float64(p.ResidentBytes), p.Name) })},
	{"failover_process_threads", Gauge, []string{"process"},
		"Threads of the process",
		eachProcess(func(p *Process, put sample) { put(float64(p.Threads), p.Name) })},
	{"failover_process_open_fds", Gauge, []string{"process"},
		"Open file descriptors of the process",
		eachProcess(func(p *Process, put sample) { put(float64(p.OpenFiles), p.Name) })},
	{"failover_process_start_time_seconds", Gauge, []string{"process"},
		"When the process was started, as Unix time",
		eachProcess(func(p *Process, put sample) { put(float64(p.Started.UnixMilli())/1000, p.Name) })},
}

func eachProcess(f func(*Process, sample)) func(*Snapshot, sample) {
	return func(s *Snapshot, put sample) {
		for i := range s.Processes {
			f(&s.Processes[i], put)
		}
	}
}

// tick is how /proc counts CPU time for programs, in every architecture that Go
// has (USER_HZ, proc(5)).
const tick = time.Second / 100

// ReadProcess reads a process of this machine from /proc. Counting the open
// files takes the rights to look at them.
func ReadProcess(name string, pid int) (Process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Process{}, fmt.Errorf("metrics: %s: %w", name, err)
	}
	p, sinceBoot, err := parseStat(stat)
	if err != nil {
		return Process{}, fmt.Errorf("metrics: %s: %s/stat: %w", name, dir, err)
	}
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return Process{}, fmt.Errorf("metrics: %s: %w", name, err)
	}
	booted, err := bootTime()
	if err != nil {
		return Process{}, fmt.Errorf("metrics: %s: %w", name, err)
	}
	p.Name, p.OpenFiles, p.Started = name, len(fds), booted.Add(sinceBoot)
	return p, nil
}

// parseStat reads a line of /proc/PID/stat (proc(5)): the process, and when it
// was started after the boot. The command in parentheses may contain anything,
// so the fields are counted from its end.
func parseStat(line []byte) (Process, time.Duration, error) {
	fields := strings.Fields(string(line[bytes.LastIndexByte(line, ')')+1:]))
	if len(fields) < 22 {
		return Process{}, 0, fmt.Errorf("%d fields", len(fields)+2)
	}
	var n [5]uint64
	// utime, stime, num_threads, starttime, rss are 14, 15, 20, 22, 24, the state
	// after the command being 3.
	for i, field := range []int{14, 15, 20, 22, 24} {
		v, err := strconv.ParseUint(fields[field-3], 10, 64)
		if err != nil {
			return Process{}, 0, fmt.Errorf("field %d: %w", field, err)
		}
		n[i] = v
	}
	return Process{
		CPU:           time.Duration(n[0]+n[1]) * tick,
		Threads:       int(n[2]),
		ResidentBytes: n[4] * uint64(os.Getpagesize()),
	}, time.Duration(n[3]) * tick, nil
}

// bootTime is btime of /proc/stat, in whole seconds.
func bootTime() (time.Time, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, err
	}
	for line := range strings.Lines(string(stat)) {
		if rest, ok := strings.CutPrefix(line, "btime "); ok {
			s, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			return time.Unix(s, 0), err
		}
	}
	return time.Time{}, fmt.Errorf("/proc/stat: no btime")
}
