package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netns"
)

// own marks the lab's folder as in use for as long as this process lives: the
// kernel drops the lock with its last breath.
func (l *Lab) own() error {
	f, err := os.OpenFile(filepath.Join(l.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return fmt.Errorf("lab: lock %s: %w", f.Name(), err)
	}
	l.onClose(f.Close)
	return nil
}

// sweep removes what labs left behind whose process was killed, or ended by a
// test's time limit, before it could close them.
func sweep() {
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), "lab-??????-*", "lock"))
	for _, path := range locks {
		if abandoned(path) {
			remove(filepath.Dir(path))
		}
	}
}

// abandoned tells whether no process holds the lock. One that is very new may
// be about to be taken.
func abandoned(path string) bool {
	st, err := os.Stat(path)
	if err != nil || time.Since(st.ModTime()) < time.Minute {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// remove ends what is left of the lab of that folder; its next life is the next
// sweep's, so errors are not looked at.
func remove(dir string) {
	id := strings.Split(filepath.Base(dir), "-")[1]
	if root := cgroup2Root(); root != "" {
		group := filepath.Join(root, "failover-lab-"+id)
		trees, _ := filepath.Glob(filepath.Join(group, "*", "cgroup.procs"))
		for _, procs := range trees {
			t := tree{cgroup: filepath.Dir(procs)}
			_ = t.kill()
			_ = removeCgroup(t.cgroup)
		}
		_ = removeCgroup(group)
	}
	names, _ := filepath.Glob("/run/netns/" + id + "-*")
	for _, n := range names {
		_ = netns.DeleteNamed(filepath.Base(n))
	}
	_ = os.RemoveAll(dir)
}
