// Package lvstest is a kernel without a kernel: a fake that keeps an IPVS table
// the way Linux does, refuses what Linux refuses, and prints itself as
// `ipvsadm -Sn` does.
package lvstest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"sync"

	"failover/lvs"
)

// errInvalid is what the kernel answers with ERANGE and EINVAL to values it does
// not take.
var errInvalid = errors.New("numerical result out of range")

// errClosed is what a closed Kernel answers.
var errClosed = errors.New("closed")

// Schedulers are the ones the fake knows: those of Linux 6.1.
var Schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf"}

// Kernel is a fake [lvs.Kernel]. The zero value is an empty table, ready to use
// from any goroutine.
type Kernel struct {
	mu       sync.Mutex
	services []*service
	daemons  []lvs.Sync
	timeouts lvs.Timeouts
	done     []lvs.Op
	dumps    int
	fault    func(lvs.Op) error
	dumpErr  error
	closed   bool
	stats    lvs.Stats
}

// service keeps its servers as the kernel does: a new one goes to the head.
type service struct {
	attributes lvs.Service
	list       []server
}

type server struct {
	lvs.Server
	lastWeight int // the last one that was not 0, which mh goes by
}

// ErrHang is for faults (see [Kernel.Fault]): the operation hangs until its
// context ends.
var ErrHang = errors.New("hangs")

// Fault makes every later operation ask f first; what f returns, unless nil, is
// how the operation fails. A nil f ends that.
func (k *Kernel) Fault(f func(lvs.Op) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fault = f
}

// FailDump makes Dump fail with err until it is called with nil.
func (k *Kernel) FailDump(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dumpErr = err
}

// SetStats sets what Stats returns.
func (k *Kernel) SetStats(s lvs.Stats) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stats = s
}

// Stranger changes the table as another program would: no fault applies and
// nothing is recorded. It panics when the kernel would refuse.
func (k *Kernel) Stranger(ops ...lvs.Op) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, op := range ops {
		if err := k.apply(op); err != nil {
			panic(err)
		}
	}
}

// Flush empties the table of services, as `ipvsadm -C` does.
func (k *Kernel) Flush() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.services = nil
}

// Become makes the table what t says. It panics when the kernel would refuse.
func (k *Kernel) Become(t lvs.Table) {
	k.Flush()
	for _, s := range t.Services {
		k.Stranger(lvs.Op{Kind: lvs.AddService, Service: s})
		for _, r := range s.Servers {
			k.Stranger(lvs.Op{Kind: lvs.AddServer, Service: s, Server: r})
		}
	}
	for _, s := range t.Sync {
		k.Stranger(lvs.Op{Kind: lvs.StartSync, Sync: s})
	}
	k.Stranger(lvs.Op{Kind: lvs.SetTimeouts, Timeouts: t.Timeouts})
}

// Load makes the table what the text, in the form of `ipvsadm -Sn`, says. It
// panics when the kernel would refuse.
func (k *Kernel) Load(text string) {
	t, err := lvs.Parse(text)
	if err != nil {
		panic(err)
	}
	k.Become(t)
}

// Done returns the operations carried out through Do, in order.
func (k *Kernel) Done() []lvs.Op {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.done)
}

// Dumps tells how often the table was dumped.
func (k *Kernel) Dumps() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dumps
}

// LastWeights are the last weights that were not 0, in insertion order: what mh
// builds its table from.
func (k *Kernel) LastWeights(key lvs.Key) []int {
	k.mu.Lock()
	defer k.mu.Unlock()
	var w []int
	if s := k.find(key); s != nil {
		for _, r := range slices.Backward(s.list) {
			w = append(w, r.lastWeight)
		}
	}
	return w
}

// String prints the services as `ipvsadm -Sn` does.
func (k *Kernel) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return lvs.Format(lvs.Sorted(k.table()))
}

// Dump implements [lvs.Kernel].
func (k *Kernel) Dump(ctx context.Context) (lvs.Table, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dumps++
	if err := k.usable(ctx); err != nil {
		return lvs.Table{}, fmt.Errorf("lvstest: dump: %w", err)
	}
	if k.dumpErr != nil {
		return lvs.Table{}, fmt.Errorf("lvstest: dump: %w", k.dumpErr)
	}
	return k.table(), nil
}

// Do implements [lvs.Kernel].
func (k *Kernel) Do(ctx context.Context, op lvs.Op) error {
	k.mu.Lock()
	fault := k.fault
	k.mu.Unlock()
	if fault != nil {
		err := fault(op)
		if errors.Is(err, ErrHang) {
			<-ctx.Done()
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("lvstest: %s: %w", op, err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.usable(ctx)
	if err == nil {
		err = k.apply(op)
	}
	if err != nil {
		return fmt.Errorf("lvstest: %s: %w", op, err)
	}
	k.done = append(k.done, op)
	return nil
}

// Stats implements [lvs.Kernel].
func (k *Kernel) Stats(ctx context.Context) (lvs.Stats, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stats, k.usable(ctx)
}

// Changed implements [lvs.Kernel]: scheduler flags, thresholds, tunnels and
// persistence engines are not in the hash, because no cheap look shows them.
func (k *Kernel) Changed(ctx context.Context) (uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := fnv.New64a()
	fmt.Fprintln(h, k.daemons, k.timeouts)
	for _, s := range k.services {
		a := s.attributes
		fmt.Fprintln(h, a.Key, a.Scheduler, a.Flags&(lvs.FlagPersistent|lvs.FlagOnePacket), a.Timeout, a.Mask)
		for _, r := range s.list {
			fmt.Fprintln(h, r.Address, r.Forward, r.Weight)
		}
	}
	return h.Sum64(), k.usable(ctx)
}

// Close implements [lvs.Kernel].
func (k *Kernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	return nil
}

func (k *Kernel) usable(ctx context.Context) error {
	if k.closed {
		return errClosed
	}
	return ctx.Err()
}

func (k *Kernel) find(key lvs.Key) *service {
	for _, s := range k.services {
		if s.attributes.Key == key {
			return s
		}
	}
	return nil
}

func (s *service) index(a netip.AddrPort) int {
	return slices.IndexFunc(s.list, func(r server) bool { return r.Address == a })
}

func (k *Kernel) table() lvs.Table {
	t := lvs.Table{Sync: slices.Clone(k.daemons), Timeouts: k.timeouts}
	for _, s := range k.services {
		out := s.attributes
		for _, r := range slices.Backward(s.list) {
			out.Servers = append(out.Servers, r.Server)
		}
		t.Services = append(t.Services, out)
	}
	slices.SortFunc(t.Services, func(a, b lvs.Service) int { return a.Key.Compare(b.Key) })
	return t
}
