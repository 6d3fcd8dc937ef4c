package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"failover/internal/ipc"
	"failover/internal/state"
	"failover/vrrp/linux"
)

// DefaultRuntimeDir is where an engine keeps what a killed one leaves behind. It
// is a tmpfs: after a reboot there is nothing to adopt.
const DefaultRuntimeDir = "/run/failover"

// ErrRunning says that another engine has the runtime directory.
var ErrRunning = errors.New("another engine is running")

// RuntimeDir is the directory the service manager made for us (systemd:
// RuntimeDirectory=failover), else the default.
func RuntimeDir() string {
	if dir := os.Getenv("RUNTIME_DIRECTORY"); dir != "" {
		return dir
	}
	return DefaultRuntimeDir
}

// Runtime is the runtime directory of one engine: a lock held while it runs, the
// last configuration, the mapped page of roles, and a mark set by a stop.
type Runtime struct {
	dir  string
	boot string
	lock *os.File
}

// Claim takes the runtime directory for this process; ErrRunning when another
// one has it. The lock goes with the process, however it ends.
func Claim(dir string) (*Runtime, error) {
	r, err := attend(dir)
	if err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "engine.lock"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("runtime directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("runtime directory %s: %w", dir, ErrRunning)
		}
		return nil, fmt.Errorf("runtime directory: lock %s: %w", lock.Name(), err)
	}
	r.lock = lock
	return r, nil
}

// attend looks into the runtime directory of an engine that runs.
func attend(dir string) (*Runtime, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("runtime directory: %w", err)
	}
	boot, err := state.BootID()
	if err != nil {
		return nil, err
	}
	return &Runtime{dir: dir, boot: boot}, nil
}

// inherit takes the directory over from another process, whose lock this is: it
// holds until neither has it open.
func (r *Runtime) inherit(lock *os.File) { r.lock = lock }

// Release gives the directory back.
func (r *Runtime) Release() {
	if r.lock != nil {
		r.lock.Close()
	}
}

// BootID is the boot this directory belongs to.
func (r *Runtime) BootID() string { return r.boot }

// Page opens the mapped page of roles.
func (r *Runtime) Page() (*state.Page, error) {
	return state.OpenPage(filepath.Join(r.dir, "roles"), r.boot)
}

// Stores are the files of what we added.
func (r *Runtime) Stores() linux.Stores {
	return linux.Stores{
		Addresses: &state.Store[[]linux.Held]{Path: filepath.Join(r.dir, "addresses.json"), BootID: r.boot, Volatile: true},
		Ways:      &state.Store[linux.Ways]{Path: filepath.Join(r.dir, "routes.json"), BootID: r.boot, Volatile: true},
		Devices:   &state.Store[[]linux.HeldDevice]{Path: filepath.Join(r.dir, "devices.json"), BootID: r.boot, Volatile: true},
	}
}

// Configuration is the last configuration the engine was given, so that a
// restart goes on before the director has read the file.
func (r *Runtime) Configuration() *state.Store[ipc.Configure] { return configuration(r.dir, r.boot) }

// Stopped is the end of a stop: there is nothing to go on with.
func (r *Runtime) Stopped() error {
	if err := os.Remove(r.Configuration().Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("runtime directory: %w", err)
	}
	return r.ClearStop()
}

func (r *Runtime) stopMark() string { return filepath.Join(r.dir, "stopping") }

// MarkStop records that a stop is under way: if the engine dies in it, nobody
// will adopt the addresses, and `release --if-dead` takes them off.
func (r *Runtime) MarkStop() error { return state.WriteFile(r.stopMark(), nil, 0o600) }

// ClearStop removes the mark.
func (r *Runtime) ClearStop() error {
	if err := os.Remove(r.stopMark()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("runtime directory: %w", err)
	}
	return nil
}

// StopUnderWay tells whether the mark is set.
func (r *Runtime) StopUnderWay() bool {
	_, err := os.Stat(r.stopMark())
	return err == nil
}

// Remembered is the configuration of an engine of this boot that did not end by
// a stop: it was killed, or it runs. The error is of one that cannot be read.
func Remembered(dir string) (c ipc.Configure, ok bool, err error) {
	boot, err := state.BootID()
	if err != nil {
		return c, false, err
	}
	c, origin, err := configuration(dir, boot).Load()
	return c, err == nil && origin == state.ThisBoot, err
}

func configuration(dir, boot string) *state.Store[ipc.Configure] {
	return &state.Store[ipc.Configure]{Path: filepath.Join(dir, "engine.json"), BootID: boot, Volatile: true}
}
