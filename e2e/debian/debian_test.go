package debian

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestOnceFillsOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "thing")
	whole := func() bool {
		_, err := os.Stat(filepath.Join(dir, "file"))
		return err == nil
	}
	broken := errors.New("the network is down")
	err := Once(dir, whole, func(_, tree string) error {
		return errors.Join(os.WriteFile(filepath.Join(tree, "file"), nil, 0o600), broken)
	})
	if !errors.Is(err, broken) || whole() {
		t.Errorf("a fetch that failed: %v, whole %v", err, whole())
	}
	var filled atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := Once(dir, whole, func(_, tree string) error {
				filled.Add(1)
				return os.WriteFile(filepath.Join(tree, "file"), nil, 0o600)
			})
			if err != nil || !whole() {
				t.Errorf("%v, whole %v", err, whole())
			}
		})
	}
	all.Wait()
	if n := filled.Load(); n != 1 {
		t.Errorf("filled %d times", n)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "fetch-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
