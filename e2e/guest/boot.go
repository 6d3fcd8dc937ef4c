package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	errLimit    = errors.New("time limit reached")
	errNoResult = errors.New("the guest ended without a result")
	errNoInit   = errors.New("the kernel ended before it was up")
)

// initSays is process 1's first word, on the kernel's console.
const initSays = "guest: init begins"

// boots is how often a guest is booted whose kernel ends before process 1 begins. An
// emulated kernel does that now and then while it patches its own code; nothing has
// been run by then. (Seen once in hundreds of boots: Linux 6.12, qemu 7.2, tcg.)
const boots = 3

// The virtio ports between the guest and this process. The first serial line is
// the kernel's and goes to a file: it is too slow for output.
const (
	portOut    = "failover.out"
	portErr    = "failover.err"
	portStatus = "failover.status"
)

// report is what the guest says when COMMAND is over.
type report struct {
	Exit  int           // as a shell counts it
	Error string        // why COMMAND could not be run
	Ready time.Duration // from the kernel's start until COMMAND was started
	Took  time.Duration
}

// boot runs a job in a new guest and returns the exit status of its command.
func boot(ctx context.Context, opt options, k kernel, j job, to streams) (int, error) {
	for n := 1; ; n++ {
		code, err := bootOnce(ctx, opt, k, j, to)
		if n == boots || !errors.Is(err, errNoInit) {
			return code, err
		}
		fmt.Fprintf(to.err, "guest: %v\nguest: booting again\n", err)
	}
}

func bootOnce(ctx context.Context, opt options, k kernel, j job, to streams) (int, error) {
	dir, err := os.MkdirTemp("", "failover-guest-")
	if err != nil {
		return exitGuest, err
	}
	defer os.RemoveAll(dir)
	image, err := initramfs(j, k)
	if err != nil {
		return exitGuest, fmt.Errorf("initramfs: %w", err)
	}
	initrd := filepath.Join(dir, "initrd")
	if err := os.WriteFile(initrd, image, 0o600); err != nil {
		return exitGuest, err
	}
	console := filepath.Join(dir, "console")

	var status bytes.Buffer
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", qemuArgs(opt, k, j, initrd, console)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	var complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &complaint, &complaint
	wait, err := connect(cmd, to.out, to.err, &status)
	if err != nil {
		return exitGuest, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		wait()
		return exitGuest, fmt.Errorf("start the guest: %w", err)
	}
	ended := func() error { defer wait(); return cmd.Wait() }()

	var r report
	if err := json.Unmarshal(status.Bytes(), &r); err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errLimit) {
			return exitLimit, fmt.Errorf("%w after %v", cause, opt.limit)
		} else if cause != nil {
			return exitGuest, fmt.Errorf("guest stopped: %w", cause)
		}
		said, _ := os.ReadFile(console)
		why := errors.Join(errNoResult, ended)
		if ended == nil && !bytes.Contains(said, []byte(initSays)) {
			why = errNoInit
		}
		return exitGuest, fmt.Errorf("%w\n%s%s", why, complaint.Bytes(), tail(said, 25))
	}
	if opt.verbose {
		fmt.Fprintf(to.err, "guest: Linux %s, ready after %.1f s, command took %.1f s, all %.1f s\n",
			k.release, r.Ready.Seconds(), r.Took.Seconds(), time.Since(begin).Seconds())
	}
	if r.Error != "" {
		return r.Exit, errors.New(r.Error)
	}
	return r.Exit, nil
}

// connect gives cmd one pipe per port, as descriptors 3, 4, 5, and copies what
// comes out of them. The function it returns waits until all is copied; call it
// after cmd has ended or could not start.
func connect(cmd *exec.Cmd, to ...io.Writer) (wait func(), err error) {
	var copies sync.WaitGroup
	var ends []*os.File
	wait = func() {
		for _, w := range ends {
			w.Close()
		}
		copies.Wait()
	}
	for _, dst := range to {
		r, w, err := os.Pipe()
		if err != nil {
			wait()
			return nil, err
		}
		ends = append(ends, w)
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
		copies.Go(func() {
			defer r.Close()
			_, _ = io.Copy(dst, r) // a reader that went away is no fault of the guest
		})
	}
	return wait, nil
}

// qemuArgs is the machine: no devices but the shares of the file system, the
// ports and the kernel's serial line.
func qemuArgs(opt options, k kernel, j job, initrd, console string) []string {
	accel := opt.accel
	if accel == "tcg" {
		accel = "tcg,thread=multi"
	}
	args := []string{
		"-machine", "q35", "-accel", accel, "-cpu", "max",
		"-smp", strconv.Itoa(opt.cpus), "-m", strconv.Itoa(opt.memory),
		"-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot",
		"-serial", "file:" + console,
		"-kernel", k.image, "-initrd", initrd,
		"-append", strings.TrimSpace("console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on " + opt.append),
		"-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
		"-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
		"-device", "virtio-serial-pci",
	}
	if j.Results != "" {
		args = append(args,
			"-fsdev", "local,id=results,path="+j.Results+",security_model=none",
			"-device", "virtio-9p-pci,fsdev=results,mount_tag=results")
	}
	for i, name := range []string{portOut, portErr, portStatus} {
		id := "p" + strconv.Itoa(i)
		args = append(args,
			"-chardev", fmt.Sprintf("file,id=%s,path=/proc/self/fd/%d", id, 3+i),
			"-device", fmt.Sprintf("virtserialport,chardev=%s,name=%s", id, name))
	}
	return args
}

// tail returns the last lines of the kernel's console.
func tail(console []byte, lines int) []byte {
	parts := bytes.Split(bytes.TrimSpace(console), []byte("\n"))
	return bytes.Join(parts[max(0, len(parts)-lines):], []byte("\n"))
}
