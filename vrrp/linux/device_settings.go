package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// setting is one file below /proc/sys/net, of a device.
type setting struct{ family, name, value string }

// settings4 are what a device for IPv4 needs, settings6 one for IPv6. The device
// is ours, so there is nothing to restore.
var (
	settings4 = []setting{
		// It answers for its own addresses only: with 0 for every address of the machine,
		// and neighbours would find the interface's at the virtual MAC address.
		{"ipv4", "arp_ignore", "1"},
		{"ipv4", "arp_filter", "0"},
		// What comes in here goes out by the interface, whose routes are better. 2 is the
		// loose test; with 0 a net.ipv4.conf.all.rp_filter of 1 would count.
		{"ipv4", "rp_filter", "2"},
		{"ipv4", "promote_secondaries", "1"},
		{"ipv4", "arp_notify", "0"}, // announcing is ours
		{"ipv6", "disable_ipv6", "1"},
	}
	settings6 = []setting{
		{"ipv4", "arp_ignore", "8"}, // answer for nothing
		{"ipv6", "disable_ipv6", "0"},
		// RFC 9568 section 7.4: no interface identifier is made of the virtual MAC
		// address; the address of the virtual router is added like the others.
		{"ipv6", "addr_gen_mode", "1"},
		{"ipv6", "accept_ra", "0"},
		{"ipv6", "autoconf", "0"},
		{"ipv6", "router_solicitations", "0"},
		{"ipv6", "accept_redirects", "0"},
		{"ipv6", "accept_dad", "0"},
		{"ipv6", "ndisc_notify", "0"},
	}
)

// tune writes the settings of a device of ours. It forwards where its interface
// does.
func tune(device, parent string, ipv6 bool) error {
	list, family := settings4, "ipv4"
	if ipv6 {
		list, family = settings6, "ipv6"
	}
	for _, s := range list {
		if err := s.write(device); err != nil {
			return err
		}
	}
	forwards, err := setting{family, "forwarding", ""}.read(parent)
	if err != nil {
		return err
	}
	return setting{family, "forwarding", forwards}.write(device)
}

func (s setting) path(device string) string {
	return "/proc/sys/net/" + s.family + "/conf/" + device + "/" + s.name
}

func (s setting) read(device string) (string, error) {
	b, err := os.ReadFile(s.path(device))
	if err != nil {
		return "", fmt.Errorf("read %s of %s: %w", s.name, device, bare(err))
	}
	return strings.TrimSpace(string(b)), nil
}

// write writes a setting that is not as it should be. A kernel without IPv6 has
// nothing that would have to be turned off.
func (s setting) write(device string) error {
	has, err := s.read(device)
	if s.name == "disable_ipv6" && s.value == "1" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || has == s.value {
		return err
	}
	if err := os.WriteFile(s.path(device), []byte(s.value), 0); err != nil {
		return fmt.Errorf("set %s of %s to %s: %w", s.name, device, s.value, bare(err))
	}
	return nil
}

// bare takes operation and path off an error of a file: its words say them.
func bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
