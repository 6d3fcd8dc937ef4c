package linux

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/internal/state"
	"failover/vrrp"
)

// kernelPatience bounds the wait for one answer of the kernel.
const kernelPatience = 5 * time.Second

// ErrForeign is wrapped by the error of an address that the interface has
// already and that was not added by this program. It is never touched.
var ErrForeign = errors.New("it is there already and was not added by failover")

// Host is the [vrrp.Host] of this machine. It adds addresses with a finite
// lifetime and this program's mark, and removes none but those: what it removes
// must stand in the owned set on disk, of this boot, and carry the mark (on a
// kernel without marks, before Linux 5.18: a finite lifetime).
//
// Its methods may be called from any goroutine.
type Host struct {
	log      *slog.Logger
	kernel   *netlink.Handle
	filtered *netlink.Handle // whose dumps the kernel filters
	view     *view
	wayView  wayView
	marks    bool // the kernel keeps IFA_PROTO
	speaker  speaker
	stirred  stirred // of Watch alone

	requests requests // that wait for mu

	mu      sync.Mutex // one change at a time, the owned sets included
	owned   ownedSet
	ways    waySet
	devices deviceSet
	adds    map[key]uint64    // how often each address was added, for Watch
	wayAdds map[string]uint64 // likewise each route and rule
}

var _ vrrp.Host = (*Host)(nil)

// Stores are the files of what a [Host] has added.
type Stores struct {
	Addresses *state.Store[[]Held]
	Ways      *state.Store[Ways]
	Devices   *state.Store[[]HeldDevice]
}

// NewHost returns a Host that keeps its owned sets in the given files, and reads
// there what the previous process of this boot had added. A file that cannot be
// used costs a warning only: the addresses it spoke of end with their lease.
// Changing addresses needs CAP_NET_ADMIN, announcing them CAP_NET_RAW.
func NewHost(log *slog.Logger, s Stores) (*Host, error) {
	h := &Host{
		log: log, owned: ownedSet{store: s.Addresses, log: log}, ways: waySet{store: s.Ways, log: log},
		devices: deviceSet{store: s.Devices, log: log},
		adds:    map[key]uint64{}, wayAdds: map[string]uint64{},
	}
	if err := h.owned.load(); errors.Is(err, state.ErrCorrupt) {
		log.Warn("owned addresses unknown, those of an earlier process end with their lease", "error", err)
	} else if err != nil {
		return nil, err
	}
	if err := h.ways.load(); err != nil {
		return nil, err
	}
	if err := h.devices.load(); errors.Is(err, state.ErrCorrupt) {
		log.Warn("owned devices unknown, those of an earlier process are known by their alias", "error", err)
	} else if err != nil {
		return nil, err
	}
	var err error
	if h.marks, err = kernelMarks(); err != nil {
		return nil, err
	}
	if h.kernel, err = openNetlink(); err != nil {
		return nil, err
	}
	if h.filtered, err = openNetlink(); err != nil {
		return nil, errors.Join(err, h.kernel.Close())
	}
	if err := h.filtered.SetStrictCheck(true); err != nil {
		return nil, errors.Join(fmt.Errorf("vrrp: open netlink: strict checking: %w", err), h.filtered.Close(), h.kernel.Close())
	}
	if h.view, err = openView(); err != nil {
		return nil, errors.Join(err, h.filtered.Close(), h.kernel.Close())
	}
	return h, nil
}

// openNetlink opens a socket to the kernel.
func openNetlink() (*netlink.Handle, error) {
	options := netlink.HandleOptions{DisableVFInfoCollection: true, RetryInterrupted: true}
	n, err := netlink.NewHandleWithOptions(options, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("vrrp: open netlink: %w", err)
	}
	if err := n.SetSocketTimeout(kernelPatience); err != nil {
		return nil, errors.Join(fmt.Errorf("vrrp: open netlink: %w", err), n.Close())
	}
	return n, nil
}

// Close gives the sockets back. The addresses stay until their lease ends.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return errors.Join(h.kernel.Close(), h.filtered.Close(), h.view.close(), h.speaker.close())
}

// Held returns the addresses on this machine that are ours.
func (h *Host) Held(ctx context.Context) ([]Held, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("vrrp: list our addresses: %w", err)
	}
	there, err := h.list()
	if err != nil {
		return nil, err
	}
	var out []Held
	for _, e := range h.owned.held {
		if a, is := there[e.key()]; is && a.ours(h.marks) {
			out = append(out, e)
		}
	}
	return out, nil
}

// Purged counts what a [Host.Purge] has removed.
type Purged struct{ Addresses, Routes, Rules, Devices int }

// Purge removes everything of ours but what belongs to the groups to keep, and
// counts it. It serves a release, which keeps none, and a start after the
// configuration has lost a group.
func (h *Host) Purge(ctx context.Context, keep ...string) (p Purged, err error) {
	before, err := h.holdings(ctx)
	if err != nil {
		return Purged{}, err
	}
	h.mu.Lock()
	groups := h.groups()
	h.mu.Unlock()
	var errs []error
	for _, g := range groups {
		if slices.Contains(keep, g) {
			continue
		}
		_, err := h.Set(ctx, vrrp.Owned{Group: g})
		errs = append(errs, err)
	}
	after, err := h.holdings(ctx)
	return Purged{
		before.Addresses - after.Addresses, before.Routes - after.Routes, before.Rules - after.Rules,
		before.Devices - after.Devices,
	}, errors.Join(append(errs, err)...)
}

// holdings counts what is ours and there.
func (h *Host) holdings(ctx context.Context) (p Purged, err error) {
	held, err := h.Held(ctx)
	if err != nil {
		return p, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p.Addresses, p.Devices = len(held), h.countDevices()
	if h.ways.held.count() == 0 {
		return p, nil
	}
	routes, rules, err := h.listWays()
	for _, e := range h.ways.held.Routes {
		if _, is := routes[keyOf(e.Route)]; is {
			p.Routes++
		}
	}
	for _, e := range h.ways.held.Rules {
		if rules[e.Rule] {
			p.Rules++
		}
	}
	return p, err
}

// groups lists those that have anything in the owned sets.
func (h *Host) groups() []string {
	list := h.owned.groups()
	add := func(g string) {
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	for _, e := range h.ways.held.Routes {
		add(e.Group)
	}
	for _, e := range h.ways.held.Rules {
		add(e.Group)
	}
	for _, e := range h.devices.held {
		add(e.Group)
	}
	return list
}
