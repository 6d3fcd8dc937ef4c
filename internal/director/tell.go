package director

import (
	"fmt"
	"path/filepath"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/hook"
	"failover/internal/policy"
	"failover/internal/state"
)

// serverPlans are the hooks of the virtual servers that have any.
func serverPlans(node conf.Node) []hook.ServerPlan {
	var list []hook.ServerPlan
	for services := range conf.ByTable(node.Servers) {
		if vs := services[0]; len(vs.Notify) > 0 {
			list = append(list, hook.ServerPlan{Name: vs.Name, User: node.Daemon.ScriptUser, Argv: vs.Notify})
		}
	}
	return list
}

// tellServers passes on how the virtual servers with hooks stand; loop only.
func (d *Director) tellServers() {
	for services := range conf.ByTable(d.world.Node.Servers) {
		if vs := &services[0]; len(vs.Notify) > 0 {
			d.serverHooks.Hear(vs.Name, standings(d.world, *vs))
		}
	}
}

// standings are a virtual server's real servers, by their checks, and its quorum.
func standings(w policy.World, vs conf.VirtualServer) []hook.Standing {
	list := make([]hook.Standing, 0, len(vs.Servers)+1)
	for _, rs := range vs.Servers {
		s := hook.Standing{Name: vs.Name + "/" + rs.Name, Weight: rs.Weight, Reason: "no check"}
		if v, ok := w.Verdicts[policy.CheckID(&vs, &rs)]; ok {
			s.Reason = v.Result.Detail
		}
		if standing := policy.Standing(&w, &vs, &rs); standing != check.Unknown {
			s.State = string(standing)
		}
		list = append(list, s)
	}
	quorum := hook.Standing{Name: vs.Name, Weight: policy.Available(&w, &vs)}
	if up, known := w.Quorum[vs.Name]; known {
		quorum.State = map[bool]string{true: "up", false: "down"}[up]
	}
	quorum.Reason = fmt.Sprintf("weight %d, quorum %d", quorum.Weight, max(vs.Quorum, 1))
	return append(list, quorum)
}

// serverNotify is what became of a virtual server's hook.
func serverNotify(f facts, vs conf.VirtualServer) *api.Notify {
	s, ok := f.serverHooks[vs.Name]
	if !ok {
		return nil
	}
	n := &api.Notify{Told: s.Of, Running: s.Run.Running, OK: s.Run.OK, Detail: s.Run.Detail, Dropped: s.Dropped}
	if !s.Run.At.IsZero() {
		n.At = s.Run.At.UTC().Truncate(time.Millisecond)
	}
	return n
}

// serverHookProblems names the notifications that failed.
func serverHookProblems(f facts) []string {
	var ps []string
	for services := range conf.ByTable(f.world.Node.Servers) {
		vs := services[0]
		if n := serverNotify(f, vs); n != nil && !n.OK && !n.Running && n.Detail != "" {
			ps = append(ps, fmt.Sprintf("%s: notify %s of %s: %s", vs.Name, vs.Notify[0], n.Told, n.Detail))
		}
	}
	return ps
}

// serverToldStore keeps what the hooks of virtual servers were told, for this boot.
type serverToldStore struct{ path string }

// ServerTold is what the hooks of virtual servers were told, kept in a state
// directory.
func ServerTold(stateDir string) hook.ServerStore {
	return serverToldStore{filepath.Join(stateDir, "server-hooks.json")}
}

func (t serverToldStore) store() (*state.Store[map[string]string], error) {
	boot, err := state.BootID()
	if err != nil {
		return nil, err
	}
	return &state.Store[map[string]string]{Path: t.path, BootID: boot, Volatile: true}, nil
}

func (t serverToldStore) Load() (map[string]string, error) {
	s, err := t.store()
	if err != nil {
		return nil, err
	}
	told, origin, err := s.Load()
	if err != nil || origin != state.ThisBoot {
		return nil, err
	}
	return told, nil
}

func (t serverToldStore) Save(told map[string]string) error {
	s, err := t.store()
	if err != nil {
		return err
	}
	return s.Save(told)
}
