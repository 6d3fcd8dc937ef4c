package host

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
)

// Config is what a [Reconciler] needs from its surroundings.
type Config struct {
	// Store keeps the values that sysctls had before.
	Store Store
	// Owned keeps what we have added to the machine; without one nothing can be.
	Owned OwnedStore
	Log   *slog.Logger
	// Proc and Sys are where /proc and /sys are mounted; empty: there.
	Proc, Sys string
	// Modprobe loads one module; nil runs modprobe(8).
	Modprobe func(ctx context.Context, module string) error
}

// Reconciler makes the machine's settings what they should be. It acts in the
// network namespace of the thread that calls it.
type Reconciler struct {
	config Config
	mu     sync.Mutex
	nft    table
	said   map[Change]bool // sysctl changes that the log has had

	neighbours func() map[netip.Addr]string // the kernel's
	solicit    func(netip.Addr) bool
	solicited  map[netip.Addr]bool
	advertised func() ([]string, error) // interfaces with a default route by router advertisement
	mtus       func() (map[netip.Addr]int, error)
	lastKnown  map[netip.Addr]string // hardware addresses of other directors
}

// New returns a reconciler; it touches nothing yet.
func New(c Config) *Reconciler {
	if c.Proc == "" {
		c.Proc = "/proc"
	}
	if c.Sys == "" {
		c.Sys = "/sys"
	}
	if c.Modprobe == nil {
		c.Modprobe = modprobe
	}
	return &Reconciler{config: c, nft: kernelTable{}, said: map[Change]bool{},
		neighbours: kernelNeighbours, solicit: solicit, advertised: advertisedRoutes, mtus: kernelMTUs, lastKnown: map[netip.Addr]string{},
		solicited: map[netip.Addr]bool{}}
}

// Set makes the machine agree with d: modules, tunnels, sysctls, our nftables table,
// then addresses and routes. It compares before it writes, so that calling it again
// costs a look and repairs what others changed. What fails does not keep the rest
// from being done, but for addresses, which need the sysctls; the error names
// everything that failed.
func (r *Reconciler) Set(ctx context.Context, d Desired) (Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var report Report
	d, family := r.withoutIPv6(d)
	// Before the sysctls that keep ARP from speaking of them.
	dropped := r.dropLocal(d.Local, &report)
	modules := r.load(ctx, d.Modules, &report)
	tunnels := r.keepTunnels(d.Tunnels, &report)
	sysctls := errors.Join(r.setSysctls(d.Sysctls, &report), r.assume(d.Assumed))
	guard := r.setTable(ctx, d, &report)
	var local error
	if sysctls == nil {
		local = r.addLocal(d.Local, &report)
	}
	gateways := r.keepGateways(d.Gateways, &report)
	for _, what := range report.Added {
		r.config.Log.Info("machine changed", "what", what)
	}
	return report, errors.Join(family, dropped, modules, tunnels, sysctls, guard, local, gateways)
}

// Remove takes away what is ours but for sysctls, our nftables table last; without
// any it does nothing.
func (r *Reconciler) Remove(ctx context.Context) (Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var report Report
	return report, errors.Join(
		r.dropLocal(nil, &report),
		r.keepGateways(nil, &report),
		r.keepTunnels(nil, &report),
		r.setTable(ctx, Desired{}, &report),
	)
}

// setTable brings our nftables table about.
func (r *Reconciler) setTable(ctx context.Context, d Desired, report *Report) error {
	directors, missing := r.cards(ctx, d.Marks.Directors)
	report.Missing = missing
	sizes, unread := r.segments(d.Clamps)
	written, err := applyGuard(r.nft, rulesetOf(d, directors, sizes))
	report.GuardWritten, report.GuardStands = written, err == nil
	if err == nil && written {
		g := d.Guard
		r.config.Log.Info("guard written", "services", len(g.Services)+len(g.Marked), "real_servers", len(g.Replies),
			"refusals_kept_in", len(g.Refusals), "closed_addresses", len(g.Closed),
			"marks", len(d.Marks.Services), "masqueraded", len(d.Masquerade), "segments_bounded", len(sizes))
	}
	return errors.Join(err, unread)
}
