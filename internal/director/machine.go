package director

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"

	"failover/check"
	"failover/check/probe"
	"failover/conf"
	"failover/internal/control"
	"failover/internal/hook"
	"failover/internal/host"
	"failover/internal/peer"
	"failover/internal/program"
	"failover/internal/state"
	"failover/internal/web"
	"failover/lvs"
	"failover/lvs/ipvs"
)

// MachineParts are the doers of a real machine.
func MachineParts(log *slog.Logger) Parts {
	return Parts{
		Kernel: func(ctx context.Context) (lvs.Kernel, error) { return ipvs.Open(ctx, log) },
		Host: func(stateDir string) (Host, error) {
			return OpenHost(stateDir, log)
		},
		Probe:       probeAs,
		Owned:       func(stateDir string) lvs.OwnedStore { return OwnedEntries(stateDir) },
		Overrides:   Overrides,
		Maintenance: Maintenance,
		Preferences: Preferences,
		LastGood:    func(stateDir string) Memory { return lastGood{stateDir} },
		User:        program.Exists,
		Program:     func(ctx context.Context, p program.Program) (string, error) { return p.Run(ctx) },
		Told:        func(stateDir string) hook.Store { return toldStore{filepath.Join(stateDir, "hooks.json")} },
		ServerTold:  ServerTold,
		Links:       linkEvents,
		Connections: kernelConns{},
		Interface:   interfaceOf,
		Link:        func(c peer.Config) (Link, error) { return peer.New(c) },
		Key:         readKey,
		Web: func(d *Director) Web {
			s := web.New(web.Handler(NewWatch(d, ownProcesses)), d.log)
			s.Sockets = d.sockets
			return s
		},
		Control: openControl,
	}
}

// kernelConns are the connections of this machine's kernel.
type kernelConns struct{}

func (kernelConns) Each(ctx context.Context, f func(lvs.Conn)) error {
	return ipvs.Connections(ctx, f)
}
func (kernelConns) Copy(w io.Writer) error                   { return ipvs.CopyConnections(w) }
func (kernelConns) Tell(s lvs.Sync, messages [][]byte) error { return ipvs.TellBackup(s, messages) }
func (kernelConns) TellOthers(s lvs.Sync, messages [][]byte) error {
	return ipvs.TellOthers(s, messages)
}

// OpenHost is the writer of the machine's settings, with its memory of what they
// were before.
func OpenHost(stateDir string, log *slog.Logger) (*host.Reconciler, error) {
	boot, err := state.BootID()
	if err != nil {
		return nil, err
	}
	return host.New(host.Config{
		Store: host.NewFileStore(filepath.Join(stateDir, "sysctls.json"), boot),
		Owned: host.NewOwnedFile(filepath.Join(stateDir, "host.json"), boot),
		Log:   log,
	}), nil
}

// probeAs runs the probes; a program for which no user is written runs as the
// daemon's script_user.
func probeAs(n conf.Node) func(context.Context, check.Spec) check.Result {
	return func(ctx context.Context, s check.Spec) check.Result {
		if s.Exec != nil && s.Exec.User == "" {
			e := *s.Exec
			e.User = n.Daemon.ScriptUser
			s.Exec = &e
		}
		return probe.Run(ctx, s)
	}
}

// entries is the owned set of table entries as a file of the state directory. It
// is bound to the boot: the table does not outlive it.
type entries struct{ path string }

// OwnedEntries is the owned set kept in a state directory.
func OwnedEntries(stateDir string) lvs.OwnedStore {
	return entries{filepath.Join(stateDir, "ipvs.json")}
}

func (e entries) store() (*state.Store[lvs.Owned], error) {
	boot, err := state.BootID()
	if err != nil {
		return nil, err
	}
	return &state.Store[lvs.Owned]{Path: e.path, BootID: boot, Volatile: true}, nil
}

func (e entries) Load(context.Context) (lvs.Owned, error) {
	s, err := e.store()
	if err != nil {
		return lvs.Owned{}, err
	}
	o, origin, err := s.Load()
	if err != nil || origin != state.ThisBoot {
		return lvs.Owned{}, err
	}
	return o, nil
}

func (e entries) Save(_ context.Context, o lvs.Owned) error {
	s, err := e.store()
	if err != nil {
		return err
	}
	return s.Save(o)
}

// toldStore keeps what the hooks were told, for as long as the roles that it
// speaks of: this boot.
type toldStore struct{ path string }

func (t toldStore) store() (*state.Store[map[string]hook.Told], error) {
	boot, err := state.BootID()
	if err != nil {
		return nil, err
	}
	return &state.Store[map[string]hook.Told]{Path: t.path, BootID: boot, Volatile: true}, nil
}

func (t toldStore) Load() (map[string]hook.Told, error) {
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

func (t toldStore) Save(told map[string]hook.Told) error {
	s, err := t.store()
	if err != nil {
		return err
	}
	return s.Save(told)
}

// lastGood keeps the deployment in force in the state directory. Another boot
// makes no difference to it.
type lastGood struct{ stateDir string }

func (l lastGood) store() *state.Store[conf.Deployment] {
	return &state.Store[conf.Deployment]{Path: filepath.Join(l.stateDir, "deployment.json")}
}

func (l lastGood) Load() (conf.Deployment, bool, error) {
	d, origin, err := l.store().Load()
	return d, err == nil && origin != state.Missing, err
}

func (l lastGood) Save(d conf.Deployment) error { return l.store().Save(d) }

// interfaceOf names the interface that has one of the addresses.
func interfaceOf(want []netip.Addr) (string, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("list interfaces: %w", err)
	}
	for _, i := range interfaces {
		have, err := i.Addrs()
		if err != nil {
			continue // it has just gone
		}
		if slices.ContainsFunc(have, func(a net.Addr) bool {
			p, err := netip.ParsePrefix(a.String())
			return err == nil && slices.Contains(want, p.Addr())
		}) {
			return i.Name, nil
		}
	}
	return "", fmt.Errorf("no interface of this machine has the director's address %v", want)
}

// openControl listens on the socket of the configuration.
func openControl(ctx context.Context, n conf.Node, d *Director) (serve func() error, err error) {
	l, err := d.sockets.Listen("control "+n.Daemon.Socket, func() (net.Listener, error) {
		return control.Listen(n.Daemon.Socket, d.log)
	})
	if err != nil {
		return nil, err
	}
	return func() error { return control.Serve(ctx, l, d) }, nil
}
