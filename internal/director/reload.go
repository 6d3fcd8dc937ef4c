package director

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/policy"
)

// applyTimeout is how long a reload waits for table and settings before it goes
// on and says what is still open.
const applyTimeout = 10 * time.Second

// apply is one new configuration on its way into force: first table and
// settings, then the engine, so that no address goes up before what stands
// behind it.
type apply struct {
	deployment conf.Deployment
	node       conf.Node
	table      *tableKeeper
	done       chan []string // what could not be carried out

	hostSeq  uint64
	tableGen uint64
	entered  bool
}

// Reload reads the file again and brings the difference about. On any error
// everything stays as it was. It returns when the difference is in force.
func (d *Director) Reload(ctx context.Context) (api.Reload, error) {
	d.reload.Lock()
	defer d.reload.Unlock()
	return d.reloadFile(ctx, "")
}

// reloadFile is Reload with the lock held; with a digest it takes the file only if
// that is still its own.
func (d *Director) reloadFile(ctx context.Context, digest string) (api.Reload, error) {
	deployment, node, err := d.load()
	if err == nil && digest != "" && node.Digest != digest {
		err = errors.New("the file has changed since it was checked")
	}
	if err != nil {
		d.box.refused()
		return api.Reload{}, d.refused(err)
	}
	return d.bring(ctx, deployment, node)
}

// bring brings the difference to a configuration about, with the lock held.
func (d *Director) bring(ctx context.Context, deployment conf.Deployment, node conf.Node) (api.Reload, error) {
	before := d.shown.Load()
	r := api.Reload{File: d.o.File, ConfigDigest: node.Digest, Changes: []api.Change{}, Problems: []string{}}
	if before == nil {
		return api.Reload{}, errors.New("the director is still starting")
	}
	a := &apply{deployment: deployment, node: node, table: before.table, done: make(chan []string, 1)}
	if a.table == nil {
		var err error
		if a.table, err = d.openTable(d.ctx, node); err != nil {
			d.box.refused()
			return api.Reload{}, d.refused(err)
		}
	}
	d.box.apply(a)
	for _, c := range conf.Diff(before.world.Node, node) { // which nobody has to wait for
		r.Changes = append(r.Changes, changed(c))
	}
	r.Changes = append(r.Changes, dropsOverrides(before.world.Overrides, node)...)
	select {
	case problems := <-a.done:
		r.Problems = append(r.Problems, problems...)
	case <-time.After(applyTimeout):
		r.Problems = append(r.Problems, fmt.Sprintf("not everything is in force after %s: see failover status", applyTimeout))
	case <-ctx.Done():
		return api.Reload{}, ctx.Err()
	}
	d.forget(node)
	r.Problems = append(r.Problems, needsRestart(before.world.Node, node)...)
	d.remember(deployment, node)
	d.log.Info("configuration reloaded", "file", d.o.File, "changes", len(r.Changes), "problems", len(r.Problems))
	return r, nil
}

// reloadOnSignal is Reload for SIGHUP, where nobody reads an answer but the log.
func (d *Director) reloadOnSignal(ctx context.Context) {
	r, err := d.Reload(ctx)
	if err != nil {
		d.log.Error("reload refused, the old configuration stays", "error", describe(err))
		return
	}
	for _, c := range r.Changes {
		d.log.Info("reload", "change", c.Op+" "+c.Object+" "+c.Detail)
	}
	for _, p := range r.Problems {
		d.log.Warn("reload", "problem", p)
	}
}

// refused words an error of a file or a kernel for the user.
func (d *Director) refused(err error) *api.Error {
	told := &api.Error{Message: "reload refused, the old configuration stays", Invalid: true}
	var file conf.Errors
	if errors.As(err, &file) {
		for _, e := range file {
			told.Details = append(told.Details, e.Error())
		}
		told.Hint = "mend the file; failover validate checks it"
		return told
	}
	told.Message += ": " + err.Error()
	if user := (*noUserError)(nil); errors.As(err, &user) {
		told.Hint = noUserHint
	}
	return told
}

func describe(err error) string {
	var told *api.Error
	if errors.As(err, &told) && len(told.Details) > 0 {
		return told.Message + ": " + strings.Join(told.Details, "; ")
	}
	return err.Error()
}

