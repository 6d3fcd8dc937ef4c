package director

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/hook"
	"failover/internal/ipc"
	"failover/internal/policy"
	"failover/lvs"
)

// open reads the configuration, unless it was read already, adopts what the machine
// has, and starts the doers. Nothing has been changed when it returns an error.
func (d *Director) open(ctx context.Context, hello ipc.Hello, ready *loaded) error {
	if ready == nil {
		var err error
		if ready, err = d.firstLoad(hello); err != nil {
			return err
		}
	}
	deployment, node := ready.deployment, ready.node
	if err := os.MkdirAll(node.Daemon.StateDir, 0o755); err != nil {
		return fmt.Errorf("daemon.state_dir: %w", err)
	}
	h, err := d.o.Parts.Host(node.Daemon.StateDir)
	if err != nil {
		return err
	}
	d.host = newHostWriter(h, d.box.hostResult)
	d.deployment = deployment
	d.world = policy.World{Node: node, Verdicts: make(map[check.ID]check.Verdict)}
	d.openOverrides(node)
	if err := d.preferences.load(d.o.Parts.Preferences(node.Daemon.StateDir)); err != nil {
		d.log.Error("which director is preferred is not known: none is", "error", err)
	}
	if d.maintenance, err = loadMaintenance(d.o.Parts.Maintenance(node.Daemon.StateDir)); err != nil {
		d.log.Error("whether this director is in maintenance is not known: it is taken for not", "error", err)
	}
	if d.table, err = d.openTable(ctx, node); err != nil {
		return err
	}
	d.hooks = hook.New(hook.Config{
		Run: d.o.Parts.Program, Store: d.o.Parts.Told(node.Daemon.StateDir), Changed: d.box.look, Log: d.log,
	})
	d.hooks.Set(plans(node))
	d.serverHooks = hook.NewServers(hook.ServersConfig{
		Run: d.o.Parts.Program, Store: d.o.Parts.ServerTold(node.Daemon.StateDir), Log: d.log,
	})
	d.serverHooks.Set(serverPlans(node))
	if err := d.o.Line.Send(configure(node)); err != nil {
		d.closeHooks()
		return err
	}
	d.pool = check.NewPool(check.Config{Probe: d.o.Parts.Probe(node), Report: d.box.verdicts, Log: d.log})
	d.pool.Set(d.takeHistory(work(node, d.adoptTable(ctx))))
	if d.fileErr == "" {
		d.counts.reloaded(time.Now())
	} else {
		d.counts.reloadRefused()
	}
	d.web = nowhere{}
	if d.o.Parts.Web != nil {
		d.web = d.o.Parts.Web(d)
	}
	d.web.Set(node.Daemon.HTTPListen.For(node.Name))
	d.peers.set(node)
	d.reload.Lock() // a reload remembers something newer
	d.running.Go(func() {
		defer d.reload.Unlock()
		d.remember(deployment, node)
	})
	d.running.Go(func() { d.peers.keep(ctx) })
	d.running.Go(func() { d.web.Run(ctx) })
	d.running.Go(func() { d.host.run(ctx) })
	d.running.Go(func() { d.followLinks(ctx) })
	d.running.Go(func() { d.catchUp(ctx) })
	d.running.Go(func() { d.giveBack(ctx) })
	d.running.Go(func() { d.watchDrains(ctx) })
	d.running.Go(func() { d.watchDown(ctx) })
	d.serve(ctx, node)
	d.closeRest()
	return nil
}

// firstLoad reads the configuration, or, where the service was up before, takes the
// one that was in force then.
func (d *Director) firstLoad(hello ipc.Hello) (*loaded, error) {
	deployment, node, err := d.load()
	if err != nil && hello.Resume {
		d.log.Error("the file is not usable, going on with the configuration of before", "error", err)
		d.fileErr = fileTrouble(err)
		deployment, node, err = d.remembered(hello.StateDir)
	}
	if err != nil {
		return nil, err
	}
	return &loaded{deployment, node}, nil
}

// openOverrides takes up what the operator has said before. Not knowing it is no
// reason to stop.
func (d *Director) openOverrides(node conf.Node) {
	if err := d.overrides.load(d.o.Parts.Overrides(node.Daemon.StateDir)); err != nil {
		d.log.Error("what the operator said of real servers is not known, or not all of it", "error", err)
	}
	d.forget(node)
	d.world.Overrides = d.overrides.now()
}

// forget drops what the operator said of real servers that the node does not have.
func (d *Director) forget(node conf.Node) {
	gone, err := d.overrides.keepTo(node)
	for id, o := range gone {
		d.log.Warn("the operator's word is dropped: the real server is not in the file any more",
			"virtual_server", id.VirtualServer, "real_server", id.RealServer, "operator", spell(o))
	}
	if err != nil {
		d.log.Error("real servers that are not in the file any more", "error", err)
	}
}

