package lvs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Config is what a [Reconciler] works with.
type Config struct {
	Kernel Kernel
	Store  OwnedStore
	Log    *slog.Logger
	// Resync is how soon a foreign change is to be put back; the kernel's table is
	// looked at twice as often. Default 1s.
	Resync time.Duration
	// OnResult is called after every pass, from Run's goroutine. It must not block.
	OnResult func(Result)
	// OpTimeout is the deadline of one operation. Default 2s.
	OpTimeout time.Duration
}

// Result is what one pass came to.
type Result struct {
	// Generation is that of the newest [Reconciler.Set] the pass has taken in.
	Generation uint64
	// Converged: the kernel's table is the wanted one.
	Converged bool
	// Table and Digest are what the kernel has, read after the operations; where
	// Err says that it could not be read, what was read last.
	Table  Table
	Digest string
	// Done are the operations carried out, in order.
	Done []Op
	// Repairs counts those of Done that put a foreign change back.
	Repairs int
	// Errors are the operations that failed; what depends on one (the servers of a
	// service that could not be added) was left out. They are tried again.
	Errors []OpError
	// Err is what stopped the pass as a whole: the table could not be read, or the
	// owned set not saved.
	Err error
}

// OpError is an operation that failed.
type OpError struct {
	Op  Op
	Err error
}

// Reconciler keeps the kernel's table equal to the newest wanted one. It never
// flushes, and leaves the table as it is when it ends.
type Reconciler struct {
	cfg  Config
	wake chan struct{} // of capacity 1: something newer is wanted

	mu         sync.Mutex
	wanted     Table
	generation uint64 // of wanted; 0: nothing was wanted yet
	owned      Owned
	saved      Owned // what of owned is on disk
	loaded     bool  // saved has been read

	// What follows belongs to Run's goroutine.
	left    *Table        // the table as last dumped, after our operations
	digest  string        // of left
	hash    uint64        // of the table when it was left so
	took    looks         // by the looks at the table
	dumped  time.Duration // time the last dump took
	fresh   bool          // the last pass has dumped the table
	retries int           // passes in a row that did not converge
	weights lastWeights
	refused map[string]error // operations that failed in the last pass
}

// New returns a Reconciler that does nothing until [Reconciler.Run].
func New(cfg Config) *Reconciler {
	if cfg.Resync <= 0 {
		cfg.Resync = time.Second
	}
	if cfg.OpTimeout <= 0 {
		cfg.OpTimeout = 2 * time.Second
	}
	if cfg.OnResult == nil {
		cfg.OnResult = func(Result) {}
	}
	return &Reconciler{cfg: cfg, wake: make(chan struct{}, 1)}
}

// Set makes t the wanted table and returns its generation. The newest wins; it
// never blocks and may be called from any goroutine, before Run too. The caller
// does not change t afterwards.
func (r *Reconciler) Set(t Table) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted = t
	r.generation++
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return r.generation
}

// Dump reads the kernel's table, at any time: before the first Set it is what
// there is to adopt.
func (r *Reconciler) Dump(ctx context.Context) (Table, error) {
	return r.cfg.Kernel.Dump(ctx)
}

// Owned returns the set of what is ours.
func (r *Reconciler) Owned(ctx context.Context) (Owned, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loaded {
		return r.owned, nil
	}
	o, err := r.cfg.Store.Load(ctx)
	if err != nil {
		return r.owned, err
	}
	r.saved, r.loaded = o, true
	r.owned = newOwned(append(r.owned.Services, o.Services...), append(r.owned.Roles, o.Roles...))
	return r.owned, nil
}

// Plan returns the operations that Set(want) would lead to, without doing any.
func (r *Reconciler) Plan(ctx context.Context, want Table) ([]Op, error) {
	owned, err := r.Owned(ctx)
	if err != nil {
		return nil, err
	}
	actual, err := r.cfg.Kernel.Dump(ctx)
	if err != nil {
		return nil, err
	}
	return Diff(actual, want, owned), nil
}

// newest returns the wanted table and its generation.
func (r *Reconciler) newest() (Table, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wanted, r.generation
}

const (
	// lookShare bounds the time spent looking at the table: at most one part in
	// this many, 5 % of a core.
	lookShare = 20
	// fullEvery is the time between two dumps that nothing called for: what the look
	// does not show (thresholds, tunnels, scheduler flags, persistence engines) is put
	// back within 10 s.
	fullEvery = 9 * time.Second
	// retryFirst and retryMost are the ends of the back-off after a failure.
	retryFirst = time.Second
	retryMost  = 30 * time.Second
)

// Run reconciles until ctx ends, and then returns nil.
func (r *Reconciler) Run(ctx context.Context) error {
	look := time.NewTimer(r.lookAfter())
	full := time.NewTimer(r.fullAfter())
	retry := time.NewTimer(0)
	retry.Stop()
	waiting := false // for retry
	for {
		var due, again bool
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
			r.retries = 0
			due, again = true, true
		case <-retry.C:
			due, again = true, true
		case <-full.C:
			due = true
		case <-look.C:
			due = r.looksChanged(ctx)
		}
		if _, generation := r.newest(); due && generation > 0 {
			r.fresh = false
			converged := r.pass(ctx, again)
			if r.fresh {
				full.Reset(r.fullAfter())
			}
			switch {
			case converged:
				r.retries = 0
				retry.Stop()
			case again || !waiting:
				retry.Reset(r.retryAfter())
			}
			waiting = !converged
		}
		look.Reset(r.lookAfter())
	}
}

func (r *Reconciler) lookAfter() time.Duration { return max(r.cfg.Resync/2, lookShare*r.took.least()) }

func (r *Reconciler) fullAfter() time.Duration {
	return max(fullEvery, r.cfg.Resync, lookShare*r.dumped)
}

func (r *Reconciler) retryAfter() time.Duration {
	after := retryFirst << min(r.retries, 10)
	r.retries++
	return min(after, retryMost)
}

// looks are how long the last looks at the table took, by the clock. What a look
// costs is the least of them: the others waited for a processor, and a machine that
// is busy with something else must not be slow to put a foreign change back.
type looks struct {
	last [4]time.Duration // 0: there was none
	next int
}

func (l *looks) add(took time.Duration) {
	l.last[l.next] = max(took, 1)
	l.next = (l.next + 1) % len(l.last)
}

func (l *looks) least() time.Duration {
	var least time.Duration
	for _, took := range l.last {
		if took > 0 && (least == 0 || took < least) {
			least = took
		}
	}
	return least
}

// looksChanged takes the cheap look at the table: whether it is another than at
// the last dump. A look that fails is left to the dump to explain.
func (r *Reconciler) looksChanged(ctx context.Context) bool {
	if r.left == nil {
		return false // nothing to compare with: a pass is due by its own timers
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.OpTimeout)
	defer cancel()
	start := time.Now()
	hash, err := r.cfg.Kernel.Changed(ctx)
	r.took.add(time.Since(start))
	return err != nil || hash != r.hash
}
