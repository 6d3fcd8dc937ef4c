package lab

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Keepalived is the keepalived installed on this machine.
type Keepalived struct{}

// FindKeepalived tells whether it is installed.
func FindKeepalived() error { return lookTools("keepalived", "ipvsadm") }

// Name implements [System].
func (Keepalived) Name() string { return "keepalived" }

// Prepare implements [System]: keepalived leaves forwarding to its
// administrator.
func (Keepalived) Prepare(n *Node) error {
	return n.Sysctl("net/ipv4/ip_forward", "1")
}

// Unit implements [System]. The packaged unit has no Restart; the pair is
// compared as one whose administrator has added it.
func (Keepalived) Unit(*Node) UnitSpec {
	return UnitSpec{
		Name:         "keepalived",
		ExecStart:    []string{"keepalived", "--dont-fork", "--log-console", "--log-detail"},
		Restart:      true,
		RestartDelay: 200 * time.Millisecond,
	}
}

// Configure implements [System].
func (Keepalived) Configure(n *Node, s Setup) error {
	return n.WriteFile("/etc/keepalived/keepalived.conf", []byte(keepalivedConf(n.Name, s)), 0o644)
}

func keepalivedConf(node string, s Setup) string {
	s = s.withDefaults()
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id %s\n  vrrp_version 3\n", node)
	if !s.NoSync {
		fmt.Fprintf(&b, "  lvs_sync_daemon eth1 outside id 51\n")
	}
	fmt.Fprintf(&b, "}\n")
	keepalivedRouters(&b, node, s)
	if s.RoutersOnly {
		return b.String()
	}
	vip := netip.MustParseAddrPort(Service)
	fmt.Fprintf(&b, "virtual_server %s %d {\n  delay_loop %g\n  lvs_sched rr\n  lvs_method NAT\n  protocol TCP\n",
		vip.Addr(), vip.Port(), s.CheckInterval.Seconds())
	for _, rs := range s.Servers {
		at := netip.MustParseAddrPort(rs.Address)
		fmt.Fprintf(&b, "  real_server %s %d {\n    weight %d\n", at.Addr(), at.Port(), rs.Weight)
		// The checks of keepalived count the retries after a first failure, and an
		// answer takes a server in at once.
		limits := fmt.Sprintf("connect_timeout %g\n      retry %d\n      delay_before_retry %g",
			s.CheckTimeout.Seconds(), s.Fall-1, s.CheckInterval.Seconds())
		switch s.Check {
		case "http":
			fmt.Fprintf(&b, "    HTTP_GET {\n      url {\n        path /\n        status_code 200\n      }\n      %s\n    }\n", limits)
		case "tcp":
			fmt.Fprintf(&b, "    TCP_CHECK {\n      %s\n    }\n", limits)
		}
		fmt.Fprintf(&b, "  }\n")
	}
	fmt.Fprintf(&b, "}\n")
	return b.String()
}

// keepalivedRouters writes the sync groups and the instances.
func keepalivedRouters(b *strings.Builder, node string, s Setup) {
	groups := map[string][]string{}
	for _, r := range s.Routers {
		if r.Group != "" {
			groups[r.Group] = append(groups[r.Group], r.Name)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		fmt.Fprintf(b, "vrrp_sync_group %s {\n  group {\n    %s\n  }\n}\n", g, strings.Join(groups[g], "\n    "))
	}
	for _, r := range s.Routers {
		fmt.Fprintf(b, "vrrp_instance %s {\n  state BACKUP\n  interface %s\n  virtual_router_id %d\n", r.Name, r.Link, r.VRID)
		fmt.Fprintf(b, "  priority %d\n  advert_int %.2f\n", s.Priority[node], s.AdvertInterval.Seconds())
		if s.NoPreempt {
			fmt.Fprintf(b, "  nopreempt\n")
		}
		fmt.Fprintf(b, "  virtual_ipaddress {\n    %s\n  }\n}\n", r.Address)
	}
}
