package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tree is a process and everything it has started, however it detached itself:
// a cgroup where the machine has cgroup2, else all that inherited a mark in
// their environment.
type tree struct {
	cgroup string   // folder; empty: by mark
	dir    *os.File // the folder, open
	mark   string   // environment entry
}

const markKey = "FAILOVER_LAB_UNIT"

// makeCgroup makes the lab's own part of the machine's cgroup2, if it has one.
func (l *Lab) makeCgroup() error {
	root := cgroup2Root()
	if root == "" {
		return nil
	}
	dir := filepath.Join(root, "failover-lab-"+l.id)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil // read-only in a container: marks serve too
	}
	l.cgroup = dir
	l.onClose(func() error { return removeCgroup(dir) })
	return nil
}

// cgroup2Root is where the unified hierarchy is mounted, "" where it is not.
func cgroup2Root() string {
	text, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 3 && f[2] == "cgroup2" && strings.HasPrefix(f[3], "rw") {
			return f[1]
		}
	}
	return ""
}

// removeCgroup removes an empty cgroup; the kernel needs a moment to see that
// its last process is gone.
func removeCgroup(dir string) error {
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("lab: remove cgroup: %w", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// newTree makes an empty tree of that name.
func (l *Lab) newTree(name string) (*tree, error) {
	t := &tree{mark: markKey + "=" + l.id + "/" + name}
	if l.cgroup == "" {
		return t, nil
	}
	t.cgroup = filepath.Join(l.cgroup, name)
	if err := os.Mkdir(t.cgroup, 0o755); err != nil {
		return nil, fmt.Errorf("lab: cgroup: %w", err)
	}
	dir, err := os.Open(t.cgroup)
	if err != nil {
		return nil, fmt.Errorf("lab: cgroup: %w", err)
	}
	t.dir = dir
	return t, nil
}

// attr puts a process that is about to start into the tree.
func (t *tree) attr(a *syscall.SysProcAttr) {
	if t.dir != nil {
		a.UseCgroupFD, a.CgroupFD = true, int(t.dir.Fd())
	}
}

// pids lists the living processes of the tree.
func (t *tree) pids() []int {
	var pids []int
	if t.cgroup != "" {
		text, _ := os.ReadFile(filepath.Join(t.cgroup, "cgroup.procs"))
		for f := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(f); err == nil {
				pids = append(pids, pid)
			}
		}
		return pids
	}
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(append([]byte{0}, append(env, 0)...), []byte("\x00"+t.mark+"\x00")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// signal sends a signal to every process of the tree.
func (t *tree) signal(sig syscall.Signal) {
	for _, pid := range t.pids() {
		_ = syscall.Kill(pid, sig) // it may be gone by now
	}
}

// kill ends every process of the tree with SIGKILL, in one stroke where the
// kernel offers that (cgroup.kill, Linux 5.14), and returns when none is left.
func (t *tree) kill() error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		if len(t.pids()) == 0 {
			return nil
		}
		if t.cgroup == "" || os.WriteFile(filepath.Join(t.cgroup, "cgroup.kill"), []byte("1"), 0) != nil {
			t.signal(syscall.SIGKILL)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("lab: processes %v survive SIGKILL", t.pids())
		}
		time.Sleep(time.Millisecond)
	}
}

// close kills what is left and removes the tree.
func (t *tree) close() error {
	err := t.kill()
	if t.dir != nil {
		t.dir.Close() // a second close is harmless
		err = errors.Join(err, removeCgroup(t.cgroup))
	}
	return err
}
