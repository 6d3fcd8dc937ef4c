package vrrp

import (
	"fmt"
	"net"
	"strconv"
)

// MAC is an ethernet address. The zero one stands for that of the interface
// itself.
type MAC [6]byte

// VirtualMAC is the address of a virtual router (RFC 9568 section 7.3):
// 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6.
func VirtualMAC(vrid uint8, ipv6 bool) MAC {
	m := MAC{0, 0, 0x5e, 0, 1, vrid}
	if ipv6 {
		m[4] = 2
	}
	return m
}

// IPv6 tells the family of a virtual router's address.
func (m MAC) IPv6() bool { return m == VirtualMAC(m[5], true) }

// maxDeviceName is how many bytes the kernel allows the name of a device
// (linux/if.h, IFNAMSIZ, without the zero at the end).
const maxDeviceName = 15

// DeviceName names the device of a virtual MAC address by the index of the
// interface below, the family and the VRID, as FRR's manual does: vrrp4-3-51. No
// two have the same name: an index that is too long is written in base 36, after
// another beginning.
func DeviceName(index int, m MAC) string {
	family := 4
	if m.IPv6() {
		family = 6
	}
	if name := fmt.Sprintf("vrrp%d-%d-%d", family, index, m[5]); len(name) <= maxDeviceName {
		return name
	}
	return fmt.Sprintf("v%d-%s-%d", family, strconv.FormatInt(int64(index), 36), m[5])
}

// String writes it as Linux does, 00:00:5e:00:01:33; the zero one is empty.
func (m MAC) String() string {
	if m == (MAC{}) {
		return ""
	}
	return net.HardwareAddr(m[:]).String()
}

// MarshalText writes it as String does.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (m *MAC) UnmarshalText(text []byte) error {
	*m = MAC{}
	if len(text) == 0 {
		return nil
	}
	a, err := net.ParseMAC(string(text))
	if err != nil || len(a) != len(m) {
		return fmt.Errorf("vrrp: %q is no ethernet address", text)
	}
	copy(m[:], a)
	return nil
}

// MAC is the address that the router's adverts come from and its addresses are
// at: its virtual one, or the zero one for the interface's own.
func (c *RouterConfig) MAC() MAC {
	if !c.VirtualMAC {
		return MAC{}
	}
	return VirtualMAC(c.VRID, c.IPv6())
}

// macOf is the MAC address that one of the router's addresses is at: on another
// interface it is that interface's own.
func (c *RouterConfig) macOf(a Address) MAC {
	if c.On(a) != c.Interface {
		return MAC{}
	}
	return c.MAC()
}
