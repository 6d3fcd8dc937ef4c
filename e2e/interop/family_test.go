package interop

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
)

// addresses6 gives the directors and the client outside addresses of IPv6: ones
// that are written here instead of what the kernel makes of a MAC address, and
// without waiting for duplicate address detection.
func (d *duel) addresses6(ctx context.Context) {
	d.Helper()
	add := func(link string, list ...netip.Addr) string {
		script := fmt.Sprintf("ip link set %[1]s addrgenmode none\nip -6 addr flush dev %[1]s\n", link)
		for _, a := range list {
			script += fmt.Sprintf("ip addr add %s/64 dev %s nodad\n", a, link)
		}
		return script
	}
	for _, n := range d.lab.Directors() {
		var script strings.Builder
		for _, at := range networks(6) {
			script.WriteString(add(at.link, at.source[n.Name], at.unicast[n.Name]))
		}
		if _, err := n.Run(ctx, "sh", "-ec", script.String()); err != nil {
			d.Fatal(err)
		}
	}
	script := add("eth0", netip.MustParseAddr("fe80::1"), networks(6)[0].client)
	if _, err := d.lab.Client.Run(ctx, "sh", "-ec", script); err != nil {
		d.Fatal(err)
	}
}
