package policy

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"failover/conf"
	"failover/lvs"
	"failover/vrrp"
)

// TestMachineDoc holds that docs/machine.md has each sysctl that can be wished, with
// its value, and no other.
func TestMachineDoc(t *testing.T) {
	text, err := os.ReadFile("../../docs/machine.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(net\\.[^`]+)` \\| ([^|]+) \\|").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = strings.TrimSpace(m[2])
	}
	seen := map[string]bool{"net.ipv6.conf.IF.accept_ra": true} // the machine's own business, see internal/host
	place := regexp.MustCompile(`\.conf\.(eth\d|fo[a-z0-9-]+)\.`)
	for _, w := range everySetting() {
		for name, value := range Desired(w).Host.Sysctls {
			name = place.ReplaceAllStringFunc(name, func(s string) string {
				if strings.HasPrefix(s, ".conf.fo") {
					return ".conf.DEVICE."
				}
				return ".conf.IF."
			})
			seen[name] = true
			if documented[name] != value {
				t.Errorf("%s = %s, the document has %q", name, value, documented[name])
			}
		}
	}
	for name := range documented {
		if !seen[name] {
			t.Errorf("%s is documented and never wished", name)
		}
	}
}

// everySetting are worlds that together wish every sysctl.
func everySetting() []World {
	return []World{
		machine(func(w *World) {
			w.Node.Groups[0].Routers[1].Interface = "eth2"
			w.Node.Groups[0].Routers[0].VirtualMAC, w.Node.Groups[0].Routers[0].OtherOwner = true, true
			w.Node.Servers[0].Masquerade = true
		}),
		machine(func(w *World) {
			w.Node.Groups[0].Routers = []vrrp.RouterConfig{{Interface: "eth3", Addresses: []vrrp.Address{{Prefix: vip6}}}}
			w.Node.Servers[0].Servers = []conf.RealServer{{Address: web6, Forward: lvs.NAT}}
		}),
		machine(func(w *World) {
			byMark(w, 7, vip)
			w.Node.Servers[0].Scheduler = "mh"
			all(w, lvs.DR)
			w.Node.Addresses = append(w.Node.Addresses, web1.Addr())
		}),
		machine(func(w *World) {
			byMark(w, 7, vip)
			all(w, lvs.TUN)
			w.Node.Addresses = append(w.Node.Addresses, web1.Addr())
		}),
	}
}
