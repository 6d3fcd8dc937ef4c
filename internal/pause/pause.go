// Package pause waits for a time, or for the end of whoever waits.
package pause

import (
	"context"
	"time"
)

// For waits for d; it is ctx's error when that ended first.
func For(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil || d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
