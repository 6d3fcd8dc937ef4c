package engine

import (
	"context"
	"errors"
	"log/slog"

	"failover/vrrp/linux"
)

// ErrNotStopping says that no stop was under way: after a crash the next engine
// adopts the addresses, or their lease ends.
var ErrNotStopping = errors.New("no stop was under way")

// Release takes off every address, route and rule that is ours. It refuses with
// [ErrRunning] while an engine runs; with onlyStopped also with
// [ErrNotStopping] unless a stop was cut short.
func Release(ctx context.Context, dir string, onlyStopped bool, log *slog.Logger) (linux.Purged, error) {
	var none linux.Purged
	rt, err := Claim(dir)
	if err != nil {
		return none, err
	}
	defer rt.Release()
	if onlyStopped && !rt.StopUnderWay() {
		return none, ErrNotStopping
	}
	h, err := linux.NewHost(log, rt.Stores())
	if err != nil {
		return none, err
	}
	n, err := h.Purge(ctx)
	if err == nil {
		err = rt.ClearStop()
	}
	return n, errors.Join(err, h.Close())
}
