package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// inside is the life of process 1 in the guest: it builds the root, runs the
// command, reports and powers off. It never returns.
func inside() {
	fmt.Fprintln(os.Stderr, initSays)
	r, err := perform()
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest: init:", err) // the kernel's console
	}
	if r != nil {
		if err := send(portStatus, r); err != nil {
			fmt.Fprintln(os.Stderr, "guest: report:", err)
		}
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // were process 1 to end, the kernel would panic, which ends qemu too
}

// perform returns no report where the guest did not get as far as the command.
func perform() (*report, error) {
	text, err := os.ReadFile(jobPath)
	if err != nil {
		return nil, err
	}
	var j job
	if err := json.Unmarshal(text, &j); err != nil {
		return nil, fmt.Errorf("read the job: %w", err)
	}
	if err := early(j); err != nil {
		return nil, err
	}
	if err := buildRoot(j); err != nil {
		return nil, err
	}
	if err := enterRoot(); err != nil {
		return nil, err
	}
	return execute(j)
}

// execute runs the command with its output on the ports and reaps every orphan
// meanwhile.
func execute(j job) (*report, error) {
	out, err := openPort(portOut)
	if err != nil {
		return nil, err
	}
	errs, err := openPort(portErr)
	if err != nil {
		return nil, err
	}
	// A port can be opened once only, a pipe by anyone who opens /dev/stderr.
	var copies sync.WaitGroup
	files := []*os.File{nil}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	files[0] = null
	for _, port := range []*os.File{out, errs} {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		files = append(files, w)
		copies.Go(func() { _, _ = io.Copy(port, r) })
	}
	rep := &report{Ready: uptime()}
	p, err := os.StartProcess(j.Argv[0], j.Argv, &os.ProcAttr{Dir: j.Dir, Env: j.Env, Files: files})
	if err != nil {
		rep.Exit, rep.Error = 126, fmt.Sprintf("run %s in the guest: %v", j.Argv[0], err)
		return rep, nil
	}
	files[1].Close()
	files[2].Close()
	rep.Exit = reap(p.Pid)
	rep.Took = uptime() - rep.Ready
	// What the command left behind may hold the pipes: wait for the last words only.
	done := make(chan struct{})
	go func() { copies.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
	return rep, nil
}

// reap waits for pid, and for every orphan that ends before it, and returns
// pid's exit status as a shell counts it.
func reap(pid int) int {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return exitGuest
		case got != pid:
		case ws.Signaled():
			return 128 + int(ws.Signal())
		case ws.Exited():
			return ws.ExitStatus()
		}
	}
}

// openPort opens the virtio port of that name. Without udev there are no links
// by name in /dev, but sysfs knows them.
func openPort(name string) (*os.File, error) {
	names, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
	for _, n := range names {
		text, err := os.ReadFile(n)
		if err == nil && string(text) == name+"\n" {
			return os.OpenFile("/dev/"+filepath.Base(filepath.Dir(n)), os.O_WRONLY, 0)
		}
	}
	return nil, fmt.Errorf("no virtio port %s", name)
}

func send(port string, r *report) error {
	f, err := openPort(port)
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewEncoder(f).Encode(r)
}

// uptime is the time since the kernel started.
func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
