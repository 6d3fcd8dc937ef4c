package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// setSysctls writes what differs. The value of before is on disk before the
// first write of a name, so that no crash can lose it.
func (r *Reconciler) setSysctls(want map[string]string, report *Report) error {
	if len(want) == 0 {
		return nil
	}
	saved, err := r.config.Store.Load()
	if err != nil {
		return fmt.Errorf("host: original sysctls: %w", err)
	}
	var errs []error
	var todo []Change
	record := maps.Clone(saved)
	if record == nil {
		record = Originals{}
	}
	for _, name := range inOrder(want) {
		has, err := r.read(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		original, known := record[name]
		if same(has, want[name]) && (!known || same(original.Ours, want[name])) {
			continue
		}
		if !known {
			original.Before = has
		}
		original.Ours = want[name]
		record[name] = original
		if !same(has, want[name]) {
			todo = append(todo, Change{Name: name, From: has, To: want[name]})
		}
	}
	if !maps.Equal(record, saved) {
		if err := r.config.Store.Save(record); err != nil {
			return errors.Join(append(errs, fmt.Errorf("host: original sysctls: %w", err))...)
		}
	}
	return errors.Join(append(errs, r.writeAll(todo, report))...)
}

// Restore gives every sysctl that we changed its value of before, where it still
// holds ours; a value that somebody else has set since is left alone.
func (r *Reconciler) Restore(context.Context) (Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var report Report
	saved, err := r.config.Store.Load()
	if err != nil {
		return report, fmt.Errorf("host: original sysctls: %w", err)
	}
	left := Originals{}
	var errs []error
	for _, name := range inOrder(saved) {
		has, err := r.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its module or interface is gone, and the value with it
		}
		if err == nil && same(has, saved[name].Ours) && !same(has, saved[name].Before) {
			err = r.writeAll([]Change{{Name: name, From: has, To: saved[name].Before}}, &report)
		}
		if err != nil {
			left[name] = saved[name]
			errs = append(errs, err)
		}
	}
	if !maps.Equal(left, saved) {
		if err := r.config.Store.Save(left); err != nil {
			errs = append(errs, fmt.Errorf("host: original sysctls: %w", err))
		}
	}
	return report, errors.Join(errs...)
}

// inOrder lists names as they are to be written: forwarding first, because the
// kernel sets settings of the interfaces anew when that changes.
func inOrder[V any](m map[string]V) []string {
	rank := func(name string) int {
		if strings.HasSuffix(name, "forward") || strings.HasSuffix(name, "forwarding") {
			return 0
		}
		return 1
	}
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}

// writeAll writes, and looks whether the kernel took it.
func (r *Reconciler) writeAll(changes []Change, report *Report) error {
	var errs []error
	for _, c := range changes {
		if err := r.write(c); err != nil {
			errs = append(errs, err)
			continue
		}
		report.Sysctls = append(report.Sysctls, c)
		// Two programs that fight for a value are worth one line.
		if !r.said[c] {
			r.said[c] = true
			r.config.Log.Info("sysctl written", "name", c.Name, "from", c.From, "to", c.To)
		}
	}
	return errors.Join(errs...)
}

func (r *Reconciler) read(name string) (string, error) {
	text, err := os.ReadFile(r.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("host: sysctl %s: the kernel has no such setting, or its module or interface is missing: %w",
			name, fs.ErrNotExist)
	}
	if err != nil {
		return "", fmt.Errorf("host: sysctl %s: %w", name, bare(err))
	}
	return strings.Join(strings.Fields(string(text)), " "), nil
}

func (r *Reconciler) write(c Change) error {
	f, err := os.OpenFile(r.path(c.Name), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return fmt.Errorf("host: sysctl %s: %w", c.Name, bare(err))
	}
	_, err = f.WriteString(c.To + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("host: sysctl %s: write %q: %w", c.Name, c.To, bare(err))
	}
	has, err := r.read(c.Name)
	if err == nil && !same(has, c.To) {
		err = fmt.Errorf("host: sysctl %s: wrote %q, the kernel says %q", c.Name, c.To, has)
	}
	return err
}

// bare takes the path off an error: the name of the sysctl says it already.
func bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// same compares values as the kernel reads them: it writes tabs between numbers.
func same(a, b string) bool { return slices.Equal(strings.Fields(a), strings.Fields(b)) }

// byInterface are the directories that have one directory an interface, whose
// name may have dots of its own.
var byInterface = []string{"net.ipv4.conf.", "net.ipv6.conf.", "net.ipv4.neigh.", "net.ipv6.neigh."}

// path is the file of a sysctl. Dots separate, except within an interface's name.
func (r *Reconciler) path(name string) string {
	root := filepath.Join(r.config.Proc, "sys")
	for _, prefix := range byInterface {
		rest, ok := strings.CutPrefix(name, prefix)
		if dot := strings.LastIndexByte(rest, '.'); ok && dot > 0 {
			return filepath.Join(root, strings.ReplaceAll(prefix, ".", "/"), rest[:dot], rest[dot+1:])
		}
	}
	return filepath.Join(root, strings.ReplaceAll(name, ".", "/"))
}
