package vrrptest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"failover/vrrp"
)

// Host is a [vrrp.Host] in memory. It refuses what Linux refuses: an address on
// an interface that is not there, and one that somebody else has put there.
type Host struct {
	mu        sync.Mutex
	ifaces    map[string]bool
	addresses []held
	ways      map[string][]string    // routes and rules by group, in words
	devices   map[vrrp.Device]string // by the group that has them
	announced []Announcement
	calls     int
	fail      error
	failWays  error
	latency   time.Duration
}

// held is one address on the machine; group "" is somebody else's.
type held struct {
	group, iface string
	address      netip.Prefix
	expires      vrrp.Instant
}

// Announcement is one gratuitous ARP request or unsolicited neighbour
// advertisement.
type Announcement struct {
	At        vrrp.Instant
	Interface string
	Address   netip.Addr
}

// ErrExists is what Linux says of an address that is there already.
var ErrExists = errors.New("file exists")

// ErrNoDevice is what Linux says of an interface that is not there.
var ErrNoDevice = errors.New("no such device")

var _ vrrp.Host = (*Host)(nil)

// NewHost returns a machine with the given interfaces.
func NewHost(ifaces ...string) *Host {
	h := &Host{ifaces: map[string]bool{}, ways: map[string][]string{}, devices: map[vrrp.Device]string{}}
	for _, name := range ifaces {
		h.ifaces[name] = true
	}
	return h
}

// Fail makes Set and Announce fail from now on; nil lets them succeed.
func (h *Host) Fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = err
}

// FailWays makes routes and rules fail from now on; nil lets them succeed.
func (h *Host) FailWays(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failWays = err
}

// Ways are the routes and rules of a group, in the words of ip(8).
func (h *Host) Ways(group string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ways[group])
}

// Slow makes every call take that long.
func (h *Host) Slow(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.latency = d
}

// AddForeign puts an address of somebody else on the machine.
func (h *Host) AddForeign(iface string, address netip.Prefix) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addresses = append(h.addresses, held{iface: iface, address: address, expires: vrrp.Never})
}

// Remove takes an address away, as `ip addr del` would.
func (h *Host) Remove(iface string, address netip.Prefix) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addresses = slices.DeleteFunc(h.addresses, func(a held) bool { return a.iface == iface && a.address == address })
}

// Set implements [vrrp.Host].
func (h *Host) Set(ctx context.Context, o vrrp.Owned) (added int, err error) {
	if err := h.work(ctx); err != nil {
		return 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	now := h.expire()
	var errs []error
	for _, d := range o.Devices {
		if h.ifaces[d.Interface] {
			h.devices[d] = o.Group
		}
	}
	maps.DeleteFunc(h.devices, func(d vrrp.Device, group string) bool {
		return group == o.Group && !slices.Contains(o.Devices, d)
	})
	for _, want := range o.Addresses {
		n, err := h.add(now, o.Group, want)
		added += n
		errs = append(errs, err)
	}
	h.addresses = slices.DeleteFunc(h.addresses, func(a held) bool {
		return a.group == o.Group && !slices.ContainsFunc(o.Addresses, func(w vrrp.OwnedAddress) bool {
			return w.Interface == a.iface && w.Address == a.address
		})
	})
	var ways []string
	for _, r := range o.Routes {
		ways = append(ways, "route "+r.String())
	}
	for _, r := range o.Rules {
		ways = append(ways, "rule "+r.String())
	}
	h.ways[o.Group] = ways
	err = errors.Join(errs...)
	if err == nil && h.failWays != nil && len(ways) > 0 {
		err = &vrrp.WayError{Err: h.failWays}
		h.ways[o.Group] = nil
	}
	return added, err
}

// add adds or renews one address.
func (h *Host) add(now vrrp.Instant, group string, want vrrp.OwnedAddress) (int, error) {
	if !h.ifaces[want.Interface] {
		return 0, fmt.Errorf("vrrp: add %v to %s: %w", want.Address, want.Interface, ErrNoDevice)
	}
	if d := (vrrp.Device{Router: want.Router, Interface: want.Interface, MAC: want.MAC}); want.MAC != (vrrp.MAC{}) && h.devices[d] == "" {
		return 0, fmt.Errorf("vrrp: add %v to the device for %s on %s: %w", want.Address, want.MAC, want.Interface, ErrNoDevice)
	}
	expires := now.Add(time.Duration(want.LeaseSecs) * time.Second)
	for i := range h.addresses {
		a := &h.addresses[i]
		if a.iface != want.Interface || a.address != want.Address {
			continue
		}
		if a.group == "" && want.Static {
			return 0, nil // its owner's, for good
		}
		if a.group == "" {
			return 0, fmt.Errorf("vrrp: add %v to %s: %w", want.Address, want.Interface, ErrExists)
		}
		a.group, a.expires = group, expires
		return 0, nil
	}
	h.addresses = append(h.addresses, held{group, want.Interface, want.Address, expires})
	return 1, nil
}

// Announce implements [vrrp.Host].
func (h *Host) Announce(ctx context.Context, o vrrp.Owned) error {
	if err := h.work(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range o.Addresses {
		h.announced = append(h.announced, Announcement{Now(), a.Interface, a.Address.Addr()})
	}
	return nil
}

// work takes the time a call takes.
func (h *Host) work(ctx context.Context) error {
	h.mu.Lock()
	latency, fail := h.latency, h.fail
	h.mu.Unlock()
	if latency > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(latency):
		}
	}
	return fail
}

// expire removes what nobody renewed, and returns the time.
func (h *Host) expire() vrrp.Instant {
	now := Now()
	h.addresses = slices.DeleteFunc(h.addresses, func(a held) bool { return a.expires <= now })
	return now
}

// Has tells whether an address of ours is there now.
func (h *Host) Has(address netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire()
	return slices.ContainsFunc(h.addresses, func(a held) bool { return a.group != "" && a.address.Addr() == address })
}

// Devices lists the devices of ours: interface and MAC address.
func (h *Host) Devices() (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for d := range h.devices {
		list = append(list, d.Interface+" "+d.MAC.String())
	}
	slices.Sort(list)
	return list
}

// DropDevices takes the devices on an interface away, as the kernel does with the
// interface.
func (h *Host) DropDevices(iface string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.devices, func(d vrrp.Device, _ string) bool { return d.Interface == iface })
}

// Calls tells how often Set was called and did not fail by [Host.Fail].
func (h *Host) Calls() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

// Announced returns what was announced since the last call.
func (h *Host) Announced() []Announcement {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.announced
	h.announced = nil
	return a
}

// String prints the addresses as `ip -o addr` lines, without lifetimes.
func (h *Host) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire()
	var b strings.Builder
	for _, a := range h.addresses {
		proto := ""
		if a.group != "" {
			proto = " proto 0xf0"
		}
		family, scope := "inet", "global"
		if a.address.Addr().Is6() {
			family = "inet6"
		}
		if a.address.Addr().IsLinkLocalUnicast() && a.address.Addr().Is6() {
			scope = "link"
		}
		fmt.Fprintf(&b, "%s %s %v scope %s%s\n", a.iface, family, a.address, scope, proto)
	}
	return b.String()
}
