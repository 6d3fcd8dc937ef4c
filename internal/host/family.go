package host

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"failover/lvs"
)

// withoutIPv6 leaves out what cannot be on a kernel whose IPv6 is off, and says
// once what that is needed for; otherwise each of its sysctls would be missing.
func (r *Reconciler) withoutIPv6(d Desired) (Desired, error) {
	if _, err := os.Stat(filepath.Join(r.config.Proc, "net/if_inet6")); err == nil {
		return d, nil
	}
	who := firstIPv6(d)
	if who == "" {
		return d, nil
	}
	six := func(name, _ string) bool { return strings.HasPrefix(name, "net.ipv6.") }
	d.Sysctls = maps.Clone(d.Sysctls)
	maps.DeleteFunc(d.Sysctls, six)
	d.Local = slices.DeleteFunc(slices.Clone(d.Local), netip.Addr.Is6)
	d.Gateways = slices.DeleteFunc(slices.Clone(d.Gateways), netip.Addr.Is6)
	d.Tunnels = slices.DeleteFunc(slices.Clone(d.Tunnels), func(t Tunnel) bool { return t.Local.Is6() || t.Kind == SIT })
	return d, fmt.Errorf("host: the kernel's IPv6 is off (ipv6.disable=1 at boot), which %s needs", who)
}

// firstIPv6 names what needs IPv6; empty: nothing does.
func firstIPv6(d Desired) string {
	keys := slices.Concat(d.Guard.Services, d.Guard.Here, d.Guard.Marked)
	for _, m := range d.Marks.Services {
		keys = append(keys, m.Service)
	}
	if i := slices.IndexFunc(keys, lvs.Key.Is6); i >= 0 {
		return "the service " + keys[i].String()
	}
	for _, list := range [][]netip.Addr{d.Local, d.Gateways, d.Guard.Closed} {
		if i := slices.IndexFunc(list, netip.Addr.Is6); i >= 0 {
			return "the address " + list[i].String()
		}
	}
	return ""
}
