package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// mounting is one file system to mount.
type mounting struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

func mount(m mounting) error {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return fmt.Errorf("mount %s: %w", m.target, err)
	}
	if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", m.kind, m.target, err)
	}
	return nil
}

func mountAll(list []mounting) error {
	for _, m := range list {
		if err := mount(m); err != nil {
			return err
		}
	}
	return nil
}

// deviceLinks are what udev adds to /dev.
var deviceLinks = map[string]string{
	"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
}

// early mounts the kernel's own file systems and inserts the modules that reach
// the root.
func early(j job) error {
	if err := mountAll([]mounting{
		{"proc", "/proc", "proc", 0, ""},
		{"sysfs", "/sys", "sysfs", 0, ""},
		{"devtmpfs", "/dev", "devtmpfs", 0, ""},
	}); err != nil {
		return err
	}
	for name, to := range deviceLinks {
		if err := os.Symlink(to, "/dev/"+name); err != nil {
			return err
		}
	}
	for _, name := range j.Insert {
		data, err := os.ReadFile("/modules/" + name)
		if err != nil {
			return err
		}
		if err := unix.InitModule(data, ""); err != nil && err != unix.EEXIST {
			return fmt.Errorf("insert %s: %w", name, err)
		}
	}
	return nil
}

const share9p = "trans=virtio,version=9p2000.L,msize=512000"

// buildRoot puts the guest's root together under /root: this machine's files,
// read-only, with a scratch layer in memory above them.
func buildRoot(j job) error {
	if err := mountRetry(mounting{"root", "/lower", "9p", unix.MS_RDONLY, share9p + ",cache=loose"}); err != nil {
		return err
	}
	if err := mount(mounting{"scratch", "/scratch", "tmpfs", 0, "size=75%"}); err != nil {
		return err
	}
	if err := overlay("/lower", "/root", "root"); err != nil {
		return err
	}
	if err := mountAll([]mounting{
		{"tmpfs", "/root/tmp", "tmpfs", 0, "mode=1777"},
		{"tmpfs", "/root/run", "tmpfs", 0, "mode=755"},
		{"cgroup2", "/sys/fs/cgroup", "cgroup2", 0, ""},
		{"devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666"},
		{"tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777"},
	}); err != nil {
		return err
	}
	for i, path := range j.Show {
		if err := overlay("/lower"+path, "/root"+path, fmt.Sprintf("show%d", i)); err != nil {
			return err
		}
	}
	// /lib is a link on a merged-/usr machine, relative there, so it stays inside.
	modules := filepath.Join("/root", usrLib(), "modules", j.Release)
	if err := mount(mounting{"/lower" + j.Modules, modules, "", unix.MS_BIND, ""}); err != nil {
		return err
	}
	if j.Results == "" {
		return nil
	}
	return mountRetry(mounting{"results", "/root" + j.Results, "9p", 0, share9p})
}

// mountRetry mounts a share once its device has been found: inserting a driver
// does not wait for that.
func mountRetry(m mounting) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := mount(m)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// overlay mounts a folder of this machine with a scratch layer above it.
func overlay(lower, target, layer string) error {
	upper, work := "/scratch/"+layer+"/upper", "/scratch/"+layer+"/work"
	for _, d := range []string{upper, work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	data := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", escape(lower), upper, work)
	return mount(mounting{"overlay", target, "overlay", 0, data})
}

// escape protects the characters that mean something in overlay's options.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`, ",", `\,`).Replace(path)
}

func usrLib() string {
	if to, err := os.Readlink("/root/lib"); err == nil && !filepath.IsAbs(to) {
		return to
	}
	return "lib"
}

// enterRoot makes /root the root, as switch_root(8) does, and takes up the
// loopback interface.
func enterRoot() error {
	for _, d := range []string{"/proc", "/sys", "/dev"} {
		if err := unix.Mount(d, "/root"+d, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", d, err)
		}
	}
	if err := unix.Chdir("/root"); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("enter the root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("guest")); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	return loopbackUp()
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("loopback up: %w", err)
	}
	return nil
}
