package director

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync"
	"time"

	"failover/internal/api"
	"failover/internal/metrics"
	"failover/internal/web"
)

// Web serves what a director knows over HTTP; *web.Server is one.
type Web interface {
	// Set makes an address the one to listen at; the invalid one is nowhere.
	Set(netip.AddrPort)
	// Problem tells why it is not listened at; nil: it is.
	Problem() error
	// Leave gives the address up for good, once the requests in progress are answered or
	// the context ends.
	Leave(context.Context)
	// Run ends with the context.
	Run(context.Context)
}

// nowhere serves nothing: the Web of a director that was given none.
type nowhere struct{}

func (nowhere) Set(netip.AddrPort)      {}
func (nowhere) Problem() error          { return nil }
func (nowhere) Leave(context.Context)   {}
func (nowhere) Run(ctx context.Context) { <-ctx.Done() }

// watchAge is how old an answer over HTTP may be. Whoever can connect can ask as
// often as they like, and the engine has an election to attend to.
const watchAge = 250 * time.Millisecond

// Watch is a director as its HTTP clients see it: all who ask within a quarter
// of a second share one look. [Director.Status] always takes its own.
type Watch struct {
	d         *Director
	processes func() ([]metrics.Process, error)

	mu    sync.Mutex
	taken time.Time
	facts facts
	err   error
}

var _ web.Director = (*Watch)(nil)

// NewWatch returns the Watch of a director. processes reads what this program's
// processes use.
func NewWatch(d *Director, processes func() ([]metrics.Process, error)) *Watch {
	return &Watch{d: d, processes: processes}
}

// look gathers the facts, or gives those of a moment ago. It is bound to the
// process, not to who asks first: one that hangs up must not spoil the answer of
// the others.
func (w *Watch) look() (facts, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.taken.IsZero() && time.Since(w.taken) < watchAge {
		return w.facts, w.err
	}
	ctx, cancel := context.WithTimeout(w.d.ctx, 2*engineTimeout)
	defer cancel()
	w.facts, w.err = w.d.gather(ctx)
	w.taken = time.Now()
	return w.facts, w.err
}

// Status is what failover status shows.
func (w *Watch) Status(context.Context) (api.Status, error) {
	f, err := w.look()
	if err != nil {
		return api.Status{}, err
	}
	return report(f), nil
}

// Metrics is a snapshot for Prometheus.
func (w *Watch) Metrics(context.Context) (metrics.Snapshot, error) {
	f, err := w.look()
	if err != nil {
		return metrics.Snapshot{}, err
	}
	s := snapshot(f)
	if s.Processes, err = w.processes(); err != nil {
		w.d.log.Debug("read the processes", "error", err)
	}
	return s, nil
}

// Alive returns nil when both processes answer: the director's loop goes round,
// and the engine has told its status.
func (w *Watch) Alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	select {
	case <-w.d.pulse:
	case <-ctx.Done():
		return errors.New("the director process does not answer")
	}
	f, err := w.look()
	switch {
	case err != nil:
		return err
	case f.engine == nil:
		return errors.New("the engine process does not answer")
	}
	return nil
}

// ownProcesses reads both processes of this program: the engine is the one that
// started us.
func ownProcesses() ([]metrics.Process, error) {
	engine, err := metrics.ReadProcess("engine", os.Getppid())
	if err != nil {
		return nil, err
	}
	self, err := metrics.ReadProcess("director", os.Getpid())
	if err != nil {
		return nil, err
	}
	return []metrics.Process{engine, self}, nil
}
