//go:build linux

package ipvs

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// hanging is a Kernel whose handles are empty; what a test passes to call may
// hang on release.
func hanging(t *testing.T) (k *Kernel, opened *int, release chan struct{}) {
	opened, release = new(int), make(chan struct{})
	open := func() (*handle, error) { *opened++; return &handle{}, nil }
	first, _ := open()
	k = newKernel(slog.New(slog.DiscardHandler), first, open)
	t.Cleanup(func() { k.Close() })
	return k, opened, release
}

func hang(ctx context.Context, k *Kernel, release chan struct{}) error {
	_, err := call(ctx, k, func(*handle) (int, error) { <-release; return 0, nil })
	return err
}

func quick(ctx context.Context, k *Kernel) error {
	_, err := call(ctx, k, func(*handle) (int, error) { return 0, nil })
	return err
}

func TestHangingCallEndsByItsDeadlineAndIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, opened, release := hanging(t)
		defer close(release)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := hang(ctx, k, release); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("hanging call: %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
		if err := quick(t.Context(), k); err != nil {
			t.Errorf("the next call: %v", err)
		}
		if *opened != 2 {
			t.Errorf("%d handles opened, want 2", *opened)
		}
	})
}

// TestLateAnswerKeepsTheHandle: a caller that gives up is no reason to throw the
// sockets away.
func TestLateAnswerKeepsTheHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, opened, release := hanging(t)
		time.AfterFunc(time.Second+grace/2, func() { close(release) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := hang(ctx, k, release); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("hanging call: %v", err)
		}
		if err := quick(t.Context(), k); err != nil || *opened != 1 {
			t.Errorf("next call %v, %d handles opened", err, *opened)
		}
	})
}

func TestKernelThatAlwaysHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, opened, release := hanging(t)
		for range 2 * mostStuck {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if hang(ctx, k, release) == nil {
				t.Error("a hanging call succeeded")
			}
			cancel()
			time.Sleep(time.Second)
		}
		if *opened != mostStuck {
			t.Errorf("%d handles opened, want %d", *opened, mostStuck)
		}
		close(release)
		synctest.Wait()
		if err := quick(t.Context(), k); err != nil {
			t.Errorf("once it answers again: %v", err)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _, release := hanging(t)
		defer close(release)
		answer := make(chan error)
		go func() { answer <- hang(t.Context(), k, release) }()
		synctest.Wait()
		k.Close()
		if err := <-answer; !errors.Is(err, errClosed) {
			t.Errorf("the call under way: %v", err)
		}
		if err := quick(t.Context(), k); !errors.Is(err, errClosed) {
			t.Errorf("a later call: %v", err)
		}
		k.Close()
	})
}
