package director

import (
	"sync"

	"failover/check"
	"failover/internal/host"
	"failover/internal/ipc"
	"failover/lvs"
	"failover/vrrp"
)

// batch is what came in since the loop last looked. Of what is whole only the
// newest counts.
type batch struct {
	verdicts map[check.ID]check.Verdict
	result   *lvs.Result
	host     *hostResult
	engine   []ipc.ToDirector
	roles    []vrrp.Transition // how groups stood when they were asked for
	applies  []*apply
	awaits   []*await
	sorry    map[string]bool   // SorryIdle, where it is new
	said     map[string]saying // by another director, where it is new
	leave    bool              // the connections have ended, or had their time
	counts   counts            // of what is new in every result and refusal, not of the newest alone
	gone     error             // the engine's line has ended
}

// hostResult is one attempt to bring the machine's settings about.
type hostResult struct {
	report host.Report
	err    error
	seq    uint64 // of the wish it answers
}

// inbox takes what others have to say; nobody who puts something in ever waits.
type inbox struct {
	mu      sync.Mutex
	pending batch
	wake    chan struct{}
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// put changes the pending batch and wakes the loop.
func (b *inbox) put(change func(*batch)) {
	b.mu.Lock()
	change(&b.pending)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // it has been called already
	}
}

// drain takes everything.
func (b *inbox) drain() batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.pending
	b.pending = batch{}
	return all
}

func (b *inbox) verdicts(vs []check.Verdict) {
	b.put(func(p *batch) {
		if p.verdicts == nil {
			p.verdicts = make(map[check.ID]check.Verdict, len(vs))
		}
		for _, v := range vs {
			p.verdicts[v.ID] = v
		}
	})
}

func (b *inbox) result(r lvs.Result) {
	b.put(func(p *batch) {
		p.result = &r
		p.counts.add(r)
	})
}

// refused notes a reload that changed nothing.
func (b *inbox) refused() { b.put(func(p *batch) { p.counts.reloadRefused() }) }

func (b *inbox) hostResult(r hostResult) { b.put(func(p *batch) { p.host = &r }) }

func (b *inbox) engine(m ipc.ToDirector) {
	b.put(func(p *batch) { p.engine = append(p.engine, m) })
}

func (b *inbox) role(t vrrp.Transition) {
	b.put(func(p *batch) { p.roles = append(p.roles, t) })
}

func (b *inbox) apply(a *apply) { b.put(func(p *batch) { p.applies = append(p.applies, a) }) }

func (b *inbox) await(a *await) { b.put(func(p *batch) { p.awaits = append(p.awaits, a) }) }

func (b *inbox) sorryIdle(idle map[string]bool) { b.put(func(p *batch) { p.sorry = idle }) }

// said takes what another director's checks say.
func (b *inbox) said(director string, s saying) {
	b.put(func(p *batch) {
		if p.said == nil {
			p.said = make(map[string]saying)
		}
		p.said[director] = s
	})
}

func (b *inbox) leave() { b.put(func(p *batch) { p.leave = true }) }

// look wakes the loop: something that it reads elsewhere has changed.
func (b *inbox) look() { b.put(func(*batch) {}) }

func (b *inbox) gone(err error) { b.put(func(p *batch) { p.gone = err }) }
