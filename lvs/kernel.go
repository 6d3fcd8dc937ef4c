package lvs

import (
	"context"
	"errors"
)

// Errors a [Kernel] returns, whatever the system call said.
var (
	// ErrNoIPVS: the kernel has no IPVS, and loading the module did not help.
	ErrNoIPVS = errors.New("the kernel has no IPVS (module ip_vs)")
	// ErrExists: the service or server to add is there already.
	ErrExists = errors.New("exists already")
	// ErrNotFound: the service or server to change or delete is not there.
	ErrNotFound = errors.New("not there")
	// ErrScheduler: the kernel does not know the scheduler and could not load it.
	ErrScheduler = errors.New("the kernel has no such scheduler")
	// ErrNoIPv6: the kernel's IPv6 is off (ipv6.disable=1, or built without).
	ErrNoIPv6 = errors.New("the kernel's IPv6 is off")
	// ErrPermission: the process may not change or read the table.
	ErrPermission = errors.New("CAP_NET_ADMIN is missing")
	// ErrUnsupported: this kernel's IPVS does not know the operation.
	ErrUnsupported = errors.New("the kernel's IPVS does not know this")
)

// Kernel is the IPVS of the running kernel. Its methods may be called from any
// goroutine; one writer does the work, and every call ends by ctx's deadline.
type Kernel interface {
	// Dump reads the whole table, sync daemons included, foreign entries too.
	Dump(ctx context.Context) (Table, error)
	// Do carries out one operation. ErrExists and ErrNotFound are told apart so
	// that a caller can take them as done.
	Do(ctx context.Context, op Op) error
	// Stats reads the counters of every service and server.
	Stats(ctx context.Context) (Stats, error)
	// Changed is a cheap look (/proc/net/ip_vs, sync daemons, timeouts): a hash of
	// what the table says, connection counts left out. Weights and methods are in
	// it; thresholds, tunnels, scheduler flags and persistence engines are not.
	Changed(ctx context.Context) (uint64, error)
	Close() error
}

// Batcher is what a [Kernel] may be besides: one that does not pause between
// operations. A service is refused by the kernel to whoever comes between its
// addition and that of its first server.
type Batcher interface {
	// DoAll carries out operations one after the other, whatever comes of them, and
	// returns the error of each, as [Kernel.Do] does.
	DoAll(ctx context.Context, ops []Op) []error
}

// Stats are the counters of a table.
type Stats struct {
	Services map[Key]Counters
	Servers  map[Key]map[ServerID]ServerStats
}

// ServerID names a server within its service: its address as text.
type ServerID string

// ID names the server within its service, in [Stats].
func (r Server) ID() ServerID { return ServerID(r.Address.String()) }
