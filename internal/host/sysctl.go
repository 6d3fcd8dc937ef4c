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

// setSysctls writes what differs, and gives what is not wanted any more its value
// of before. That is on disk before the first write of a name, so that no crash can
// lose it.
func (r *Reconciler) setSysctls(want map[string]string, report *Report) error {
	if want == nil {
		return nil
	}
	saved, err := r.config.Store.Load()
	if err != nil {
		return fmt.Errorf("host: original sysctls: %w", err)
	}
	if len(want)+len(saved) == 0 {
		return nil
	}
	want, err = r.withRouterAdverts(want, saved)
	errs := []error{err}
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
	errs = append(errs, r.writeAll(todo, report))
	unwanted := maps.Clone(record)
	maps.DeleteFunc(unwanted, func(name string, _ Original) bool {
		_, wanted := want[name]
		return wanted || lasting(name)
	})
	return errors.Join(append(errs, r.restore(record, unwanted, report))...)
}

// assume compares what somebody else sees to.
func (r *Reconciler) assume(want map[string]string) error {
	var errs []error
	for _, name := range inOrder(want) {
		has, err := r.read(name)
		if err == nil && !same(has, want[name]) {
			err = fmt.Errorf("host: sysctl %s: is %s and has to be %s, which manage_sysctl = false leaves to you", name, has, want[name])
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
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
	return report, r.restore(saved, saved, &report)
}

// restore restores some of what is on record, and takes them off it.
func (r *Reconciler) restore(record, some Originals, report *Report) error {
	left := maps.Clone(record)
	var errs []error
	for _, name := range inOrder(some) {
		has, err := r.read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // its module or interface is gone, and the value with it
			err = nil
		case err == nil && same(has, some[name].Ours) && !same(has, some[name].Before):
			err = r.writeAll([]Change{{Name: name, From: has, To: some[name].Before}}, report)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		delete(left, name)
	}
	if !maps.Equal(left, record) {
		if err := r.config.Store.Save(left); err != nil {
			errs = append(errs, fmt.Errorf("host: original sysctls: %w", err))
		}
	}
	return errors.Join(errs...)
}

// lasting tells the sysctls that only Restore gives back: a machine that forwards
// may have come to do it for others, and what keeps its default route while it
// does.
func lasting(name string) bool { return forwards(name) || strings.HasSuffix(name, ".accept_ra") }

func forwards(name string) bool {
	return strings.HasSuffix(name, ".ip_forward") || strings.HasSuffix(name, ".forwarding")
}

// inOrder lists names as they are to be written: first what keeps a default route
// (net/ipv6/route.c, rt6_purge_dflt_routers), then forwarding, because the kernel
// sets settings of the interfaces anew when that changes, of all machine before
// those of one interface.
func inOrder[V any](m map[string]V) []string {
	rank := func(name string) int {
		switch {
		case strings.HasSuffix(name, ".accept_ra"):
			return 0
		case strings.HasSuffix(name, ".ip_forward"), strings.HasSuffix(name, ".all.forwarding"):
			return 1
		case forwards(name):
			return 2
		}
		return 3
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