// serve opens the control socket, so that whoever is told that the service is
// ready can ask it, and keeps it. Without it the director still does its work.
func (d *Director) serve(ctx context.Context, node conf.Node) {
	serve, err := d.o.Parts.Control(ctx, node, d)
	if err != nil {
		d.log.Error("no control socket", "error", err)
		close(d.served)
		return
	}
	d.running.Go(func() {
		defer close(d.served)
		if err := serve(); err != nil && ctx.Err() == nil {
			d.log.Error("no control socket", "error", err)
		}
	})
}

// load reads the file and finds this director in it.
func (d *Director) load() (conf.Deployment, conf.Node, error) {
	d.takesMuch()
	deployment, err := d.file.Load(d.o.File)
	d.tookMuch()
	switch {
	case err != nil:
		return conf.Deployment{}, conf.Node{}, err
	case len(deployment.Unread) > 0:
		return conf.Deployment{}, conf.Node{}, deployment.Unread
	}
	node, err := d.nodeOf(deployment)
	if err == nil {
		err = d.checkUsers(node)
	}
	if err == nil {
		for _, w := range deployment.Warnings {
			d.log.Warn("the file has something unwise", "warning", w.Error())
		}
	}
	return deployment, node, err
}

func (d *Director) nodeOf(deployment conf.Deployment) (conf.Node, error) {
	hostname, err := os.Hostname()
	if err != nil && d.o.Node == "" {
		return conf.Node{}, fmt.Errorf("find this director by its host name: %w", err)
	}
	node, err := deployment.NodeFor(d.o.Node, hostname)
	if err != nil {
		return conf.Node{}, err
	}
	return d.resolve(node)
}

// resolve fills in what only the machine knows.
func (d *Director) resolve(node conf.Node) (conf.Node, error) {
	for i, s := range node.Sync {
		if s.Interface != "" {
			continue
		}
		name, err := d.o.Parts.Interface(node.Addresses)
		if err != nil {
			return conf.Node{}, fmt.Errorf("ipvs.sync: no interface is written, and %w", err)
		}
		node.Sync[i].Interface = name
	}
	return node, nil
}

// remembered is the configuration that was in force before.
func (d *Director) remembered(stateDir string) (conf.Deployment, conf.Node, error) {
	deployment, ok, err := d.o.Parts.LastGood(stateDir).Load()
	switch {
	case err != nil:
		return conf.Deployment{}, conf.Node{}, err
	case !ok:
		return conf.Deployment{}, conf.Node{}, errors.New("no configuration is remembered")
	}
	// They are not in the memory: they stay where the user has put them.
	if err := deployment.ReadSecrets(); err != nil {
		return conf.Deployment{}, conf.Node{}, err
	}
	node, err := d.nodeOf(deployment)
	return deployment, node, err
}

// remember keeps the deployment in force, for which nobody has to wait: a large one
// takes a while to be written. Not being able to is no reason to stop.
func (d *Director) remember(deployment conf.Deployment, node conf.Node) {
	if err := d.o.Parts.LastGood(node.Daemon.StateDir).Save(deployment); err != nil {
		d.log.Warn("the configuration in force could not be kept for a restart", "error", err)
	}
}

// openTable opens the kernel's IPVS where there is something for it to do; nil
// where there is not.
func (d *Director) openTable(ctx context.Context, node conf.Node) (*tableKeeper, error) {
	store := d.o.Parts.Owned(node.Daemon.StateDir)
	owned, err := store.Load(ctx)
	if err != nil {
		d.log.Warn("which IPVS entries are ours is not known; nothing that the configuration does not name will be removed", "error", err)
		owned = lvs.Owned{}
	}
	if len(node.Servers) == 0 && len(node.Sync) == 0 && owned.Equal(lvs.Owned{}) {
		return nil, nil
	}
	kernel, err := d.o.Parts.Kernel(ctx)
	if err != nil {
		return nil, &noTableError{err}
	}
	k := &tableKeeper{kernel: kernel}
	k.loop = lvs.New(lvs.Config{
		Kernel: kernel, Store: store, Log: d.log, Resync: node.IPVS.Resync,
		OnResult: func(r lvs.Result) {
			d.binder.hear(r.Done)
			d.box.result(r)
		},
	})
	d.running.Go(func() {
		if err := errors.Join(k.loop.Run(ctx), kernel.Close()); err != nil {
			d.log.Debug("end of the table's loop", "error", err)
		}
	})
	return k, nil
}

// noTableError: the configuration has virtual servers, the kernel no IPVS.
type noTableError struct{ err error }

func (e *noTableError) Error() string { return "virtual servers need IPVS: " + e.err.Error() }
func (e *noTableError) Unwrap() error { return e.err }

