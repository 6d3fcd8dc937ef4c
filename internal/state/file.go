package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile replaces the file at path by data, atomically: a reader, or the next
// boot after a power cut, finds the old content or the new one, whole. perm is
// the mode of the new file, whatever the umask.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return replace(path, data, perm, true)
}

// replace writes a temporary file beside path and renames it. durable makes both
// the content and the name survive a power cut, at the price of two waits for
// the disk.
func replace(path string, data []byte, perm fs.FileMode, durable bool) error {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	f, err := os.CreateTemp(dir, "."+base+".*")
	if err != nil {
		return fmt.Errorf("state: write %s: %w", path, err)
	}
	if err := fill(f, data, perm, durable); err != nil {
		return fmt.Errorf("state: write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("state: write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	if !durable {
		return nil
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("state: write %s: %w", path, err)
	}
	return nil
}

// fill writes the temporary file and closes it.
func fill(f *os.File, data []byte, perm fs.FileMode, durable bool) (err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if durable {
		// Without it a power cut soon after the rename may leave an empty file.
		return f.Sync()
	}
	return nil
}

// syncDir makes a rename within dir survive a power cut.
func syncDir(dir string) (err error) {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Sync()
}
