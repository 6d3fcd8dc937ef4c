package linux

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// A virtual MAC address lives on a macvlan of ours on top of the interface, in
// bridge mode. In private mode, which keepalived uses, the kernel hands a frame
// that comes from the device's own MAC address to the device alone
// (drivers/net/macvlan.c, macvlan_handle_frame), and the other director's adverts
// come from just that: the interface would be deaf to the very neighbour that
// matters. In bridge mode, which FRR asks for, they reach the interface, where one
// socket hears all virtual routers.
//
// The device is down while it has no address: a backup answers nothing, and its
// network card does not take the frames. The adverts themselves do not go through
// it, so that a new master can speak before it has the addresses.

// aliasPrefix begins the alias (ip link show: "alias …") of every device of ours.
const aliasPrefix = "failover virtual_router "

// HeldDevice is one device that this program made for a virtual MAC address.
type HeldDevice struct {
	Group     string
	Router    string
	Interface string
	Parent    int // index of Interface when the device was made
	MAC       vrrp.MAC
}

// deviceKey is what tells one device of ours from another.
type deviceKey struct {
	parent int
	mac    vrrp.MAC
}

func (d HeldDevice) key() deviceKey { return deviceKey{d.Parent, d.MAC} }

func deviceName(k deviceKey) string { return vrrp.DeviceName(k.parent, k.mac) }

// isOurs tells whether a link is the device of that key. Owned tells that it
// stands in the owned set; without that it must carry our alias.
func isOurs(l netlink.Link, k deviceKey, owned bool) bool {
	at := l.Attrs()
	return l.Type() == "macvlan" && at.ParentIndex == k.parent && at.HardwareAddr.String() == k.mac.String() &&
		(owned || strings.HasPrefix(at.Alias, aliasPrefix))
}

// device is one of ours as Set works with it.
type device struct {
	HeldDevice
	link netlink.Link
}

// makeDevices makes the devices of a group that are not there, and returns those
// that are. One on an interface that is missing is left out: it comes with it.
func (h *Host) makeDevices(o vrrp.Owned) (map[deviceKey]*device, error) {
	out := map[deviceKey]*device{}
	var errs []error
	for _, d := range o.Devices {
		parent, err := h.kernel.LinkByName(d.Interface)
		if err != nil {
			if err = noLink(err); !errors.Is(err, unix.ENODEV) {
				errs = append(errs, fmt.Errorf("vrrp: look at %s: %w", d.Interface, err))
			}
			continue
		}
		one := &device{HeldDevice: HeldDevice{
			Group: o.Group, Router: d.Router, Interface: d.Interface, Parent: parent.Attrs().Index, MAC: d.MAC,
		}}
		if one.link, err = h.makeDevice(one.HeldDevice); err != nil {
			errs = append(errs, fmt.Errorf("vrrp: put %s on %s by device %s: %w", d.MAC, d.Interface, deviceName(one.key()), err))
			continue
		}
		out[one.key()] = one
	}
	return out, errors.Join(errs...)
}

// makeDevice makes one device or takes over the one that is there, if it is ours.
// The disk knows of it before the kernel does.
func (h *Host) makeDevice(d HeldDevice) (netlink.Link, error) {
	name := deviceName(d.key())
	l, err := h.kernel.LinkByName(name)
	switch {
	case err == nil && !isOurs(l, d.key(), h.devices.has(d.key())):
		return nil, ErrForeign
	case err == nil:
		h.devices.include(d)
		return l, h.sign(l, d)
	case !errors.Is(noLink(err), unix.ENODEV):
		return nil, err
	}
	h.devices.include(d)
	at := netlink.NewLinkAttrs()
	at.Name, at.ParentIndex, at.HardwareAddr = name, d.Parent, d.MAC[:]
	if err := h.kernel.LinkAdd(&netlink.Macvlan{LinkAttrs: at, Mode: netlink.MACVLAN_MODE_BRIDGE}); err != nil {
		h.devices.exclude(d.key())
		return nil, err
	}
	h.log.Info("device added", "device", name, "interface", d.Interface, "mac", d.MAC.String(), "router", d.Router)
	if l, err = h.kernel.LinkByName(name); err != nil {
		return nil, noLink(err)
	}
	return l, h.sign(l, d)
}