// fileTrouble is the problem that status shows while the file on disk is not
// what is in force.
func fileTrouble(err error) string {
	var file conf.Errors
	if errors.As(err, &file) && len(file) > 0 {
		first := file[0]
		first.Excerpt = ""
		return fmt.Sprintf("the file is not usable, the configuration of before is in force: %s", first.Error())
	}
	return fmt.Sprintf("the file is not usable, the configuration of before is in force: %v", err)
}

// needsRestart names the changed keys that a running daemon cannot take over.
func needsRestart(old, now conf.Node) []string {
	var ps []string
	changed := func(key string, differs bool) {
		if differs {
			ps = append(ps, key+" changed: it takes effect when the daemon is started again")
		}
	}
	changed("daemon.socket", old.Daemon.Socket != now.Daemon.Socket)
	changed("daemon.state_dir", old.Daemon.StateDir != now.Daemon.StateDir)
	changed("daemon.realtime", old.Daemon.Realtime != now.Daemon.Realtime)
	changed("daemon.log_format", old.Daemon.LogFormat != now.Daemon.LogFormat)
	changed("ipvs.resync", old.IPVS.Resync != now.IPVS.Resync)
	return ps
}

// enter puts a new configuration into the world; loop only.
func (d *Director) enter(a *apply) {
	old := d.world.Node
	d.deployment, d.world.Node, d.table = a.deployment, a.node, a.table
	d.fileErr = ""
	d.pool.Set(work(a.node, nil))
	d.hooks.Set(plans(a.node))
	d.serverHooks.Set(serverPlans(a.node))
	forgetVerdicts(&d.world)
	d.world.Others = nil // what they said was of the configuration of before
	d.listener.forget()
	d.counts.reloaded(time.Now())
	d.web.Set(a.node.Daemon.HTTPListen.For(a.node.Name))
	d.peers.set(a.node)
	setLevel(d.o.LogLevel, a.node.Daemon.LogLevel)
	if old.Name != a.node.Name {
		d.log.Warn("this director has another name now", "old", old.Name, "new", a.node.Name)
	}
	d.pending = append(d.pending, a)
}

// forgetVerdicts drops the verdicts of servers that are not checked any more.
func forgetVerdicts(w *policy.World) {
	wanted := work(w.Node, nil)
	w.Verdicts = maps.Clone(w.Verdicts) // what was published stays as it is
	for id := range w.Verdicts {
		if _, ok := wanted[id]; !ok {
			delete(w.Verdicts, id)
		}
	}
}

// sendPending gives the engine its part of a configuration once table and
// settings are in place; loop only.
func (d *Director) sendPending() {
	rest := d.pending[:0]
	for _, a := range d.pending {
		if !a.entered { // the decision just made is the one that contains it
			a.entered, a.hostSeq = true, d.host.current()
			if d.table != nil {
				a.tableGen = d.table.current()
			}
		}
		if d.hostSeq < a.hostSeq || d.table != nil && d.result.Generation < a.tableGen {
			rest = append(rest, a)
			continue
		}
		if err := d.o.Line.Send(configure(a.node)); err != nil {
			d.box.gone(err)
		}
		a.done <- d.openProblems()
	}
	d.pending = rest
}

// await is a command that waits for the table to have what it asked for.
type await struct {
	done     chan []string // what could not be carried out
	alone    bool          // it asks for a table by the checks of this director alone
	tableGen uint64
	entered  bool
}

// answerAwaited answers the commands whose wish the table has been brought to, or
// whose failure is known; loop only. What they see is published first.
func (d *Director) answerAwaited() {
	rest := d.awaited[:0]
	for _, a := range d.awaited {
		if !a.entered { // the decision just made is the one that contains it
			a.entered = true
			if d.table != nil {
				a.tableGen = d.table.current()
			}
		}
		if d.table != nil && d.result.Generation < a.tableGen {
			rest = append(rest, a)
			continue
		}
		d.publish()
		a.done <- d.tableProblems()
	}
	d.awaited = rest
}

func (d *Director) openProblems() []string {
	var ps []string
	if d.hostErr != nil {
		ps = append(ps, d.hostErr.Error())
	}
	if err := d.web.Problem(); err != nil {
		ps = append(ps, err.Error())
	}
	return append(ps, d.tableProblems()...)
}

// tableProblems is what the kernel refused of the table.
func (d *Director) tableProblems() []string {
	var ps []string
	for _, e := range d.result.Errors {
		ps = append(ps, fmt.Sprintf("%s: %v", e.Op, e.Err))
	}
	if d.result.Err != nil {
		ps = append(ps, d.result.Err.Error())
	}
	return ps
}
