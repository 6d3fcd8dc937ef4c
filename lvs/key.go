package lvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// Protocol is the transport protocol of a virtual service.
type Protocol string

// The protocols. SCTP is read, so that foreign services have a name.
const (
	TCP  Protocol = "tcp"
	UDP  Protocol = "udp"
	SCTP Protocol = "sctp"
)

// Key names a virtual service in the kernel's table: protocol, address and port,
// or a firewall mark.
type Key struct {
	Protocol Protocol
	Address  netip.AddrPort
	// FWMark, when not 0, is all that identifies the service; Protocol is then
	// empty and Address the unspecified address of the family.
	FWMark uint32
}

// Is6 tells whether the service is one of IPv6.
func (k Key) Is6() bool { return k.Address.Addr().Is6() }

// String gives the key as ipvsadm writes it: "-t 172.20.10.4:80", "-f 7 -6".
func (k Key) String() string {
	switch {
	case k.FWMark != 0 && k.Is6():
		return fmt.Sprintf("-f %d -6", k.FWMark)
	case k.FWMark != 0:
		return fmt.Sprintf("-f %d", k.FWMark)
	case k.Protocol == UDP:
		return "-u " + k.Address.String()
	case k.Protocol == SCTP:
		return "--sctp-service " + k.Address.String()
	}
	return "-t " + k.Address.String()
}

// MarshalText writes the key as [Key.String] does, for files.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Key) UnmarshalText(text []byte) error {
	o := newRule("-A")
	if err := o.read(strings.Fields(string(text))); err != nil {
		return fmt.Errorf("lvs: parse service %q: %w", text, err)
	}
	if key := o.service.Key; key.String() != strings.Join(strings.Fields(string(text)), " ") {
		return fmt.Errorf("lvs: parse service %q: it is written %q", text, key)
	}
	*k = o.service.Key
	return nil
}

// Compare orders keys: addresses before marks, IPv4 before IPv6, then by
// protocol number, address and port.
func (k Key) Compare(o Key) int {
	return cmp.Or(
		cmp.Compare(k.FWMark, o.FWMark),
		cmp.Compare(k.Address.Addr().BitLen(), o.Address.Addr().BitLen()),
		cmp.Compare(k.Protocol.number(), o.Protocol.number()),
		k.Address.Compare(o.Address),
	)
}

// number is the protocol's number in the IP header.
func (p Protocol) number() int {
	switch p {
	case TCP:
		return 6
	case UDP:
		return 17
	case SCTP:
		return 132
	}
	return 0
}
