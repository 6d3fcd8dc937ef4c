package director

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/netip"

	"failover/check"
	"failover/conf"
	"failover/internal/hook"
	"failover/internal/host"
	"failover/internal/ipc"
	"failover/internal/peer"
	"failover/internal/program"
	"failover/lvs"
)

// Line is the director's end of the line to the engine.
type Line interface {
	Send(ipc.ToEngine) error
	Recv() (ipc.ToDirector, error)
}

// Host writes the machine's settings.
type Host interface {
	Set(context.Context, host.Desired) (host.Report, error)
}

// Options are what a director needs from its surroundings.
type Options struct {
	File    string // the configuration
	Node    string // --node; empty: by host name
	Version string
	Line    Line
	Log     *slog.Logger
	// LogLevel follows the configuration.
	LogLevel *slog.LevelVar
	Parts    Parts
}

// Parts are the doers; tests put fakes here.
type Parts struct {
	// Kernel opens the kernel's IPVS. It is called when there is something for it:
	// virtual servers, or entries of ours from before.
	Kernel func(context.Context) (lvs.Kernel, error)
	Host   func(stateDir string) (Host, error)
	Probe  func(conf.Node) func(context.Context, check.Spec) check.Result
	// Owned is the set of table entries that are ours.
	Owned func(stateDir string) lvs.OwnedStore
	// Overrides keeps what the operator says of real servers.
	Overrides func(stateDir string) OverrideStore
	// Preferences keeps whom the operator prefers as master.
	Preferences func(stateDir string) PreferenceStore
	// Maintenance keeps whether the operator is at work on this machine.
	Maintenance func(stateDir string) MaintenanceStore
	// LastGood keeps the deployment in force for a director that finds a broken
	// file.
	LastGood func(stateDir string) Memory
	// User tells whether somebody who is to run a program exists.
	User func(name string) error
	// Program runs a hook.
	Program func(context.Context, program.Program) (string, error)
	// Told keeps what the hooks were told last, for this boot.
	Told func(stateDir string) hook.Store
	// ServerTold is the same of the hooks of virtual servers.
	ServerTold func(stateDir string) hook.ServerStore
	// Links calls its function when something has happened to an interface.
	Links func(context.Context, func()) error
	// Connections are the kernel's.
	Connections Connections
	// Interface names the interface that has one of the addresses.
	Interface func([]netip.Addr) (string, error)
	// Link makes the connection with the other directors, Key reads our private key
	// for it; nil: there is none.
	Link func(peer.Config) (Link, error)
	Key  func(path string) (ed25519.PrivateKey, error)
	// Web is what serves HTTP; nil: nothing does.
	Web func(*Director) Web
	// Control opens the control socket and returns what serves it until the context
	// ends.
	Control func(context.Context, conf.Node, *Director) (serve func() error, err error)
}

// Memory keeps one deployment.
type Memory interface {
	Load() (conf.Deployment, bool, error)
	Save(conf.Deployment) error
}
