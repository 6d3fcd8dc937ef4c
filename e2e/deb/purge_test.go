package deb

import "testing"

// realServer makes the machine web1 of a deployment by dr.
const realServer = `
ip link add eth1 type veth peer name switch
ip addr add 192.168.33.92/24 dev eth1
ip link set switch up
ip link set eth1 up
cat >/etc/failover/failover.toml <<'END'
[director.lb1]
address = "192.168.33.91"
[director.lb2]
address = "192.168.33.94"
[virtual_router.inside]
interface = "eth1"
vrid = 51
addresses = ["192.168.33.90/24"]
[virtual_server.web]
address = "192.168.33.90:80"
scheduler = "rr"
forward = "dr"
real_server = [ { name = "web1", address = "192.168.33.92:80" } ]
END
failover realserver up >/dev/null
ip -o addr show dev lo | grep -q 192.168.33.90
[ "$(cat /proc/sys/net/ipv4/conf/all/arp_ignore)" = 1 ]
failover keygen
`

// kernel is what the machine's kernel has that could be ours.
const kernel = `ip -o addr show dev lo | grep 192.168.33.90 || true
cat /proc/sys/net/ipv4/conf/all/arp_ignore /proc/sys/net/ipv4/conf/all/arp_announce
nft list tables 2>/dev/null || true`

// TestRemovalReleases: after a removal the kernel has nothing of ours, for nobody is
// left to take it away; the file and the key stay.
func TestRemovalReleases(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.sh(install)
	before := m.sh(kernel)
	m.sh(realServer)
	m.sh(remove + `[ -s /etc/failover/failover.toml ] && [ -s /etc/failover/node.key ]`)
	if got := m.sh(kernel); got != before {
		t.Errorf("before\n%s\nafter\n%s", before, got)
	}
}

// TestPurgeLeavesNothing: after a purge the machine is what it was before the
// installation.
func TestPurgeLeavesNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	accounts := `cat /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/subuid /etc/subgid`
	before, users := m.changed(), m.sh(accounts)
	m.sh(install)
	m.sh(realServer)
	m.sh(`systemctl enable failover-realserver.service
` + purge + `[ ! -e /run/failover ] && [ ! -e /etc/failover ] && [ ! -e /var/lib/failover ]`)
	if got := m.sh(accounts); got != users {
		t.Errorf("the accounts before\n%s\nafter\n%s", users, got)
	}
	if got := m.changed(); got != before {
		t.Errorf("changed before\n%s\nafter\n%s", before, got)
	}
}