// sign gives a device the alias that tells people, and a next process, whose it
// is. The kernel takes none when the device is made.
func (h *Host) sign(l netlink.Link, d HeldDevice) error {
	if alias := aliasPrefix + d.Router; l.Attrs().Alias != alias {
		return h.kernel.LinkSetAlias(l, alias)
	}
	return nil
}

// raise sets up the devices that are to have addresses.
func (h *Host) raise(devices map[deviceKey]*device, wanted []wish) error {
	var errs []error
	for _, d := range devices {
		if !used(d, wanted) || d.link.Attrs().RawFlags&unix.IFF_UP != 0 {
			continue
		}
		err := tune(d.link.Attrs().Name, d.Interface, d.MAC.IPv6())
		if err == nil {
			err = h.kernel.LinkSetUp(d.link)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("vrrp: set %s up: %w", d.link.Attrs().Name, err))
		}
	}
	return errors.Join(errs...)
}

// lower sets down the devices that are to have no address, and removes those of
// the group that are no longer wanted.
func (h *Host) lower(group string, devices map[deviceKey]*device, wanted []wish) error {
	var errs []error
	for _, d := range devices {
		if used(d, wanted) || d.link.Attrs().RawFlags&unix.IFF_UP == 0 {
			continue
		}
		if err := h.kernel.LinkSetDown(d.link); err != nil {
			errs = append(errs, fmt.Errorf("vrrp: set %s down: %w", d.link.Attrs().Name, err))
		}
	}
	for _, d := range slices.Clone(h.devices.held) {
		if d.Group != group || devices[d.key()] != nil {
			continue
		}
		errs = append(errs, h.removeDevice(d))
	}
	return errors.Join(errs...)
}

// removeDevice removes a device of ours. One that is gone, or that is no longer
// ours, is forgotten.
func (h *Host) removeDevice(d HeldDevice) error {
	name := deviceName(d.key())
	l, err := h.kernel.LinkByName(name)
	if err == nil && isOurs(l, d.key(), false) {
		err = h.kernel.LinkDel(l)
		if err == nil {
			h.log.Info("device removed", "device", name, "router", d.Router)
		}
	}
	if err = noLink(err); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("vrrp: remove device %s: %w", name, err)
	}
	h.devices.exclude(d.key())
	return nil
}

// countDevices counts the devices of ours that are there.
func (h *Host) countDevices() (count int) {
	for _, d := range h.devices.held {
		if l, err := h.kernel.LinkByName(deviceName(d.key())); err == nil && isOurs(l, d.key(), true) {
			count++
		}
	}
	return count
}

// used tells whether a device is to have an address.
func used(d *device, wanted []wish) bool {
	return slices.ContainsFunc(wanted, func(w wish) bool { return w.Index == d.link.Attrs().Index })
}

// noVirtualMAC says why the kernel lets no macvlan be on a link; empty: it does.
func (h *Host) noVirtualMAC(l netlink.Link) string {
	at := l.Attrs()
	switch {
	case at.RawFlags&unix.IFF_LOOPBACK != 0:
		return "it is the loopback interface"
	case at.EncapType != "ether":
		return "it is no ethernet"
	case slices.Contains([]string{"macvlan", "macvtap", "ipvlan", "ipvtap"}, l.Type()):
		return "it is a " + l.Type() + " itself"
	case at.MasterIndex == 0:
		return ""
	}
	// One program at a time takes the frames of a link: that is the bridge, then.
	master, err := h.kernel.LinkByIndex(at.MasterIndex)
	if err == nil && slices.Contains([]string{"bridge", "bond", "team", "openvswitch"}, master.Type()) {
		return "it is part of " + master.Attrs().Name
	}
	return ""
}
