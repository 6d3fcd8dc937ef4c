package linux

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// needed are the capabilities(7) without which there is nothing to be elected: who
// may not change an address would be a master that holds none.
var needed = []struct {
	bit  uint
	name string
}{
	{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"}, // addresses, tables, routes
	{unix.CAP_NET_RAW, "CAP_NET_RAW"},     // adverts, announcements
}

// Permitted returns an error that names the capabilities that this process lacks and
// cannot do without; it wraps [unix.EPERM].
func Permitted() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var words [2]unix.CapUserData
	if err := unix.Capget(&head, &words[0]); err != nil {
		return fmt.Errorf("vrrp: read the capabilities of this process: %w", err)
	}
	var lacking []string
	for _, c := range needed {
		if words[c.bit/32].Effective&(1<<(c.bit%32)) == 0 {
			lacking = append(lacking, c.name)
		}
	}
	if lacking == nil {
		return nil
	}
	verb := "is"
	if len(lacking) > 1 {
		verb = "are"
	}
	return fmt.Errorf("vrrp: %s %s missing: %w", strings.Join(lacking, " and "), verb, unix.EPERM)
}