// adoptTable reads which real servers are at work in the kernel's table. They
// keep their place until their checks say otherwise.
func (d *Director) adoptTable(ctx context.Context) map[check.ID]bool {
	if d.table == nil {
		return nil
	}
	reading, cancel := context.WithTimeout(ctx, lvs.DumpLimit(len(d.world.Node.Servers)))
	defer cancel()
	t, err := d.table.kernel.Dump(reading)
	if err != nil {
		d.log.Warn("read the kernel's table", "error", err)
		return nil
	}
	d.world.Kernel = t
	has := serversOf(t)
	adopted := make(map[check.ID]bool)
	d.world.Quorum = make(map[string]bool)
	for _, vs := range d.world.Node.Servers {
		if vs.Sorry != nil {
			d.adoptQuorum(has[vs.Key], vs)
		}
		for _, rs := range vs.Servers {
			if id := policy.CheckID(&vs, &rs); d.adopts(has[vs.Key], vs, rs) {
				adopted[id] = true
				d.world.Verdicts[id] = check.Verdict{
					ID: id, Status: check.Up, Since: d.started,
					Result: check.Result{OK: true, Detail: "at work in the kernel's table at start"},
				}
			}
		}
	}
	return adopted
}

// adoptQuorum takes from the table whether a virtual server had its quorum: its
// sorry server tells.
func (d *Director) adoptQuorum(has []lvs.Server, vs conf.VirtualServer) {
	if weight, in := weightIn(has, *vs.Sorry); in && weight > 0 {
		d.world.Quorum[vs.Name] = false
	} else if slices.ContainsFunc(vs.Servers, func(rs conf.RealServer) bool {
		weight, _ := weightIn(has, rs)
		return weight > 0
	}) {
		d.world.Quorum[vs.Name] = true
	}
}

// adopts tells whether a server that stands in the table was up: it takes
// connections, or has weight 0 for another reason, the operator's word or a sorry
// server. Where those that are down stay in the table, weight 0 tells nothing.
func (d *Director) adopts(has []lvs.Server, vs conf.VirtualServer, rs conf.RealServer) bool {
	weight, in := weightIn(has, rs)
	if !in || weight > 0 || policy.Quiesces(&vs) {
		return in && weight > 0
	}
	up, known := d.world.Quorum[vs.Name]
	return known && !up || d.world.Overrides[policy.CheckID(&vs, &rs)].Holds()
}

// serversOf are the servers of a table, by service.
func serversOf(t lvs.Table) map[lvs.Key][]lvs.Server {
	m := make(map[lvs.Key][]lvs.Server, len(t.Services))
	for _, s := range t.Services {
		m[s.Key] = s.Servers
	}
	return m
}

// weightIn is the weight that a real server has among the servers of its service,
// where it is among them.
func weightIn(servers []lvs.Server, rs conf.RealServer) (weight int, in bool) {
	for _, s := range servers {
		if s.Address == rs.Address {
			return s.Weight, true
		}
	}
	return 0, false
}

// work is what the pool has to check.
func work(node conf.Node, adopted map[check.ID]bool) map[check.ID]check.Work {
	w := make(map[check.ID]check.Work)
	for _, vs := range node.Servers {
		for _, rs := range vs.Servers {
			if len(rs.Checks) > 0 {
				id := policy.CheckID(&vs, &rs)
				w[id] = check.Work{Specs: rs.Checks, Adopted: adopted[id]}
			}
		}
	}
	trackWork(node, w)
	return w
}

// patience is how long the engine waits for the director at a stop; 0: the director
// leaves everything as it is.
func patience(node conf.Node) time.Duration {
	if !node.IPVS.RemoveOnStop {
		return 0
	}
	return node.IPVS.StopTimeout + leaveMargin
}

func configure(node conf.Node) ipc.ToEngine {
	return ipc.ToEngine{Configure: &ipc.Configure{
		Groups: node.Groups, Realtime: node.Daemon.Realtime, LogFormat: node.Daemon.LogFormat,
		StateDir: node.Daemon.StateDir, Leave: patience(node),
	}}
}

// refusal is the word for the engine and the user that a start cannot succeed.
func refusal(err error) *ipc.Refuse {
	r := &ipc.Refuse{ExitCode: 1, Reason: err.Error()}
	var file conf.Errors
	var table *noTableError
	var user *noUserError
	switch {
	case errors.As(err, &file):
		r.ExitCode, r.Hint = 2, "failover validate checks the file"
	case errors.As(err, &user):
		r.ExitCode, r.Hint = 2, noUserHint
	case errors.As(err, &table):
		r.ExitCode, r.Hint = 2, "load the module ip_vs (modprobe ip_vs), or take the virtual servers out of the file"
	}
	return r
}
