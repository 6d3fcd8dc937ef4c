// Package director is the second process: it knows the configuration, asks the
// checks, keeps the IPVS table and the machine's settings, and answers the
// control socket. It tells the engine what to hold and how fit this machine is.
//
// It is one loop around a pure decision: take everything that came in, compute
// policy.Desired once, send out what changed. When its line to the engine ends
// it leaves at once and touches nothing.
package director

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/hook"
	"failover/internal/ipc"
	"failover/internal/policy"
	"failover/internal/sockets"
	"failover/lvs"
	"failover/vrrp"
)

// settle is the least time between two decisions: a storm of verdicts costs ten
// decisions a second, a lone one is acted on at once.
const settle = 100 * time.Millisecond

// alive is how often the engine hears that the director lives.
const alive = time.Second

// Director is a running director.
type Director struct {
	o       Options
	log     *slog.Logger
	started time.Time
	file    conf.File
	ctx     context.Context // of the process; a table may be opened long after the start
	running sync.WaitGroup
	box     *inbox
	pool    *check.Pool
	hooks   *hook.Runner
	// serverHooks are those of the virtual servers.
	serverHooks *hook.Servers
	// overrides are what the operator says of real servers.
	overrides overrides
	// preferences are whom he wants as master.
	preferences preferences
	// maintenance is whether he is at work on this machine.
	maintenance *maintenance
	host        *hostWriter
	engine      *engineQuery
	peers       *peers
	joiner      *joiner
	teller      *teller
	binder      *binder
	listener    listener
	web         Web
	much        chan struct{}      // of capacity 1: something took much memory
	percent     atomic.Int64       // the collector's usual one, while it is lenient; 0: it is not
	pulse       chan struct{}      // the loop puts something in whenever it has nothing else to do
	reload      sync.Mutex         // one reload, plan or restart at a time
	restarted   chan ipc.Restarted // of capacity 1: the engine's word on a restart
	// sockets are those that the director listens on.
	sockets *sockets.Set
	// before is what the director before this one knew of the checks, until they begin.
	before map[check.ID]check.Standing
	behind map[string]policy.Behind // likewise

	shown     atomic.Pointer[shown] // what status reads
	published chan struct{}         // closed when there is something
	served    chan struct{}         // closed when the control socket is served no more

	// The rest belongs to the loop.
	table      *tableKeeper // nil while there is nothing for it
	deployment conf.Deployment
	world      policy.World
	result     lvs.Result
	hostErr    error
	hostSeq    uint64
	fileErr    string        // the file on disk is not what is in force
	sent       policy.Wanted // what was last sent out
	healthSent bool
	readySent  bool
	follows    bool // what the engine was told of it last
	decided    time.Time
	faults     map[string]time.Time // when each group's last fault ended; zero while it lasts
	roles      map[string]role      // of each group, as the engine last said
	sight      sight
	guardGoes  bool // the last step of leaving
	pending    []*apply
	awaited    []*await
	counts     counts
}

// shown is what the loop publishes after each decision.
type shown struct {
	table      *tableKeeper
	deployment conf.Deployment
	world      policy.World
	result     lvs.Result
	hostErr    error
	fileErr    string
	counts     counts
	roles      map[string]vrrp.State
	faults     map[string]time.Time
	sight      sight
}

