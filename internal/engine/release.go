package engine

import (
	"context"
	"errors"
	"log/slog"

	"failover/internal/state"
	"failover/vrrp/linux"
)

// ErrNotStopping says that no stop was under way: after a crash the next engine
// adopts the addresses, or their lease ends.
var ErrNotStopping = errors.New("no stop was under way")

// ReleaseAddresses takes off every address that is ours. It refuses with
// [ErrRunning] while an engine runs; with onlyStopped also with
// [ErrNotStopping] unless a stop was cut short.
func ReleaseAddresses(ctx context.Context, dir string, onlyStopped bool, log *slog.Logger) (int, error) {
	rt, err := Claim(dir)
	if err != nil {
		return 0, err
	}
	defer rt.Release()
	if onlyStopped && !rt.StopUnderWay() {
		return 0, ErrNotStopping
	}
	owned := &state.Store[[]linux.Held]{Path: rt.OwnedPath(), BootID: rt.BootID(), Volatile: true}
	h, err := linux.NewHost(log, owned)
	if err != nil {
		return 0, err
	}
	n, err := h.Purge(ctx)
	if err == nil {
		err = rt.ClearStop()
	}
	return n, errors.Join(err, h.Close())
}
