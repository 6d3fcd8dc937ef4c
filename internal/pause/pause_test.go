package pause

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := For(t.Context(), time.Hour); err != nil || time.Since(begin) != time.Hour {
			t.Errorf("it did not wait an hour, but %v", time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin = time.Now()
		if err := For(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("it did not end with the context, but after %v", time.Since(begin))
		}
		begin = time.Now()
		if err := For(ctx, 0); err == nil || time.Since(begin) != 0 {
			t.Errorf("after the end: %v after %v", err, time.Since(begin))
		}
	})
}
