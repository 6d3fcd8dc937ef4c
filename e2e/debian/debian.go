// Package debian fetches packages of any Debian release into a cache folder,
// where they are unpacked and never installed: kernels for e2e/guest, other
// people's routers for e2e/interop. It needs apt-get and dpkg.
package debian

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// keyring signs every release.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Cache is the folder for what is fetched, outside every checkout.
func Cache() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	dir := filepath.Join(base, "failover-lab")
	return dir, os.MkdirAll(dir, 0o755)
}

// Once has a folder filled where it is not whole yet: fill puts everything into
// tree, which is renamed to dir at the end, so that an interrupted fetch leaves
// nothing that looks whole. tmp is for what is not kept. Of several processes
// that want the same folder at once, one fills it.
func Once(dir string, whole func() bool, fill func(tmp, tree string) error) error {
	if whole() {
		return nil
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if whole() {
		return nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	tree := filepath.Join(tmp, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return err
	}
	if err := fill(tmp, tree); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(tree, dir)
}

// Mirror is where packages come from: what FAILOVER_DEBIAN_MIRROR names, else
// Debian's own.
func Mirror() string {
	if m := os.Getenv("FAILOVER_DEBIAN_MIRROR"); m != "" {
		return m
	}
	return "http://deb.debian.org/debian"
}

// Sources reads the lists of a suite into tmp, beside those of this machine, and
// returns the options with which apt-get and apt-cache use them.
func Sources(ctx context.Context, tmp, suite string) ([]string, error) {
	list := filepath.Join(tmp, "sources.list")
	line := fmt.Sprintf("deb [signed-by=%s arch=amd64] %s %s main\n", keyring, Mirror(), suite)
	if err := os.WriteFile(list, []byte(line), 0o644); err != nil {
		return nil, err
	}
	state := filepath.Join(tmp, "apt")
	if err := os.MkdirAll(filepath.Join(state, "lists", "partial"), 0o755); err != nil {
		return nil, err
	}
	options := []string{
		"-o", "Dir::Etc::sourcelist=" + list, "-o", "Dir::Etc::sourceparts=-",
		"-o", "Dir::State::lists=" + filepath.Join(state, "lists"),
		"-o", "Dir::Cache=" + state, "-o", "APT::Sandbox::User=root",
	}
	return options, Command(ctx, tmp, "apt-get", append(options, "-q", "update")...)
}

// Unpack fetches packages of a suite with all that they depend on, as for an
// empty machine, and unpacks them into root. No program of theirs runs.
func Unpack(ctx context.Context, tmp, root, suite string, packages ...string) error {
	options, err := Sources(ctx, tmp, suite)
	if err != nil {
		return err
	}
	archives := filepath.Join(tmp, "archives")
	if err := os.MkdirAll(filepath.Join(archives, "partial"), 0o755); err != nil {
		return err
	}
	options = append(options, "-o", "Dir::State::status=/dev/null", "-o", "Dir::Cache::archives="+archives,
		"-o", "Debug::NoLocking=1", // nothing is installed
		"-qy", "--no-install-recommends", "--download-only", "install")
	// An empty machine has the folders of the first and the shell of the second.
	packages = append([]string{"base-files", "dash"}, packages...)
	if err := Command(ctx, tmp, "apt-get", append(options, packages...)...); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	if err != nil || len(debs) == 0 {
		return fmt.Errorf("apt-get left no packages of %v", packages)
	}
	for _, deb := range debs {
		if err := Command(ctx, tmp, "dpkg", "-x", deb, root); err != nil {
			return err
		}
	}
	return nil
}

// Command runs a tool; the error has what it said.
func Command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}
