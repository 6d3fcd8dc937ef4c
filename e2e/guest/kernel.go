package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"failover/e2e/debian"
)

// suites maps a kernel series to the Debian suite that carries it as its
// linux-image-amd64.
var suites = map[string]string{
	"6.1":  "bookworm",
	"6.12": "trixie",
}

// kernel is an unpacked Debian kernel package.
type kernel struct {
	release string // as uname -r says it
	image   string // what qemu starts: the ELF file, or vmlinuz
	modules string // the folder with modules.dep
}

// findKernel returns the cached kernel of a series and fetches it where there
// is none.
func findKernel(ctx context.Context, cache, series string, log io.Writer) (kernel, error) {
	dir := filepath.Join(cache, "kernel-"+series)
	err := debian.Once(dir, func() bool {
		_, err := readKernel(dir)
		return err == nil
	}, func(tmp, tree string) error { return fetchKernel(ctx, tmp, tree, dir, series, log) })
	if err != nil {
		return kernel{}, fmt.Errorf("fetch kernel %s: %w", series, err)
	}
	return readKernel(dir)
}

// readKernel reads what fetchKernel has left.
func readKernel(dir string) (kernel, error) {
	images, err := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return kernel{}, fmt.Errorf("no kernel in %s", dir)
	}
	k := kernel{image: images[0]}
	k.release = strings.TrimPrefix(filepath.Base(k.image), "vmlinuz-")
	k.modules = filepath.Join(dir, "lib", "modules", k.release)
	if _, err := os.Stat(filepath.Join(dir, "boot", "vmlinux")); err == nil {
		k.image = filepath.Join(dir, "boot", "vmlinux")
	}
	_, err = os.Stat(filepath.Join(k.modules, "modules.dep"))
	return k, err
}

// fetchKernel downloads and unpacks a kernel into tree, which will be dir.
func fetchKernel(ctx context.Context, tmp, tree, dir, series string, log io.Writer) error {
	apt, pkg, err := findPackage(ctx, tmp, series)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "guest: first run: fetching %s (about 70 MB) into %s\n", pkg, dir)
	if err := debian.Command(ctx, tmp, "apt-get", append(apt, "-q", "download", pkg)...); err != nil {
		return err
	}
	debs, _ := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if len(debs) != 1 {
		return fmt.Errorf("apt-get download %s left %d packages", pkg, len(debs))
	}
	if err := debian.Command(ctx, tmp, "dpkg", "-x", debs[0], tree); err != nil {
		return err
	}
	// Packages of merged-/usr suites carry usr/lib/modules only.
	if _, err := os.Stat(filepath.Join(tree, "lib")); errors.Is(err, os.ErrNotExist) {
		if err := os.Symlink("usr/lib", filepath.Join(tree, "lib")); err != nil {
			return err
		}
	}
	images, _ := filepath.Glob(filepath.Join(tree, "boot", "vmlinuz-*"))
	if len(images) != 1 {
		return fmt.Errorf("%s has %d kernels", pkg, len(images))
	}
	release := strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
	if err := debian.Command(ctx, tmp, "depmod", "-b", tree, release); err != nil {
		return err
	}
	if err := inflate(images[0], filepath.Join(tree, "boot", "vmlinux")); err != nil {
		fmt.Fprintf(log, "guest: starts will be slower: %v\n", err) // qemu takes a bzImage too
	}
	return nil
}

// findPackage returns the name of the series' kernel package and the options
// apt-get needs to see it: none where the machine's own sources carry it, else
// those of a private set of sources in tmp.
func findPackage(ctx context.Context, tmp, series string) (apt []string, pkg string, err error) {
	if pkg := candidate(ctx, nil, series); pkg != "" {
		return nil, pkg, nil
	}
	suite := suites[series]
	if apt, err = debian.Sources(ctx, tmp, suite); err != nil {
		return nil, "", err
	}
	if pkg := candidate(ctx, apt, series); pkg != "" {
		return apt, pkg, nil
	}
	return nil, "", fmt.Errorf("no linux-image of series %s in suite %s of %s", series, suite, debian.Mirror())
}

// candidate is the package linux-image-amd64 depends on, where it is of the
// series.
func candidate(ctx context.Context, apt []string, series string) string {
	out, err := exec.CommandContext(ctx, "apt-cache", append(apt, "depends", "linux-image-amd64")...).Output()
	if err != nil {
		return ""
	}
	re := regexp.MustCompile(`(?m)^\s*Depends: (linux-image-` + regexp.QuoteMeta(series) + `[.+][0-9a-z.+-]*-amd64)$`)
	m := re.FindSubmatch(out)
	if m == nil {
		return ""
	}
	return string(m[1])
}
