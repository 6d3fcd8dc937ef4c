package director

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"failover/internal/api"
)

// engineTimeout is how long status waits for the engine's part.
const engineTimeout = 2 * time.Second

// Status is the pair as this director sees it.
func (d *Director) Status(ctx context.Context) (api.Status, error) {
	f, err := d.gather(ctx)
	if err != nil {
		return api.Status{}, err
	}
	f.link.others = d.peers.ask(ctx, f.link.views)
	return report(f), nil
}

// gather takes the facts of one moment, asking the engine and the kernel for
// theirs.
func (d *Director) gather(ctx context.Context) (facts, error) {
	select { // who asks a director that has just been started waits for its first look
	case <-d.published:
	case <-ctx.Done():
		return facts{}, errors.New("the director is still starting")
	}
	s := d.shown.Load()
	f := facts{
		version: d.o.Version, started: d.started, deployment: s.deployment, world: s.world,
		result: s.result, kernel: serversOf(s.result.Table), hostErr: s.hostErr, webErr: d.web.Problem(), fileErr: s.fileErr, counts: s.counts,
		hooks: d.hooks.Status(), serverHooks: d.serverHooks.Status(),
	}
	f.maintenance = d.maintenance.now()
	f.link = d.peers.look()
	f.link.words = digestOf(d.words())
	asking, cancel := context.WithTimeout(ctx, engineTimeout)
	f.engine = d.engine.ask(asking)
	cancel()
	if s.table != nil {
		stats, err := s.table.counters(ctx)
		if err != nil {
			d.log.Debug("read the table's counters", "error", err)
		}
		f.stats = stats
	}
	f.now = time.Now()
	return f, nil
}

// setLevel follows daemon.log_level; the configuration has checked the word.
func setLevel(v *slog.LevelVar, word string) {
	var l slog.Level
	if v != nil && l.UnmarshalText([]byte(word)) == nil {
		v.Set(l)
	}
}