// Run is the director process. It returns nil when the engine's line ends or
// ctx does. A start that cannot succeed has been told to the engine.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first, err := o.Line.Recv()
	if err != nil || first.Hello == nil {
		return fmt.Errorf("director: no greeting from the engine: %w", errors.Join(err))
	}
	d := &Director{o: o, log: o.Log, ctx: ctx, started: time.Now(), box: newInbox(), pulse: make(chan struct{}), much: make(chan struct{}, 1), faults: map[string]time.Time{}, roles: map[string]role{}, restarted: make(chan ipc.Restarted, 1), published: make(chan struct{}), served: make(chan struct{})}
	d.engine = newEngineQuery(o.Line)
	d.peers, d.joiner = newPeers(d), newJoiner(d)
	d.teller, d.binder = &teller{d: d, until: map[string]time.Time{}}, &binder{d: d}
	defer d.running.Wait()
	defer cancel()

	opened := d.opening(ctx)
	var ready *loaded
	if first.Hello.Wait {
		ready, err = d.await()
	} else {
		d.sockets, err = sockets.Inherit(nil, nil)
	}
	if err == nil {
		err = d.open(ctx, *first.Hello, ready)
	}
	opened()
	if err != nil {
		return errors.Join(err, o.Line.Send(ipc.ToEngine{Refuse: refusal(err)}))
	}
	defer d.pool.Close()
	defer d.closeHooks()
	go d.listen(ctx) // ends with the line, which the process outlives by nothing
	return d.loop(ctx)
}

