package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// features shows under /proc that the kernel has what a module brings, wherever
// it got it from: built in, or loaded outside of our container.
var features = map[string]string{
	"ip_vs":     "net/ip_vs",
	"nf_tables": "net/netfilter",
}

// load loads the modules that the kernel does not have.
func (r *Reconciler) load(ctx context.Context, modules []string, report *Report) error {
	var errs []error
	for _, name := range modules {
		if r.present(name) {
			continue
		}
		if err := r.config.Modprobe(ctx, name); err != nil {
			errs = append(errs, fmt.Errorf("host: load module %s: %w", name, err))
			continue
		}
		report.Modules = append(report.Modules, name)
		r.config.Log.Info("module loaded", "module", name)
	}
	return errors.Join(errs...)
}

func (r *Reconciler) present(name string) bool {
	// The kernel writes every name with underscores.
	directory := strings.ReplaceAll(name, "-", "_")
	if _, err := os.Stat(filepath.Join(r.config.Sys, "module", directory)); err == nil {
		return true
	}
	feature, known := features[directory]
	if !known {
		return false
	}
	_, err := os.Stat(filepath.Join(r.config.Proc, feature))
	return err == nil
}

// modprobe runs modprobe(8): the kernel's own way to find a module and what it
// needs.
func modprobe(ctx context.Context, name string) error {
	program, err := exec.LookPath("modprobe")
	if err != nil {
		program = "/sbin/modprobe" // often not in PATH
	}
	out, err := exec.CommandContext(ctx, program, "--", name).CombinedOutput()
	if text := bytes.TrimSpace(out); err != nil && len(text) > 0 {
		return fmt.Errorf("modprobe: %w: %s", err, bytes.ReplaceAll(text, []byte("\n"), []byte("; ")))
	} else if err != nil {
		return fmt.Errorf("modprobe: %w", err)
	}
	return nil
}
