package host

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// forwarding6 makes the machine a router of IPv6.
const forwarding6 = "net.ipv6.conf.all.forwarding"

// withRouterAdverts adds to the sysctls that are wanted what keeps the default
// routes that routers have advertised: the kernel drops them when it is to forward
// (net/ipv6/addrconf.c, addrconf_fixup_forwarding), but for interfaces with
// accept_ra = 2. What we have set stays as long as forwarding is wanted.
func (r *Reconciler) withRouterAdverts(want map[string]string, saved Originals) (map[string]string, error) {
	if want[forwarding6] != "1" {
		return want, nil
	}
	names, err := r.advertised()
	if err != nil {
		return want, fmt.Errorf("host: list IPv6 routes: %w", err)
	}
	want = maps.Clone(want)
	var errs []error
	for _, name := range names {
		key := "net.ipv6.conf." + name + ".accept_ra"
		has, err := r.read(key)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just gone
		case err != nil:
			errs = append(errs, err)
		case has == "1":
			want[key] = "2"
		}
	}
	for name := range saved {
		if strings.HasSuffix(name, ".accept_ra") {
			if _, err := r.read(name); err == nil {
				want[name] = "2"
			}
		}
	}
	return want, errors.Join(errs...)
}

// advertisedRoutes names the interfaces of this namespace that have a default route
// by router advertisement.
func advertisedRoutes() ([]string, error) {
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{Protocol: unix.RTPROT_RA}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, route := range routes {
		if route.Dst != nil && !route.Dst.IP.IsUnspecified() {
			continue
		}
		link, err := netlink.LinkByIndex(route.LinkIndex)
		if err != nil {
			continue // it has just gone
		}
		names = append(names, link.Attrs().Name)
	}
	return names, nil
}