// opening tells the engine, from now until the function it returns is called, that this
// process lives: with a large file on a slow machine the start takes longer than
// a director may be silent.
func (d *Director) opening(ctx context.Context) (opened func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		beat := time.NewTicker(alive)
		defer beat.Stop()
		for d.o.Line.Send(ipc.ToEngine{Opening: true}) == nil { // else the loop will see that the engine has gone
			select {
			case <-ctx.Done():
				return
			case <-beat.C:
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// listen passes on what the engine says. It ends when the line does: the process
// is about to exit, so nobody waits for it.
func (d *Director) listen(ctx context.Context) {
	for ctx.Err() == nil {
		m, err := d.o.Line.Recv()
		switch {
		case err != nil:
			d.box.gone(err)
			return
		case m.Status != nil:
			d.engine.answer(*m.Status)
		case m.Reload:
			go d.reloadOnSignal(ctx)
		case m.Prepare != "":
			go d.prepare(m.Prepare)
		case m.Leave:
			go d.leave(ctx)
		case m.Bequeath:
			go d.bequeath()
		case m.Restarted != nil:
			d.hearRestarted(*m.Restarted)
		default:
			if m.Transition != nil {
				d.teller.hear(*m.Transition) // the loop may be busy, and there is no time
			}
			d.box.engine(m)
		}
	}
}

// loop takes, decides and sends until the engine has gone.
func (d *Director) loop(ctx context.Context) error {
	beat := time.NewTicker(alive)
	defer beat.Stop()
	d.lookIn(policy.FirstVerdicts)
	d.lookIn(policy.JoinPatience)
	d.lookIn(policy.StartPatience(d.world.Node))
	calm := time.NewTimer(0)
	defer calm.Stop()
	for dirty := true; ; {
		if dirty {
			if wait := settle - time.Since(d.decided); wait > 0 {
				calm.Reset(wait)
			} else {
				dirty = false
				d.decide()
				if d.gone() {
					return nil
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			if d.o.Line.Send(ipc.ToEngine{Alive: true}) != nil {
				return nil
			}
		case <-calm.C:
		case d.pulse <- struct{}{}:
		case <-d.box.wake:
			b := d.box.drain()
			if b.gone != nil {
				d.lastWords(b)
				return nil
			}
			d.take(b)
			dirty = true
			if b.leave || len(b.applies)+len(b.awaits) > 0 || b.result != nil && len(d.awaited) > 0 {
				d.decided = time.Time{} // a command does not wait for the calm
			}
		}
	}
}

// take puts what came in into the world.
func (d *Director) take(b batch) {
	if len(b.verdicts) > 0 {
		d.world.Verdicts = maps.Clone(d.world.Verdicts) // what was published stays as it is
	}
	for id, v := range b.verdicts {
		if old := d.world.Verdicts[id].Status; old != v.Status && v.Status != check.Unknown {
			d.logVerdict(v)
		}
		d.world.Verdicts[id] = v
	}
	if b.result != nil {
		if len(b.result.Done) > manyOperations {
			d.tookMuch()
		}
		d.result, d.world.Kernel = *b.result, b.result.Table
		d.result.Done = nil // counted, and nobody's any more
		d.world.Reconciled = d.world.Reconciled || b.result.Digest != ""
	}
	d.counts.take(b.counts)
	if b.host != nil {
		d.hostErr, d.hostSeq = b.host.err, b.host.seq
		d.world.GuardStands = b.host.report.GuardStands
	}
	for _, m := range b.engine {
		if m.Transition != nil {
			d.note(*m.Transition)
			d.tellHooks(*m.Transition)
			d.hearRole(*m.Transition)
		}
	}
	for _, t := range b.roles {
		d.hearRole(t)
	}
	for _, a := range b.applies {
		d.enter(a)
	}
	d.awaited = append(d.awaited, b.awaits...)
	for _, a := range b.awaits {
		if a.alone {
			d.world.Disputes = policy.Alone(time.Now(), &d.world)
		}
	}
	d.world.Leaving = d.world.Leaving || b.leave
	d.takeSayings(b.said)
	if b.sorry != nil {
		d.world.SorryIdle = b.sorry
	}
}

func (d *Director) logVerdict(v check.Verdict) {
	if t, ok := trackOf(d.world.Node, v.ID); ok {
		logTrack(d.log, t, v)
		return
	}
	level := slog.LevelInfo
	if v.Status == check.Down {
		level = slog.LevelWarn
	}
	d.log.Log(context.Background(), level, "real server is "+string(v.Status),
		"virtual_server", v.ID.VirtualServer, "real_server", v.ID.RealServer, "detail", v.Result.Detail)
}

// lookIn decides anew after a while: a rule that waits has waited long enough.
func (d *Director) lookIn(after time.Duration) { time.AfterFunc(after, d.box.look) }

// decide computes what should be and sends out what is new in it.
func (d *Director) decide() {
	d.decided = time.Now()
	d.world.Overrides = d.overrides.now()
	d.world.Joining = d.joiner.joining(d.peers.linkedTo())
	d.world.Preferred = preferred(d.deployment, d.preferences.words())
	d.world.Maintenance = !d.maintenance.now().IsZero()
	d.world.StepFailed = failedSteps(d.hooks.Status())
	d.world.SinceStart, d.world.SinceFault = time.Since(d.started), d.sinceFaults()
	d.look()
	d.agree()
	want := policy.Desired(d.world)
	d.world.Quorum = want.Quorum
	if !d.guardGoes && (!want.Host.Equal(d.sent.Host) || !d.host.asked()) {
		d.host.set(want.Host)
	}
	if d.table != nil && (!want.Table.Equal(d.sent.Table) || !d.table.asked()) {
		d.table.set(want.Table)
	}
	d.sent.Table, d.sent.Host = want.Table, want.Host
	d.tellServers()
	d.sendPending()
	d.answerAwaited()
	d.sendFollows()
	d.sendHealth(want.Health)
	d.publish()
}

// sendHealth tells the engine how fit the groups are. A director that has just
// been started again says nothing until it knows: the engine keeps what its
// predecessor said.
func (d *Director) sendHealth(h map[string]vrrp.Health) {
	if !d.healthSent && !policy.Ready(&d.world) {
		return
	}
	if d.healthSent && reflect.DeepEqual(h, d.sent.Health) {
		return
	}
	if err := d.o.Line.Send(ipc.ToEngine{Health: h}); err != nil {
		d.box.gone(err)
		return
	}
	d.healthSent, d.sent.Health = true, h
}

func (d *Director) publish() {
	s := &shown{table: d.table, deployment: d.deployment, world: d.world, result: d.result, hostErr: d.hostErr, fileErr: d.fileErr, counts: d.counts.clone(), roles: make(map[string]vrrp.State, len(d.roles)), faults: maps.Clone(d.faults), sight: d.sight}
	for group, r := range d.roles {
		s.roles[group] = r.state
	}
	if d.shown.Swap(s) == nil {
		close(d.published)
	}
	if !d.readySent && (d.table == nil || d.world.Reconciled) {
		d.readySent = d.o.Line.Send(ipc.ToEngine{Ready: true}) == nil
	}
}
